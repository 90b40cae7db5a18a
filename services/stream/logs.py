"""Logs: one line an event, JSON or console, an `action` on every line, the post's trace id where there is one.

Never log a text, an author or a secret: log ids, counts and reasons.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from services.stream.settings import StreamSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger("mythwatch")


def configure(service: str, settings: StreamSettings) -> None:
    """Send every log line of the process, libraries included, to standard error in the chosen format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _with_service(service),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _library_action],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # At debug level libraries write what they carry: websocket frames, parameters of SQL. Our own lines hold no texts.
    root.setLevel("INFO" if settings.log_level == "debug" else settings.log_level.upper())
    logging.getLogger("mythwatch").setLevel(settings.log_level.upper())
    # Their warnings on a lost broker repeat many times a second; the loop says it once.
    for noisy in ("aiokafka", "faust", "mode", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel("CRITICAL" if noisy == "aiokafka" else "ERROR")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _with_service(service: str) -> Any:
    def add(_: Any, __: str, event: Any) -> Any:
        event.setdefault("service", service)
        return event

    return add


def _library_action(_: Any, __: str, event: Any) -> Any:
    event.setdefault("action", "library")
    return event
