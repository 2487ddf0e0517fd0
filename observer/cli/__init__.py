"""The command line: one file per command, loaded only when that command runs."""

from observer.cli.app import main

__all__ = ["main"]
