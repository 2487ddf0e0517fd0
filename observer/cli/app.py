"""The program itself: finds the command, runs it, and turns errors into exit codes.

0 done · 1 findings at or above `--fail-on` · 2 wrong usage or unreadable input · 130 interrupted.
"""

import importlib
import os
import sys
from typing import NoReturn

import click

from observer.errors import ObserverError

COMMANDS = {
    "analyze": "Say for each connection in captures which path it is on and whether it is safe.",
    "agent": "Say the same of the connections that pass this machine now.",
    "collector": "Keep the events of all agents and answer questions about them.",
    "config": "Print the settings of an agent, and where each comes from.",
    "diff": "Say which findings came, went and stayed between two results.",
    "doctor": "Say what live capture needs and what of it this machine has.",
    "explain": "Say what proves a finding or a flow, what mends it, and how to check that.",
    "inventory": "Who is who in the cluster.",
    "probe": "Fetch the certificates that endpoints show.",
    "rules": "What is looked for: paths, and findings on them.",
    "top": "Show what a running agent sees, on a terminal.",
    "webhook": "Alerts: who is told of findings, and what could not be delivered.",
}
"""The commands, each a module of `observer.cli`, and what `--help` says of them without loading any."""

UNUSABLE = 2
INTERRUPTED = 130
READER_LEFT = 141
"""What a shell says of a program whose reader went away (`observer … | head`)."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command, or None where there is no such command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"observer.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a reader that goes away ends it quietly."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            return _reader_left()
        return code


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="observer", message="%(prog)s %(version)s")
def application() -> None:
    """Says which documented Kubernetes control-plane path each connection is on, whether it is safe, and why."""


def main() -> NoReturn:
    """Run the command line and leave the process."""
    try:
        code = application.main(prog_name="observer", standalone_mode=False)
    except ObserverError as error:
        code = _complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = UNUSABLE
    except click.UsageError as error:
        code = _complain(f"{error.format_message()} (see {error.ctx.command_path if error.ctx else 'observer'} --help)")
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> int:
    for line in message.splitlines() or ["unknown error"]:
        click.echo(f"observer: {line}", err=True)
    return UNUSABLE


def _reader_left() -> int:
    """Nothing more can be written, so the interpreter must not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_LEFT
