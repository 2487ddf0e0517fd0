"""`observer analyze`: captures in, verdicts out."""

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypedDict, Unpack

import click

from observer import pipeline
from observer.analysis import Analysis, ByteSink, reaches, with_baseline
from observer.cli.options import fail_on_option
from observer.cli.output import destination, text
from observer.cli.progress import progress
from observer.model import AnchorRole, Severity

if TYPE_CHECKING:
    from observer.ruleset import FindingRule

Run = Callable[[ByteSink | None], Analysis]
"""Analyses, and writes flow events to what it is given."""


class Settings(TypedDict):
    """The options that the pipeline takes as they are."""

    inventory: str | None
    ca: tuple[str, ...]
    rules: str | None
    captured_on: str | None
    keylog: tuple[str, ...]
    memory: tuple[str, ...]


class Address(click.ParamType[str]):
    """An IP address, in its usual spelling."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, or wrong usage."""
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            self.fail(f"{value!r} is no IP address", param, ctx)


class Request(NamedTuple):
    """What a writer needs beside the analysis."""

    run: Run
    rules: str | None
    fail_on: Severity | None

    def finding_rules(self) -> "tuple[FindingRule, ...]":
        """What was looked for."""
        from observer import ruleset

        return ruleset.load(Path(self.rules) if self.rules else ruleset.OWN_RULES).findings


def _table(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import table, terminal

    analysis = request.run(None)
    with text(out) as stream:
        terminal.write(lambda width: table.render(analysis, width), stream)
    return analysis


def _json(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import documents

    document = documents.Document(out)
    analysis = request.run(document)
    document.close(analysis)
    return analysis


def _ndjson(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import documents

    analysis = request.run(out)
    out.write(documents.summary(analysis) + b"\n")
    return analysis


def _html(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import page

    analysis = request.run(None)
    out.write(page.document(analysis, _version()))
    return analysis


def _sarif(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import sarif

    analysis = request.run(None)
    out.write(sarif.document(analysis, request.finding_rules(), _version()))
    return analysis


def _junit(request: Request, out: BinaryIO) -> Analysis:
    from observer.report import junit

    analysis = request.run(None)
    out.write(junit.document(analysis, request.finding_rules(), request.fail_on))
    return analysis


def _version() -> str:
    from importlib import metadata

    return metadata.version("observer")


WRITERS = {"table": _table, "json": _json, "ndjson": _ndjson, "html": _html, "sarif": _sarif, "junit": _junit}


@click.command("analyze")
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option("--inventory", metavar="FILE", help="Who is who in the cluster (YAML). Without it the traffic tells.")
@click.option(
    "--ca",
    metavar="[ROLE=]FILE",
    multiple=True,
    help="Authorities that clients trust (PEM); ROLE says which clients: "
    f"{', '.join(AnchorRole)}. Without it any may. Repeatable.",
)
@click.option("--rules", metavar="DIR", help="Rules in place of those that come with the program.")
@click.option("--captured-on", type=Address(), help="The host whose loopback the captures show.")
@click.option(
    "--keylog", metavar="FILE", multiple=True, help="TLS secrets (SSLKEYLOGFILE) to decrypt with. Repeatable."
)
@click.option(
    "--memory",
    metavar="FILE",
    multiple=True,
    help="What endpoints are known to show: a probe's result (-o json), or what --remember wrote. Repeatable.",
)
@click.option(
    "--remember", metavar="FILE", help="Write what endpoints showed, beside what --memory told, for later runs."
)
@click.option("-o", "--format", "form", type=click.Choice(list(WRITERS)), default="table", show_default=True)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
@fail_on_option
@click.option(
    "--baseline", metavar="FILE", help="An earlier result (-o json or ndjson); only what is new counts for --fail-on."
)
def command(
    captures: tuple[str, ...],
    form: str,
    output: str | None,
    fail_on: str,
    baseline: str | None,
    remember: str | None,
    **settings: Unpack[Settings],
) -> int:
    """Say for each connection in the captures which documented path it is on and whether it is safe.

    CAPTURE is a pcap or pcapng file, also compressed (.gz, .zst), or - for standard input.
    """
    known = _known(baseline)
    threshold = None if fail_on == "never" else Severity(fail_on)

    def run(flows_out: ByteSink | None) -> Analysis:
        with progress() as report:
            analysis = pipeline.analyze(
                captures, **settings, remember=_remembering(remember), flows_out=flows_out, progress=report
            )
        return analysis if known is None else with_baseline(analysis, known)

    with destination(output) as out:
        analysis = WRITERS[form](Request(run, settings["rules"], threshold), out)
    return int(threshold is not None and reaches(analysis.findings, threshold))


def _remembering(file: str | None) -> "pipeline.MemorySink | None":
    """Writes a memory whole or not at all; it may be a file that was read as one."""
    if file is None:
        return None
    from observer.evidence import memory

    def write(shown: "Sequence[memory.Shown]") -> None:
        with destination(file) as out:
            out.writelines(memory.written(shown))

    return write


def _known(baseline: str | None) -> frozenset[str] | None:
    """The keys of an earlier result, read before anything else so that a wrong file costs no time."""
    if baseline is None:
        return None
    from observer import results

    return results.read(baseline).keys()
