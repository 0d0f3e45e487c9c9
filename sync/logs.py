"""What the process tells its operator: constant sentences with keys and values, JSON unless a person is watching.

Everything passes one processor that takes secrets out: every secret of the configuration wherever it stands in a text,
and every value whose key names a secret. Libraries that use the standard `logging` come the same way.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "***"
_NAMES = re.compile(r"(?i)(^|_)(token|password|passwd|secret|signature|authorization|api_?key|cookie)s?$")
_SHORTEST = 4
"""A shorter secret would take common letters out of every line; nobody has one."""

Event = MutableMapping[str, Any]


class Redaction:
    """Takes secrets out of an event: the given ones anywhere, and any value under a telling name."""

    def __init__(self, secrets: Collection[str]) -> None:
        known = sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        """A processor of structlog."""
        return {key: HIDDEN if _NAMES.search(key) else self.clean(value) for key, value in event.items()}

    def clean(self, value: Any) -> Any:
        """The value with every known secret replaced; what is no text is looked through."""
        if isinstance(value, str):
            return self._known.sub(HIDDEN, value) if self._known else value
        if isinstance(value, Mapping):
            return {key: HIDDEN if _NAMES.search(str(key)) else self.clean(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.clean(each) for each in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.clean(str(value))


def configure(secrets: Collection[str] = (), level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log of this process to `stream` (standard error), as JSON unless that is a terminal."""
    out = stream or sys.stderr
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[Callable[..., Any]] = [
        structlog.processors.format_exc_info,
        Redaction(secrets),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if out.isatty()
        else structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False),
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.WARNING))  # libraries are heard when something is wrong
