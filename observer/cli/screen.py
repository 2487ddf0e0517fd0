"""The terminal view of `observer top`, and the reading of what it shows. Loaded only by that command."""

import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Static

from observer.model import State
from observer.report.live import Board

REFRESH_S = 0.5
PAUSE_S = 0.3
RETRY_S = 2.0
TIMEOUT_S = 30.0
MAX_WAITING = 100_000
"""Lines between two refreshes; older ones are given up."""
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}
SHOWN = (
    State.PLAINTEXT,
    State.UNVERIFIED,
    State.VERIFIABLE,
    State.VERIFIED,
    State.ABORTED,
    State.RESUMED,
    State.UNKNOWN,
)


class Reader:
    """Reads lines in a thread of its own, and begins again where the source went away."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.lines = deque[bytes](maxlen=MAX_WAITING)
        self.trouble = ""
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                for line in _lines(self._source):
                    self.trouble = ""
                    self.lines.append(line)
                self.trouble = f"{self._source}: ended; trying again"
            except (OSError, ValueError) as error:
                self.trouble = f"{self._source}: {getattr(error, 'reason', None) or error}; trying again"
            time.sleep(RETRY_S)


def _lines(source: str) -> Iterator[bytes]:
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=TIMEOUT_S) as answer:  # noqa: S310 - what the user asked for
            yield from answer
        return
    with Path(source).open("rb") as file:
        rest = b""
        while True:
            rest += file.readline()
            if rest.endswith(b"\n"):
                yield rest
                rest = b""
            else:
                time.sleep(PAUSE_S)


class Screen(App[None]):
    """Two tables that are renewed twice a second."""

    TITLE = "observer top"
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]
    CSS = """
    #head, .heading { height: 1; text-style: bold; }
    #paths { height: 45%; }
    #findings { height: 1fr; }
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.reader, self.board = Reader(source), Board()

    def compose(self) -> ComposeResult:
        """Head, paths, findings, keys."""
        yield Static(id="head")
        yield DataTable(id="paths", cursor_type="none", zebra_stripes=True)
        yield Static("Newest findings", classes="heading")
        yield DataTable(id="findings", cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """The columns; then renew now and then."""
        self.query_one("#paths", DataTable).add_columns("path", *SHOWN, "flows", "/s")
        self.query_one("#findings", DataTable).add_columns("severity", "finding", "who", "flows", "last seen", "path")
        self.set_interval(REFRESH_S, self.renew)

    def renew(self) -> None:
        """Take in what was read, and show it."""
        now_s = time.monotonic()
        while self.reader.lines:
            self.board.take(self.reader.lines.popleft(), now_s)
        lost = ", ".join(f"{count} {stage}" for stage, count in sorted(self.board.lost.items()))
        head = [self.board.observer or "waiting for events", f"lost: {lost or 'nothing'}", self.reader.trouble]
        self.query_one("#head", Static).update(Text("   ".join(part for part in head if part)))
        self._show_paths(now_s)
        self._show_findings()

    def _show_paths(self, now_s: float) -> None:
        table = self.query_one("#paths", DataTable)
        table.clear()
        for row in self.board.paths(now_s):
            states = (str(row.states.get(state, "")) for state in SHOWN)
            table.add_row(row.path, *(Text(state, justify="right") for state in states), row.flows, f"{row.rate:.1f}")

    def _show_findings(self) -> None:
        table = self.query_one("#findings", DataTable)
        row_before = table.cursor_row
        table.clear()
        for row in self.board.findings():
            severity = Text(row.severity, style=COLOURS.get(row.severity, ""))
            who = Text(f"{row.client} → {row.server}")
            table.add_row(severity, Text(row.title), who, row.flows, row.last_seen, Text(row.path))
        table.move_cursor(row=row_before)
