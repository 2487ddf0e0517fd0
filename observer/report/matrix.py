"""The table of paths by verdict: every path in one row, the worst verdict first, as wide as there is room.

Where there is little, the words go before the columns do, then the columns in which nothing stands, then the
digits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from observer.analysis import UNATTRIBUTED, PathTotals
from observer.model import State
from observer.report.words import STATES, UNSAFE, state_label

MARKER = 2
NONE = "–"


@dataclass(frozen=True)
class Layout:
    """How much a table spends on its columns."""

    states: Sequence[State]
    words: bool = False
    exact: bool = True
    gap: int = 2

    def header(self, state: State) -> Text:
        """Symbol and word, or the symbol alone."""
        symbol, style = STATES[state]
        return state_label(state) if self.words else Text(symbol, style)

    def number(self, flows: int) -> str:
        """All digits, or about as many as a person compares: never more than four signs."""
        if self.exact:
            return f"{flows:,}"
        for size, unit in ((1e6, "M"), (1e3, "k")):
            if flows >= 9_999.5 and flows >= size * 0.9995:
                return f"{flows / size:.1f}{unit}" if flows < size * 9.95 else f"{flows / size:.0f}{unit}"
        return str(flows)

    def width(self, paths: Sequence[PathTotals]) -> int:
        """Columns of text the table takes."""
        name = MARKER + max(cell_len(totals.id) for totals in paths)
        total = max(5, *(len(self.number(flows_in(totals, STATES))) for totals in paths))
        return name + self.gap + total + sum(self.gap + self._column(state, paths) for state in self.states)

    def _column(self, state: State, paths: Sequence[PathTotals]) -> int:
        numbers = (len(self.number(flows_in(totals, [state]))) for totals in paths)
        return max(self.header(state).cell_len, *numbers)


def flows_in(totals: PathTotals, states: Iterable[State]) -> int:
    """How many flows of the path are in one of the states."""
    return sum(totals.states[state].flows for state in states if state in totals.states)


def matrix(paths: Sequence[PathTotals], width: int) -> list[Table | Text]:
    """The table, and what its symbols mean where they stand alone."""
    layout = _layout(paths, width)
    table = Table(box=None, pad_edge=False, padding=(0, layout.gap, 0, 0), collapse_padding=True, header_style="")
    table.add_column(Text("  path", "bold"), no_wrap=True)
    for state in layout.states:
        table.add_column(layout.header(state), justify="right", no_wrap=True)
    table.add_column(Text("flows", "bold"), justify="right", no_wrap=True)
    for kind, group in groupby(paths, key=_kind):
        if kind:
            table.add_row(Text(f"  {kind}", "dim italic"))
        for totals in group:
            table.add_row(*_row(totals, layout))
    return [table] if layout.words else [table, *_legend(layout.states, width)]


def _layout(paths: Sequence[PathTotals], width: int) -> Layout:
    every = tuple(STATES)
    seen = tuple(state for state in STATES if any(state in totals.states for totals in paths))
    ladder = [
        Layout(every, words=True),
        Layout(seen, words=True),
        Layout(every),
        Layout(seen),
        Layout(seen, exact=False, gap=1),
    ]
    return next((layout for layout in ladder if layout.width(paths) <= width), ladder[-1])


def _kind(totals: PathTotals) -> str:
    if totals.id == UNATTRIBUTED:
        return "on no known path"
    return "" if totals.documented else "not among the documented"


def _row(totals: PathTotals, layout: Layout) -> list[Text]:
    worst = next((state for state in STATES if flows_in(totals, [state])), State.UNKNOWN)
    symbol, style = STATES[worst]
    if totals.id == UNATTRIBUTED:
        symbol, style = "·", "dim"
    cells = [Text(f"{symbol} ", style).append(totals.id, style if worst in UNSAFE else "not bold default")]
    for state in layout.states:
        flows = flows_in(totals, [state])
        cells.append(Text(layout.number(flows), STATES[state][1]) if flows else Text(NONE, "dim"))
    return [*cells, Text(layout.number(flows_in(totals, STATES)))]


def _legend(states: Sequence[State], width: int) -> list[Text]:
    lines = [Text(" ")]
    for state in states:
        label = Text(" ").append_text(state_label(state))
        if lines[-1].cell_len + label.cell_len > width:
            lines.append(Text(" "))
        lines[-1].append_text(label)
    return [Text(), *lines]
