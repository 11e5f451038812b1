"""Libraries are heard once a minute; what we say ourselves always."""

from __future__ import annotations

import logging

from pipeline.core.logs import Sparing


def line(template: str, *arguments: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("aiokafka.conn", level, __file__, 1, template, arguments, None)


def test_a_line_of_one_kind_passes_once_a_minute_whatever_its_arguments() -> None:
    now = 0.0
    sparing = Sparing(seconds=60, clock=lambda: now)

    said = [sparing.filter(line("broker %s is away", number)) for number in range(3)]
    now = 59.0
    said.append(sparing.filter(line("broker %s is away", 4)))
    now = 61.0
    said.append(sparing.filter(line("broker %s is away", 5)))

    assert said == [True, False, False, False, True]


def test_another_kind_passes_at_once() -> None:
    sparing = Sparing(clock=lambda: 0.0)

    assert sparing.filter(line("broker %s is away", 1))
    assert sparing.filter(line("broker %s is back", 1))
    assert sparing.filter(line("broker %s is away", 1, level=logging.CRITICAL))
