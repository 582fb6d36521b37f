"""Operational logs: structlog, an allow-list of keys, and nothing that anyone said.

The law: a line holds an event of the catalogue and keys of `audit.telemetry.LOG_KEYS`. What
libraries log is reduced to who said it and how grave it is, because their messages may repeat
their input. Tracebacks hold file, line and function; never a message, never a local variable.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

from audit.settings import Settings
from audit.telemetry import LOG_KEYS, Log, frames_of

__all__ = ["configure", "configure_for", "silence_libraries"]

_OWN_KEYS = LOG_KEYS | {"event", "level", "timestamp"}


def configure(component: str, *, as_json: bool, level: str = "info") -> Log:
    """Set up logging to standard error from `level` on; gives the logger of this process."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _allowed_only,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger().bind(component=component)
    root = logging.getLogger()
    root.handlers = [_ContentFree(log)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    _hook(log)
    return log


def silence_libraries() -> None:
    """Let libraries log nothing, for a command whose own lines say what went wrong.

    A service that refuses or cannot be reached makes them write pages, and what was asked with it.
    """
    root = logging.getLogger()
    root.handlers = [logging.NullHandler()]
    logging.captureWarnings(capture=True)


def _hook(log: Log) -> None:
    """Have errors that nobody caught told without their messages, in threads and finalisers too."""

    def tell(error: BaseException | None) -> None:
        if error is not None:
            kind, where = type(error).__name__, frames_of(error)
            log.error("process.unexpected", error_type=kind, where=where)

    threading.excepthook = lambda args: tell(args.exc_value)
    sys.unraisablehook = lambda args: tell(args.exc_value)


def configure_for(component: str, settings: Settings) -> Log:
    """Set up logging as the settings ask."""
    return configure(component, as_json=settings.log_json, level=settings.log_level)


def _allowed_only(
    logger: Any,
    method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list: a careless call must not leak; and what is empty."""
    del logger, method
    for key in [key for key in event if key not in _OWN_KEYS or event[key] is None]:
        del event[key]
    return event


class _ContentFree(logging.Handler):
    """Passes on that a library said something, and how grave it is; never what."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Reduce one record to its logger's name and level."""
        kind = record.exc_info[0] if record.exc_info else None
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say(
            "library.message",
            where=record.name,
            error_type=kind.__name__ if kind is not None else None,
        )
