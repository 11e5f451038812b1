"""Logs: JSON lines on standard error when something is wrong, and silence when nothing is."""

from __future__ import annotations

import logging
import sys
from typing import cast

import structlog


def configure_logs(level: str = "INFO") -> None:
    """Send our own and the libraries' logs to standard error as JSON; libraries only from WARNING on."""
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
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def logger(stage: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names its stage on every line."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(stage=stage))
