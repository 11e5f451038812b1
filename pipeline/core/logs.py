"""Logs: JSON lines on standard error when something is wrong, and silence when nothing is."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Final, cast

import structlog

_KINDS: Final = 1000
"""How many kinds of lines are remembered; some libraries format before they log."""


def configure_logs(level: str = "INFO") -> None:
    """Send our own and the libraries' logs to standard error as JSON; libraries only from WARNING on, and
    no more than one line of a kind a minute.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    handler.addFilter(Sparing())
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


class Sparing(logging.Filter):
    """Lets one line of a kind through each minute: aiokafka says 160 times a second that Kafka is away."""

    def __init__(self, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._said_at: dict[tuple[str, int, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether nothing of its kind (logger, level, template) was said within the minute."""
        kind = (record.name, record.levelno, str(record.msg))
        now = self._clock()
        if now - self._said_at.get(kind, float("-inf")) < self._seconds:
            return False
        if len(self._said_at) > _KINDS:
            self._said_at.clear()
        self._said_at[kind] = now
        return True


def logger(stage: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names its stage on every line."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(stage=stage))
