"""`observer rules`: what the program looks for, and whether a directory of rules is sound."""

from difflib import get_close_matches
from pathlib import Path

import click

from observer import ruleset
from observer.errors import ConfigurationError
from observer.ruleset import FindingRule, PathRule, RuleSet

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
    for rule in _all(ruleset.load(folder)):
        kind = rule.severity.value if isinstance(rule, FindingRule) else "path"
        click.echo(f"{kind:9} {rule.id:34} {rule.title}")
    return 0


@command.command("show")
@click.argument("name", metavar="ID")
@directory
def show(name: str, folder: Path) -> int:
    """Print one rule as it is written."""
    rules = _all(ruleset.load(folder))
    found = [rule for rule in rules if rule.id == name]
    if not found:
        near = get_close_matches(name, [rule.id for rule in rules])
        raise ConfigurationError(f"no rule is called {name}" + (f"; is it {' or '.join(near)}?" if near else ""))
    for rule in found:
        file = folder / ("findings" if isinstance(rule, FindingRule) else "paths") / f"{rule.id}.yaml"
        click.echo(f"# {file}\n{file.read_text(encoding='utf-8')}", nl=False)
    return 0


def _all(rules: RuleSet) -> list[PathRule | FindingRule]:
    return [*rules.paths, *rules.findings]
