"""`observer rules`: what the program looks for, and whether a directory of rules is sound."""

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from observer import ruleset
from observer.errors import ConfigurationError
from observer.ruleset import FindingRule, PathRule

if TYPE_CHECKING:
    from rich.console import RenderableType

directory = click.option(
    "--rules",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=ruleset.OWN_RULES,
    help="Rules in place of those that come with the program.",
)


@click.group("rules")
def command() -> None:
    """What is looked for: paths, and findings on them."""


@command.command("check")
@directory
def check(folder: Path) -> int:
    """Read every rule; say each fault with its file and line."""
    rules = ruleset.load(folder)
    click.echo(f"{len(rules.paths)} path rules and {len(rules.findings)} finding rules are sound")
    return 0


@command.command("list")
@directory
def list_rules(folder: Path) -> int:
    """One line for each rule: kind or severity, id, title."""
    _print(listed(all_rules(folder)))
    return 0


@command.command("show")
@click.argument("name", metavar="ID")
@click.option("--source", is_flag=True, help="The file as it is written.")
@directory
def show(name: str, source: bool, folder: Path) -> int:
    """Say what one rule looks for, why, what mends it and how to check that."""
    from observer.report import rules

    rule, file = rule_named(name, folder)
    if source:
        click.echo(f"# {file}\n{file.read_text(encoding='utf-8')}", nl=False)
    else:
        _print(rules.render(rule, file))
    return 0


def all_rules(folder: Path) -> list[PathRule | FindingRule]:
    """Every rule, paths first."""
    rules = ruleset.load(folder)
    return [*rules.paths, *rules.findings]


def rule_named(name: str, folder: Path) -> tuple[PathRule | FindingRule, Path]:
    """The rule and its file, or ConfigurationError with the names that come near."""
    rules = all_rules(folder)
    found = next((rule for rule in rules if rule.id == name), None)
    if found is None:
        near = get_close_matches(name, [rule.id for rule in rules])
        raise ConfigurationError(f"no rule is called {name}" + (f"; is it {' or '.join(near)}?" if near else ""))
    return found, folder / ("findings" if isinstance(found, FindingRule) else "paths") / f"{found.id}.yaml"


def listed(rules: list[PathRule | FindingRule]) -> "RenderableType":
    """One line for each rule."""
    from rich.console import Group
    from rich.text import Text

    from observer.report.words import SEVERITIES

    lines = []
    for rule in rules:
        severity = rule.severity if isinstance(rule, FindingRule) else None
        kind = Text(f"{severity.value if severity else 'path':9} ", SEVERITIES[severity] if severity else "")
        lines.append(kind.append(f"{rule.id:34} ", "not bold default").append(rule.title, "not bold default"))
    return Group(*lines)


def _print(shown: "RenderableType") -> None:
    from observer.cli.output import destination, text
    from observer.report import terminal

    with destination(None) as out, text(out) as stream:
        terminal.write(lambda _: shown, stream)
