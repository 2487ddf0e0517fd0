"""How a block of labelled lines is laid out for people."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Row = tuple[str, RenderableType | list[str]]
"""A label, and one or several lines."""


def labelled(rows: Iterable[Row]) -> RenderableType:
    """The rows below each other, labels in a column of their own; rows without lines are left out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, what in rows:
        if what:
            table.add_row(label, Group(*map(Text, what)) if isinstance(what, list) else what)
    return Padding(table, (0, 0, 0, 2))


def references(cis: str | None, link: str | None) -> list[Text]:
    """On a line of its own that is never broken, so that a reader can follow or copy it."""
    parts = [Text(f"CIS {cis}")] if cis else []
    if link:
        parts.append(Text(link, f"link {link}"))
    line = Text(no_wrap=True, overflow="ignore").append("  see    ", "dim")
    return [line.append_text(Text(" · ").join(parts))] if parts else []
