"""Holds the program's answers against the truth of a folder of captures; knows neither rules nor expectations.

usage: python -m tests.truth [FOLDER]…    prints the tables for pcaps/, or for the folders given
"""

import functools
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple, Self
from unittest import mock

import msgspec
import yaml

from observer import pipeline, ruleset

PCAPS = Path(__file__).parent.parent / "pcaps"
ANYTHING = "*"

YesNo = Literal["yes", "no"]
End = tuple[str, int]


class Setting(StrEnum):
    """What the program is told besides the capture."""

    INVENTORY = "inventory"
    AUTHORITIES = "inventory and authorities"
    NOTHING = "nothing"


class Seen(msgspec.Struct, frozen=True):
    """What tshark reads of a flow with the session keys."""

    proto: str
    packets: int
    handshake_completed: str
    tls: str = ""
    ja3: str | None = None
    alpn: str | None = None
    client_hello_in_capture: bool = False
    client_certificate_observed: str | None = None
    server_alerts: tuple[str, ...] = ()

    @property
    def is_tls(self) -> bool:
        return self.proto.startswith("tls")

    @property
    def refused_or_unfinished(self) -> bool:
        return self.handshake_completed != "yes" or any(alert != "0" for alert in self.server_alerts)


class Flow(msgspec.Struct, frozen=True):
    """What is true of one flow."""

    client: str
    server: str
    paths: tuple[str, ...]
    server_verified: Literal["yes", "no", "failed", "na"]
    seen: Seen
    best: str | None = None


class Capture(msgspec.Struct, frozen=True):
    """What is true of one capture."""

    capture: str
    inventory: str
    flows: tuple[Flow, ...]
    captured_on: str | None = None


class _Truth(msgspec.Struct, frozen=True):
    captures: tuple[Capture, ...]


class Folder(NamedTuple):
    """Captures with their truth, inventories and authorities."""

    place: Path

    @property
    def captures(self) -> tuple[Capture, ...]:
        return _truth(self.place / "truth.yaml")

    def file(self, capture: Capture) -> Path:
        apart = self.place / "captures"
        return (apart if apart.is_dir() else self.place) / capture.capture

    def settings(self, capture: Capture, setting: Setting) -> dict[str, object]:
        """The arguments of `pipeline.analyze`."""
        if setting is Setting.NOTHING:
            return {}
        authorities = sorted(map(str, (self.place / "ca").glob("*.crt"))) if setting is Setting.AUTHORITIES else []
        return {
            "inventory": str(self.place / "inventory" / capture.inventory),
            "captured_on": capture.captured_on,
            "ca": authorities,
        }


@functools.cache
def _truth(file: Path) -> tuple[Capture, ...]:
    return msgspec.convert(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader), _Truth).captures


class Party(msgspec.Struct, frozen=True):
    address: str
    port: int


class TlsClient(msgspec.Struct, frozen=True):
    ja3: str | None
    certificate: str


class Tls(msgspec.Struct, frozen=True):
    version: str | None
    resumed: bool | None
    next_protocol: str | None
    client: TlsClient


class Named(msgspec.Struct, frozen=True):
    id: str


class Judged(msgspec.Struct, frozen=True):
    state: str


class Event(msgspec.Struct, frozen=True):
    """What of a flow's event is held against the truth."""

    client: Party
    server: Party
    path: Named
    verdict: Judged
    findings: tuple[Named, ...]
    tls: Tls | None

    @property
    def ends(self) -> tuple[End, End]:
        return (self.client.address, self.client.port), (self.server.address, self.server.port)


_rules = functools.cache(ruleset.load)


def events(folder: Folder, capture: Capture, setting: Setting) -> list[Event]:
    """The flow events of a capture; rules are read once for all captures."""
    out = io.BytesIO()
    with mock.patch.object(ruleset, "load", _rules):
        pipeline.analyze([str(folder.file(capture))], **folder.settings(capture, setting), flows_out=out)  # type: ignore[arg-type]
    return [msgspec.json.decode(line, type=Event) for line in out.getvalue().splitlines()]


CONTRADICTED: dict[str, frozenset[str]] = {
    "yes": frozenset({"unverified", "plaintext", "aborted"}),
    "no": frozenset({"verified", "plaintext", "aborted"}),
    "failed": frozenset({"verified", "verifiable", "unverified", "plaintext", "resumed"}),
    "na": frozenset({"verified", "verifiable", "unverified", "resumed"}),
}
"""By how the client was configured: the verdicts that cannot be."""


class Comparison(NamedTuple):
    """One flow: where the answer departs from the truth, and what to count."""

    flow: Flow
    state: str
    wrong_path: str | None
    disagreements: tuple[str, ...]


def compare(capture: Capture, answers: Iterable[Event]) -> list[Comparison]:
    """Every flow of the truth with the answer to it."""
    found: dict[frozenset[End], Event] = {}
    for answer in answers:
        found.setdefault(frozenset(answer.ends), answer)
    compared = []
    for flow in capture.flows:
        event = found.get(frozenset(_ends(flow)))
        if event:
            compared.append(_compared(flow, event))
        elif flow.seen.packets and ANYTHING not in flow.paths:
            compared.append(Comparison(flow, "missing", None, ("no such flow",)))
    return compared


def _compared(flow: Flow, event: Event) -> Comparison:
    right = ANYTHING in flow.paths or event.path.id in flow.paths
    return Comparison(flow, event.verdict.state, None if right else event.path.id, tuple(_disagreements(flow, event)))


def _disagreements(flow: Flow, event: Event) -> Iterator[str]:
    if event.ends != _ends(flow):
        yield "client and server reversed"
    if contradicts(flow, event.verdict.state):
        yield f"verdict {event.verdict.state}, truth {flow.server_verified}"
    if event.tls:
        yield from _tls_disagreements(flow.seen, event.tls)
    elif flow.seen.tls:
        yield f"no TLS, truth {flow.seen.tls}"


def _tls_disagreements(seen: Seen, tls: Tls) -> Iterator[str]:
    if seen.tls.startswith("tls1.") and tls.version != seen.tls[3:]:
        yield f"TLS version {tls.version}, truth {seen.tls}"
    if seen.ja3 and tls.client.ja3 != seen.ja3:
        yield f"JA3 {tls.client.ja3}, truth {seen.ja3}"
    if seen.alpn and tls.next_protocol not in (seen.alpn, None):
        yield f"ALPN {tls.next_protocol}, truth {seen.alpn}"
    if not _client_certificate_agrees(seen, tls):
        yield f"client certificate {tls.client.certificate}, truth {seen.client_certificate_observed}"


def contradicts(flow: Flow, state: str) -> bool:
    """Whether the verdict cannot be, whatever else is known; a server may refuse any client."""
    if not flow.seen.is_tls and flow.server_verified != "na":
        return False
    aborted_by_server = state == "aborted" and flow.server_verified in ("yes", "no")
    if aborted_by_server and flow.seen.refused_or_unfinished:
        return False
    return state in CONTRADICTED[flow.server_verified]


def _client_certificate_agrees(seen: Seen, tls: Tls) -> bool:
    told = {"yes": "sent", "no": "none"}.get(seen.client_certificate_observed or "")
    if told is None or not seen.client_hello_in_capture or seen.handshake_completed != "yes":
        return True
    # A resumed session shows no certificate: what its first handshake showed is another flow's fact.
    return tls.client.certificate == told or (tls.resumed is True and tls.client.certificate == "unknown")


def _ends(flow: Flow) -> tuple[End, End]:
    return _end(flow.client), _end(flow.server)


def _end(text: str) -> End:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


class Figures:
    """Sums over many captures."""

    def __init__(self) -> None:
        self.flows = self.paths_right = self.contradictions = 0
        self.verdicts: dict[str, Counter[str]] = {}

    @classmethod
    def of(cls, folder: Folder, setting: Setting) -> Self:
        """The figures of a whole folder."""
        figures = cls()
        for capture in folder.captures:
            figures.add(compare(capture, events(folder, capture, setting)))
        return figures

    @property
    def known(self) -> int:
        """Flows whose verdict is more than `unknown`."""
        return sum(map(_known, self.verdicts.values()))

    def add(self, compared: Iterable[Comparison]) -> None:
        """Count the flows of a capture."""
        for one in compared:
            self.flows += 1
            self.paths_right += one.wrong_path is None
            self.contradictions += contradicts(one.flow, one.state)
            self.verdicts.setdefault(one.flow.paths[0], Counter())[f"{one.flow.server_verified}>{one.state}"] += 1

    def table(self) -> str:
        """Per path the flows with a verdict above `unknown`, all flows, their share, and each `truth>verdict`."""
        lines = [f"{'path':32} {'known':>5} {'flows':>5} {'share':>5}  truth>verdict"]
        for path, cells in sorted(self.verdicts.items()):
            words = ", ".join(f"{cell} {count}" for cell, count in sorted(cells.items()))
            lines.append(f"{path:32} {_known(cells):5} {cells.total():5} {_known(cells) / cells.total():5.0%}  {words}")
        lines.append(f"{'all':32} {self.known:5} {self.flows:5} {self.known / self.flows:5.0%}")
        lines.append(f"paths right {self.paths_right} of {self.flows}, contradictions {self.contradictions}")
        return "\n".join(lines)


def _known(cells: Counter[str]) -> int:
    return sum(count for cell, count in cells.items() if not cell.endswith((">unknown", ">missing")))


def main() -> None:
    """Print the tables of the folders."""
    for folder in [Folder(Path(place)) for place in sys.argv[1:]] or [Folder(PCAPS)]:
        for setting in Setting:
            sys.stdout.write(f"\n{folder.place}, told: {setting}\n{Figures.of(folder, setting).table()}\n")


if __name__ == "__main__":
    main()
