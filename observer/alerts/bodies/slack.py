"""A message of Slack's incoming webhooks in Block Kit; names from the traffic can neither link nor mention."""

from typing import Any

from observer.alerts.bodies.words import between, counted, headline
from observer.alerts.change import FindingChange
from observer.alerts.message import Message
from observer.model import Severity

# Limits of Block Kit: characters of a header and of a section, blocks of a message.
HEADER_LIMIT = 150
SECTION_LIMIT = 3_000
MOST_SHOWN = 10

MARKS = {
    Severity.CRITICAL: ":rotating_light:",
    Severity.HIGH: ":red_circle:",
    Severity.MEDIUM: ":large_orange_circle:",
    Severity.LOW: ":large_yellow_circle:",
    Severity.INFO: ":large_blue_circle:",
    Severity.UNKNOWN: ":white_circle:",
}


def write(message: Message) -> dict[str, Any]:
    """The message with a plain text for notifications."""
    line = headline(message)
    shown = [*((change, False) for change in message.firing), *((change, True) for change in message.resolved)]
    blocks = [_header(line), *(_section(change, ended) for change, ended in shown[:MOST_SHOWN])]
    return {"text": escaped(line), "blocks": [*blocks, _context(message, len(shown) - MOST_SHOWN)]}


def escaped(text: str) -> str:
    """Text that can neither link nor mention: without Slack's three control characters, and on one line."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def _header(line: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": line[:HEADER_LIMIT], "emoji": False}}


def _section(change: FindingChange, ended: bool) -> dict[str, Any]:
    mark = ":white_check_mark:" if ended else MARKS[change.severity]
    lines = [f"{mark} *{escaped(change.title)}*", f"{escaped(between(change))} on {escaped(change.path)}"]
    if not ended and change.remediation:
        lines.append(f"> {escaped(change.remediation)}")
    return {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:SECTION_LIMIT]}}


def _context(message: Message, unshown: int) -> dict[str, Any]:
    parts = [counted(message), f"route {escaped(message.route)}"]
    parts += [f"{unshown} not shown"] * (unshown > 0)
    parts += [f"<{message.link}|open observer>"] * bool(message.link)
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(parts)}]}
