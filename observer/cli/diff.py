"""`observer diff`: what came, went and stayed between two saved results."""

import click

from observer.analysis import reaches
from observer.cli.options import fail_on_option
from observer.cli.output import destination, text
from observer.model import Severity


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("-o", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
@fail_on_option
def command(before: str, after: str, form: str, output: str | None, fail_on: str) -> int:
    """Say which findings came, went and stayed from result A to result B.

    A and B are what `observer analyze -o json` or `-o ndjson` wrote, or - for standard input. Findings that
    stayed do not count for --fail-on.
    """
    from observer import results
    from observer.report import changes, terminal

    compared = changes.compare(results.read(before).findings, results.read(after).findings)
    code = int(fail_on != "never" and reaches(compared.new, Severity(fail_on)))
    with destination(output) as out:
        if form == "json":
            out.write(changes.document(compared))
            return code
        with text(out) as stream:
            terminal.write(lambda _: changes.render(compared), stream)
    return code
