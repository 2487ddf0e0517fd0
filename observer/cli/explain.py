"""`observer explain`: a finding, a flow or a rule, told whole."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from observer import ruleset
from observer.cli.output import destination, text
from observer.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from observer.analysis import FindingGroup
    from observer.model import TracedPacket
    from observer.report.explanation import Sources
    from observer.results import Flow

EXAMPLES = 50
"""Flows kept of a finding while the result is read; the first is shown."""

STANDARD_INPUT = "-"


@click.command("explain")
@click.argument("name", metavar="[ID]", required=False)
@click.argument("result", metavar="[RESULT]", required=False)
@click.option(
    "--capture", metavar="CAPTURE", help="The capture that RESULT is of; shows the packets with their numbers."
)
@click.option("--rules", "folder", metavar="DIR", type=click.Path(path_type=Path), default=ruleset.OWN_RULES)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def command(name: str | None, result: str | None, capture: str | None, folder: Path, output: str | None) -> int:
    """Say what proves a finding or a flow, what would change the verdict, what mends it and how to check that.

    RESULT is what `observer analyze -o json` or `-o ndjson` wrote, or - for standard input. ID is a finding's key, the
    id of a flow (the beginning is enough), or a rule's id, which needs no RESULT. Without ID: what can be explained.
    """
    if name and not result and (name == STANDARD_INPUT or Path(name).is_file()):
        name, result = None, name
    shown = _of_rule(name, folder) if result is None else _of_result(name, result, capture, folder)
    with destination(output) as out, text(out) as stream:
        from observer.report import terminal

        terminal.write(lambda _: shown, stream)
    return 0


def _of_rule(name: str | None, folder: Path) -> "RenderableType":
    from observer.cli.rules import all_rules, listed, rule_named
    from observer.report import rules

    if name is None:
        return listed(all_rules(folder))
    return rules.render(*rule_named(name, folder))


def _of_result(name: str | None, result: str, capture: str | None, folder: Path) -> "RenderableType":
    from observer import results
    from observer.analysis import gravest_first
    from observer.report import explanation

    seen = _Seen(name or "")
    read = results.read(result, seen.add)
    if name is None:
        return explanation.listing(gravest_first(read.findings), seen.count)
    groups = gravest_first(finding for finding in read.findings if finding.id == name or finding.key.startswith(name))
    sources = _sources(folder, capture)
    if seen.flows and not groups:
        flow = _only(seen.flows, name, result)
        return explanation.of_flow(flow, _of_flow(flow, read.findings), sources)
    if not groups or seen.flows:
        raise InputError(_not_found(name, result, bool(groups)))
    if len({group.id for group in groups}) > 1 or (groups[0].id != name and len({g.key for g in groups}) > 1):
        raise InputError(f"{name} begins several keys: {', '.join(dict.fromkeys(g.key for g in groups))}")
    return explanation.of_findings(groups, seen.examples, sources)


class _Seen:
    """What the flows of a result have to do with the name that is asked for."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0
        self.flows: list[Flow] = []
        self.examples: list[Flow] = []

    def add(self, flow: "Flow") -> None:
        self.count += 1
        if self.name and flow.id.startswith(self.name) and len(self.flows) < EXAMPLES:
            self.flows.append(flow)
        if self.name and len(self.examples) < EXAMPLES and self._shows(flow):
            self.examples.append(flow)

    def _shows(self, flow: "Flow") -> bool:
        return any(one.id == self.name for one in flow.findings) or any(
            key.startswith(self.name) for key in _keys(flow)
        )


def _keys(flow: "Flow") -> list[str]:
    from observer import keys, results

    client, server = results.party(flow.client, server=False), results.party(flow.server, server=True)
    return [keys.of(one.id, one.cause, flow.path.id, client, server) for one in flow.findings]


def _of_flow(flow: "Flow", findings: "tuple[FindingGroup, ...]") -> "list[FindingGroup]":
    wanted = _keys(flow)
    by_key = {finding.key: finding for finding in findings}
    return [by_key[key] for key in wanted if key in by_key]


def _only(flows: "list[Flow]", name: str, result: str) -> "Flow":
    exact = [flow for flow in flows if flow.id == name] or flows
    if len(exact) > 1:
        raise InputError(f"{result}: {name} begins several ids: {', '.join(flow.id for flow in exact[:5])}")
    return exact[0]


def _not_found(name: str, result: str, both: bool) -> str:
    if both:
        return f"{result}: {name} begins a finding's key and a flow's id; give more of it"
    return f"{result}: neither finding nor flow begins with {name}; `observer explain {result}` lists what there is"


def _sources(folder: Path, capture: str | None) -> "Sources":
    from observer import pipeline
    from observer.report.explanation import Sources
    from observer.results import nanoseconds

    folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    if capture is None:
        return Sources(folder)
    if capture == STANDARD_INPUT:
        raise ConfigurationError("--capture needs a file; standard input cannot be read for it")

    def trace(flow: "Flow") -> "tuple[TracedPacket, ...]":
        times = range(nanoseconds(flow.flow.start), nanoseconds(flow.flow.end) + 1)
        client, server = (flow.client.address, flow.client.port), (flow.server.address, flow.server.port)
        return pipeline.trace(capture, client, server, times)

    return Sources(folder, capture, trace)
