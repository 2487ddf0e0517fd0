"""The messages of the programs that keep running: text on a terminal, else one JSON object a line, on standard error.

Not events: those are what the programs are for, and go elsewhere.
"""

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO


class Log(Protocol):
    """Takes messages: what happened in a few fixed words, and what is particular in fields."""

    def debug(self, event: str, **fields: Any) -> None:
        """What only whoever looks for a fault wants to know."""

    def info(self, event: str, **fields: Any) -> None:
        """What is as it should be."""

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody should look at some time."""

    def error(self, event: str, **fields: Any) -> None:
        """What somebody should put right."""


def configure(form: str = "auto", level: str = "info", out: TextIO | None = None) -> Log:
    """The log to hand on; `form` is `auto`, `text` or `json`."""
    out = out or sys.stderr
    structlog = _structlog()
    as_text = form == "text" or (form == "auto" and out.isatty())
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", key="timestamp" if as_text else "time"),
            *(_text(structlog, out) if as_text else _json(structlog)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
    )
    return log


def _text(structlog: Any, out: TextIO) -> list[Any]:
    return [structlog.dev.ConsoleRenderer(colors=out.isatty() and not os.environ.get("NO_COLOR"), pad_event_to=0)]


def _json(structlog: Any) -> list[Any]:
    processors = structlog.processors
    return [processors.format_exc_info, processors.EventRenamer("message"), processors.JSONRenderer(sort_keys=False)]


def _structlog() -> Any:
    """Without rich, which structlog takes for tracebacks where it is there: a quarter of a second and 6 MB."""
    with _hidden("rich"):
        return importlib.import_module("structlog")


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
