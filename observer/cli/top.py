"""`observer top`: paths, verdicts, rates and the newest findings of a running agent, on a terminal."""

import importlib.util

import click

from observer.errors import ConfigurationError

LOCAL = "http://127.0.0.1:9478/events"


@click.command("top")
@click.argument("source", metavar="[URL|FILE]", default=LOCAL)
def command(source: str) -> None:
    """Show what an agent sees, as it sees it: paths, verdicts, rates and the newest findings.

    SOURCE is the /events of an agent on this machine (its --listen), or the file that an agent writes. Quit with q.
    """
    if importlib.util.find_spec("textual") is None:
        raise ConfigurationError("top needs the extra `tui`: pip install 'observer[tui]'")
    from observer.cli.screen import Screen

    Screen(source).run()
