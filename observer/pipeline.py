"""The one loop from capture files to events and an analysis; the only module that knows every stage."""

from collections.abc import Callable, Sequence

from observer.analysis import Analysis, ByteSink
from observer.inventory.file import Inventory


def analyze(
    captures: Sequence[str],
    *,
    inventory: str | None = None,
    ca: Sequence[str] = (),
    rules: str | None = None,
    captured_on: str | None = None,
    flows_out: ByteSink | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Analysis:
    """Read the captures, judge every flow and write its event to `flows_out`, one line each.

    InputError and ConfigurationError say what and where; a capture that ends early is no error.
    """
    raise NotImplementedError


def infer(captures: Sequence[str], *, progress: Callable[[int, int | None], None] | None = None) -> Inventory:
    """Who is who, as far as the traffic of the captures tells."""
    raise NotImplementedError
