"""A rule for people: what it looks for, why that matters, what mends it and how to check the mend."""

from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from observer.report.layout import Row, labelled, references
from observer.report.words import SEVERITIES
from observer.ruleset import FindingRule, PathConditions, PathRule


def render(rule: PathRule | FindingRule, file: Path) -> RenderableType:
    """The rule whole."""
    return _finding(rule, file) if isinstance(rule, FindingRule) else _path(rule, file)


def _finding(rule: FindingRule, file: Path) -> RenderableType:
    title = (
        Text().append(f" {rule.severity.value.upper()} ", SEVERITIES[rule.severity]).append(f" {rule.title}", "bold")
    )
    rows: list[Row] = [
        ("rule", f"{rule.id}, {file}"),
        ("when", [conditions(when) for when in rule.when]),
        ("mend", Text(rule.remediation, "green")),
        ("check", rule.check or ""),
        ("shown", _captures(rule)),
    ]
    return Group(
        title, Padding(Text(rule.explanation), (0, 0, 0, 2)), labelled(rows), *references(rule.cis, rule.reference)
    )


def _path(rule: PathRule, file: Path) -> RenderableType:
    documented = "one of the paths that Kubernetes documents" if rule.documented else "not among the documented paths"
    rows: list[Row] = [("rule", f"{rule.id}, {file}"), ("is", documented)]
    for alternative in rule.match:
        via = f", by {alternative.via}" if alternative.via else ""
        rows.append((alternative.confidence.value, [f"{alternative.reason}{via}", conditions(alternative.when)]))
    rows.append(("shown", _captures(rule)))
    title = Text(f" PATH  {rule.title}", "bold")
    return Group(
        title, Padding(Text(rule.description), (0, 0, 0, 2)), labelled(rows), *references(None, rule.reference)
    )


def conditions(when: PathConditions) -> str:
    """A conjunction as one reads it: `path apiserver-to-kubelet, state unverified`."""
    asked: dict[str, list[str | int] | None] = msgspec.to_builtins(when)
    said = (f"{name.replace('_', ' ')} {' or '.join(map(str, values))}" for name, values in asked.items() if values)
    return ", ".join(said)


def _captures(rule: PathRule | FindingRule) -> str:
    fires = f"fires in {rule.captures.fires}" if rule.captures.fires else "no capture of it was ever taken"
    return f"{fires}; silent in {rule.captures.silent}"
