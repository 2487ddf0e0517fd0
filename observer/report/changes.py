"""What came, went and stayed between two results, as a table and as JSON."""

from collections.abc import Iterable
from typing import Any

import msgspec
import orjson
from rich.console import Group, RenderableType
from rich.text import Text

from observer.analysis import FindingGroup, gravest_first
from observer.report.documents import finding_fields
from observer.report.words import SEVERITIES, SHOWN_DIGITS, count, place, printable
from observer.results import SCHEMA


class Changes(msgspec.Struct, frozen=True):
    """Findings by key; of those that stayed, the later form."""

    new: tuple[FindingGroup, ...]
    gone: tuple[FindingGroup, ...]
    stayed: tuple[FindingGroup, ...]


def compare(before: Iterable[FindingGroup], after: Iterable[FindingGroup]) -> Changes:
    """What distinguishes two results, by the keys of their findings; counts and times do not matter."""
    before, after = gravest_first(before), gravest_first(after)
    old, current = {finding.key for finding in before}, {finding.key for finding in after}
    marked = [msgspec.structs.replace(finding, new=finding.key not in old) for finding in after]
    return Changes(
        tuple(finding for finding in marked if finding.new),
        tuple(finding for finding in before if finding.key not in current),
        tuple(finding for finding in marked if not finding.new),
    )


def document(changes: Changes) -> bytes:
    """The comparison as one JSON document with a line end."""
    fields: dict[str, Any] = {"schema": SCHEMA, "kind": "diff"}
    for name in changes.__struct_fields__:
        fields[name] = [finding_fields(finding) for finding in getattr(changes, name)]
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def render(changes: Changes) -> RenderableType:
    """One line of numbers, then each finding in its part."""
    numbers = (f"{len(getattr(changes, name))} {name}" for name in changes.__struct_fields__)
    parts: list[RenderableType] = [Text(f"Findings: {', '.join(numbers)}", "bold")]
    for sign, name, style in (("+", "new", "red"), ("-", "gone", "green"), ("=", "stayed", "dim")):
        findings = getattr(changes, name)
        if findings:
            parts += [Text(), Text(name, f"bold {style}"), *(_line(sign, style, finding) for finding in findings)]
    return Group(*parts)


def _line(sign: str, style: str, finding: FindingGroup) -> Text:
    text = Text(f"{sign} ", style)
    text.append(f"{finding.severity.value:8}", SEVERITIES[finding.severity]).append(f" {finding.id}")
    text.append(f"\n    {place(finding.client)} → {place(finding.server)}")
    about = f"  {printable(finding.path)}, {count(finding.flows, 'flow')}  {finding.key[:SHOWN_DIGITS]}"
    return text.append(about, "dim")
