"""What every form says in the same words."""

from observer.alerts.change import FindingChange
from observer.alerts.message import Message, Reason
from observer.alerts.routing import told


def headline(message: Message) -> str:
    """One line: how bad, how many, what, where."""
    changes = message.firing or message.resolved
    titles = sorted({change.title for change in changes})
    several = f" and {len(titles) - 1} other kinds of finding" if len(titles) > 1 else ""
    mark = "test, " if message.reason is Reason.TEST else ""
    state = "resolved" if message.status == "resolved" else message.severity.value
    clusters = sorted({change.cluster for change in changes if change.cluster})
    where = f" ({', '.join(clusters)})" if clusters else ""
    return f"[{mark}{state}] {titles[0] if titles else 'no finding'}{several}{where}, {counted(message)}"


def counted(message: Message) -> str:
    """How many findings stand and ended."""
    parts = [f"{len(message.firing)} firing"] * bool(message.firing)
    parts += [f"{len(message.resolved)} resolved"] * bool(message.resolved)
    parts += [f"{message.omitted} more"] * bool(message.omitted)
    return ", ".join(parts)


def between(change: FindingChange) -> str:
    """Who talks to whom."""
    server = told(change.server)
    address = f"[{server}]" if ":" in server else server
    port = "" if change.server.port is None else f":{change.server.port}"
    return f"{told(change.client)} → {address}{port}"
