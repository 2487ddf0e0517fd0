"""Puts text on a terminal, in colour and as wide as it is, or plainly where there is none."""

from collections.abc import Callable
from io import StringIO
from typing import Any, TextIO

from rich.console import Console, RenderableType

PLAIN_WIDTH = 100
"""Columns where nobody can be asked, as in a file."""

Render = Callable[[int], RenderableType]
"""Lays something out for so many columns."""


def write(render: Render, out: TextIO) -> None:
    """Print it, as wide as the terminal where there is one."""
    console = _console(file=out)
    if console.is_terminal:
        console.print(render(console.width), crop=False)
    else:
        out.write(plain(render))


def plain(render: Render, width: int = PLAIN_WIDTH) -> str:
    """The same as text without colour or trailing blanks."""
    console = _console(file=StringIO(), width=width, no_color=True, force_terminal=False)
    with console.capture() as captured:
        console.print(render(width), crop=False)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _console(**settings: Any) -> Console:
    return Console(highlight=False, markup=False, emoji=False, **settings)
