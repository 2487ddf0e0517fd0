"""What the program says of a live capture, through its command line and its core."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from observer import _core
from observer.evidence.memory import Line

from .network import CLIENT, PORT, SERVER, Network

OBSERVER = str(Path(sys.executable).with_name("observer"))
INVENTORY = f"""\
apiservers: [{{address: {CLIENT}}}]
nodes: [{{name: node1, addresses: [{SERVER}]}}]
"""


def probe(network: Network, *endpoints: str) -> list[Line]:
    """What the endpoints show when they are asked from inside the namespace."""
    told = network.run(OBSERVER, "probe", "-o", "json", "--rate", "1000", *(endpoints or (f"{SERVER}:{PORT}",)))
    return [msgspec.json.decode(text, type=Line) for text in told.splitlines()]


def remembered(network: Network, file: Path) -> Path:
    """A memory of what the server shows now."""
    file.write_text(network.run(OBSERVER, "probe", "-o", "json", "--rate", "1000", f"{SERVER}:{PORT}"))
    return file


def lengths(capture: Path) -> set[int | None]:
    """Lengths of the Certificate messages that the flows of a capture show."""
    core = _core.Analysis()
    core.read(capture)
    core.finish()
    survey = msgspec.json.decode(core.survey())
    return {facts["tls"]["certificate_length"] for facts in survey["facts"] if facts["tls"]}


def flows(capture: Path, *more: str | Path) -> list[dict[str, Any]]:
    """The flow events of a capture between an API server and a kubelet."""
    inventory = capture.with_suffix(".yaml")
    inventory.write_text(INVENTORY)
    words = ("analyze", capture, "--inventory", inventory, "-o", "ndjson", "--fail-on", "never", *more)
    done = subprocess.run([OBSERVER, *map(str, words)], capture_output=True, check=True, timeout=60)
    events = (msgspec.json.decode(text) for text in done.stdout.splitlines())
    return [event for event in events if event["kind"] == "flow"]
