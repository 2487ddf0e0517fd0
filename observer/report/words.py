"""How verdicts, severities and endpoints look to a person; never by colour alone."""

from rich.text import Text

from observer.analysis import Party
from observer.model import Severity, State

STATES: dict[State, tuple[str, str]] = {
    State.PLAINTEXT: ("✗", "bold red"),
    State.UNVERIFIED: ("!", "red"),
    State.ABORTED: ("⊘", "magenta"),
    State.RESUMED: ("↻", "yellow"),
    State.UNKNOWN: ("?", "yellow"),
    State.VERIFIABLE: ("≈", "cyan"),
    State.VERIFIED: ("✓", "green"),
}
"""Symbol and style of each verdict state, the worst first."""

SEVERITIES: dict[Severity, str] = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
    Severity.INFO: "bold blue",
    Severity.UNKNOWN: "dim",
}

SHOWN_DIGITS = 8
"""Digits of a key: enough for `observer explain` to find it."""

UNSAFE = (State.PLAINTEXT, State.UNVERIFIED)
"""The states in which somebody on the way could read or answer."""


def printable(text: str) -> str:
    """The text without what would steer a terminal: names come from the traffic, and so from anybody."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def place(party: Party) -> str:
    """`cp-1 10.240.0.10` for a client, `node1 10.240.0.21:10250` for a server; the role where there is no name."""
    address = f"[{party.address}]" if ":" in party.address and party.port is not None else party.address
    where = address if party.port is None else f"{address}:{party.port}"
    return printable(f"{party.name or party.role.value} {where}")


def state_label(state: State) -> Text:
    """Symbol and word."""
    symbol, style = STATES[state]
    return Text(f"{symbol} {state.value}", style)


def count(number: int, noun: str) -> str:
    """`1 flow`, `12,000 flows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
