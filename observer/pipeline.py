"""The one loop from capture files to events and an analysis; the only module that knows every stage."""

import ipaddress
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from observer import _core, events, ruleset, totals
from observer.analysis import Analysis, ByteSink, CaptureNote
from observer.classify import Classified, Classifier
from observer.errors import InputError
from observer.evidence import anchors
from observer.evidence import memory as endpoint_memory
from observer.evidence.chains import Trust
from observer.evidence.memory import Shown
from observer.evidence.probe import Endpoint, ProbeFailedError
from observer.inventory import file
from observer.inventory import infer as inference
from observer.inventory.file import Inventory
from observer.inventory.places import PlaceTable, Row, compile_places
from observer.model import ChainSource, Shape, TracedPacket

STANDARD_INPUT = "-"

USUAL_PORTS = (
    22,
    443,
    2379,
    2380,
    6443,
    8080,
    *range(8090, 8096),
    *range(8131, 8135),
    8443,
    10250,
    10255,
    10257,
    10259,
)
"""Where the control plane listens unless told otherwise: what is captured where no inventory says it."""

Progress = Callable[[int, int | None], None]
MemorySink = Callable[[Sequence[Shown]], None]
"""Takes what endpoints showed, as far as it is known at the end of a run."""


class Source(msgspec.Struct, frozen=True):
    """Where packets are captured while they pass, and how; no interfaces means all."""

    interfaces: tuple[str, ...] = ()
    backend: str = "best"
    ring_bytes: int = 16 * 1024 * 1024
    captured_on: str | None = None

    def open(self, ports: Sequence[int], addresses: Sequence[str]) -> "_core.Agent":
        """Begin to capture what concerns these ports or addresses."""
        try:
            return _core.Agent(
                interfaces=self.interfaces,
                ports=ports,
                addresses=addresses,
                ring_bytes=self.ring_bytes,
                backend=self.backend,
            )
        except _core.LiveError as error:
            raise InputError(str(error)) from None


class Known(msgspec.Struct, frozen=True):
    """What flows are judged by: rules, who is who (null: nobody said), trusted authorities, what endpoints showed."""

    rules: ruleset.RuleSet
    inventory: Inventory | None
    trust: Trust
    memory: tuple[Shown, ...] = ()

    def selection(self, captured_on: str | None) -> tuple[list[int], list[str]]:
        """The server ports and the addresses whose connections are captured."""
        usual = () if self.inventory else USUAL_PORTS
        inventory = self.inventory or Inventory()
        ports = {*_told_apart(self.rules, compile_places(inventory, captured_on)), *usual}
        return sorted(ports), [server.address for server in inventory.apiservers]


def read_known(*, inventory: str | None, ca: Sequence[str], rules: str | None, memory: Sequence[str] = ()) -> Known:
    """What the files say; `rules` is a folder in place of the rules that come with the program.

    ConfigurationError says what is wrong, and where.
    """
    loaded_rules = ruleset.load(Path(rules)) if rules else ruleset.load()
    known = file.load(Path(inventory)) if inventory else None
    trust = anchors.load([*map(anchors.anchor_file, ca), *_authorities(known)])
    remembered = tuple(shown for file in memory for shown in endpoint_memory.read(file))
    return Known(loaded_rules, known, trust, remembered)


def analyze(  # noqa: PLR0913 - the settings of one run, by keyword
    captures: Sequence[str],
    *,
    inventory: str | None = None,
    ca: Sequence[str] = (),
    rules: str | None = None,
    captured_on: str | None = None,
    keylog: Sequence[str] = (),
    memory: Sequence[str] = (),
    remember: MemorySink | None = None,
    flows_out: ByteSink | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Read the captures, judge every flow and write its event to `flows_out`, one line each.

    `memory`: files of what endpoints are known to show; `remember` is told that and what these captures add to it.

    InputError and ConfigurationError say what and where; a capture that ends early is no error.
    """
    given = read_known(inventory=inventory, ca=ca, rules=rules, memory=memory)
    core = _core.Analysis()
    for log in keylog:
        _add_secrets(core, log)
    notes = tuple(_read(core, capture, progress) for capture in captures)
    core.finish()
    _know(core, given.memory)
    chains = _Chains(core)
    used = given.inventory or _inferred(core, chains)
    bench = _Bench(Classifier(given.rules, used, given.trust, chains, compile_places(used, captured_on)), chains)
    sums = bench.judge(core, used.cluster, flows_out)
    if remember is not None:
        remember([*given.memory, *(_shown(one, chains) for one in sums.shown)])
    base = Analysis(notes, (), (), core.counters(), 0, inventory=inventory, anchors=given.trust.size)
    return totals.analysis(bench.judged, sums, bench.places, given.rules, base)


def infer(captures: Sequence[str], *, progress: Progress | None = None) -> Inventory:
    """Who is who, as far as the traffic of the captures tells."""
    core = _core.Analysis()
    for capture in captures:
        _read(core, capture, progress)
    core.finish()
    return _inferred(core, _Chains(core))


def _know(core: "_core.Analysis | _core.Agent", memory: Sequence[Shown]) -> None:
    for shown in memory:
        times_ns = shown.first_seen_ns, shown.last_seen_ns
        core.know(shown.address, shown.port, shown.server_name, shown.chain, shown.source, times_ns)


def _shown(one: totals.ShownChain, chains: Callable[[int], list[bytes]]) -> Shown:
    chain = tuple(chains(one.chain))
    known = one.address, one.port, one.server_name, ChainSource.REMEMBERED, one.first, one.last
    return Shown(*known, chain, one.flows)


def _authorities(inventory: Inventory | None) -> list[anchors.AnchorFile]:
    given = inventory.ca if inventory else ()
    return [anchors.AnchorFile(Path(authority.file), authority.role) for authority in given]


def trace(capture: str, client: tuple[str, int], server: tuple[str, int], times: range) -> tuple[TracedPacket, ...]:
    """The packets of one flow that tell something; `times` are nanoseconds since 1970."""
    try:
        packets = _core.trace(capture, client, server, times.start, times.stop - 1)
    except _core.CaptureError as error:
        raise InputError(f"{capture}: {error}") from None
    return msgspec.json.decode(packets, type=tuple[TracedPacket, ...])


def fetch(endpoint: Endpoint, timeout_s: float) -> list[bytes]:
    """The certificates an endpoint shows, for `evidence.probe`; the only thing here that sends anything."""
    name = endpoint.server_name
    try:
        return _core.fetch_chain(endpoint.address, endpoint.port, server_name=name, timeout_s=timeout_s)
    except _core.ProbeError as error:
        raise ProbeFailedError(str(error)) from None


def files_of(known: Known, *, inventory: str | None, ca: Sequence[str], rules: str | None) -> list[Path]:
    """The files that `known` was read from, those that its inventory names included."""
    authorities = [*map(anchors.anchor_file, ca), *_authorities(known.inventory)]
    return [*(Path(named) for named in (inventory, rules) if named), *(authority.path for authority in authorities)]


class Watch:
    """A running capture whose flows are judged as they come, by what is known and may change meanwhile.

    InputError says which right or interface is missing. One thread alone may use it.
    """

    def __init__(self, source: Source, known: Known, *, cluster: str = "", node: str = "") -> None:
        self._source, self._named, self._node = source, cluster, node
        self.known = known
        self._core = source.open(*known.selection(source.captured_on))
        backend, self.hindrance = self._core.backend()
        self.processes_hindrance = self._core.processes_hindrance()
        self.observer = events.Observer(cluster, node, backend, _core.version())
        _know(self._core, known.memory)
        self._learn(known)

    def reconfigure(self, known: Known) -> None:
        """Judge every flow from now on, the open ones too, by what is known now; none is lost and none ends.

        What endpoints showed stays remembered.
        """
        try:
            self._core.watch(*known.selection(self._source.captured_on))
        except _core.LiveError as error:
            raise InputError(str(error)) from None
        self._learn(msgspec.structs.replace(known, memory=self.known.memory))

    def _learn(self, known: Known) -> None:
        inventory = known.inventory or Inventory()
        places = compile_places(inventory, self._source.captured_on)
        self.observer = msgspec.structs.replace(self.observer, cluster=self._named or inventory.cluster)
        chains = _Chains(self)
        classifier = Classifier(known.rules, inventory, known.trust, chains, places)
        self._bench = _Bench(classifier, chains, self.observer)
        rows, (ports, _) = [_row(row) for row in places.rows], known.selection(self._source.captured_on)
        self._core.configure(
            rows=rows,
            ports=ports,
            cluster=self.observer.cluster,
            node=self._node,
            pods=[(pod.ids, pod.place, pod.node, pod.name) for pod in places.pods],
            node_places=places.node_places,
            pod_place=places.pod_place,
        )
        self.known = known

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Wait at most so long for packets, and write what is known then."""
        self._core.poll(timeout_ms)
        self._judge(flows_out)

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Take in what has come so far, end every flow and write it."""
        self._core.poll(timeout_ms)
        self._core.finish()
        self._judge(flows_out)

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""
        return self._core.counters()

    def remembered(self) -> list[Shown]:
        """What endpoints showed: what was known before, and what passed here."""
        shown = msgspec.json.decode(self._core.shown(), type=list[totals.ShownChain])
        return [*self.known.memory, *(_shown(one, self.chain) for one in shown)]

    def chain_count(self) -> int:
        """How many certificate chains were seen."""
        return self._core.chain_count()

    def chain(self, number: int) -> list[bytes]:
        """One of them as DER, leaf first."""
        return self._core.chain(number)

    def _judge(self, flows_out: ByteSink) -> None:
        if self._core.pending():
            boundaries = self._bench.boundaries()
            if self._core.judge(self._bench.evaluate, boundaries=boundaries, write=flows_out.write):
                self._learn(self.known)  # the core has forgotten what it needs no more, and numbers chains anew


def _add_secrets(core: _core.Analysis, log: str) -> None:
    """Hand the core a TLS key log; its text goes nowhere else."""
    try:
        text = Path(log).read_bytes()
    except OSError as error:
        raise InputError(f"{log}: {error.strerror or 'cannot be read'}") from None
    if not core.add_secrets(text):
        raise InputError(f"{log}: holds no TLS secret in the format of SSLKEYLOGFILE")


def _read(core: _core.Analysis, capture: str, progress: Progress | None) -> CaptureNote:
    before = core.counters()["frames"]
    try:
        cut = core.read(None if capture == STANDARD_INPUT else capture, progress)
    except _core.CaptureError as error:
        raise InputError(f"{'standard input' if capture == STANDARD_INPUT else capture}: {error}") from None
    return CaptureNote(capture, core.counters()["frames"] - before, cut)


def _inferred(core: _core.Analysis, chains: "_Chains") -> Inventory:
    survey = msgspec.json.decode(core.survey(), type=_Survey)
    edges = (_edge(edge, survey.facts[edge.facts]) for edge in survey.edges)
    return inference.infer(inference.Survey(tuple(edges)), chains)


def _edge(edge: "_Edge", facts: Shape) -> inference.Edge:
    return inference.Edge(
        edge.client, edge.server, edge.port, edge.flows, facts.protocol, facts.tls, facts.http, facts.ssh
    )


class _Edge(msgspec.Struct, frozen=True):
    client: str
    server: str
    port: int
    flows: int
    facts: int


class _Survey(msgspec.Struct, frozen=True):
    """Who talks to whom, as the core tells it; an edge's facts are given by their number."""

    edges: tuple[_Edge, ...]
    facts: tuple[Shape, ...]


class _Chains:
    """The certificate chains of a run, by the numbers that shapes name them with."""

    def __init__(self, core: "_core.Analysis | Watch") -> None:
        self._core = core
        self._chains: dict[int, list[bytes]] = {}

    def __call__(self, number: int) -> list[bytes]:
        """DER, leaf first."""
        if number not in self._chains:
            self._chains[number] = self._core.chain(number)
        return self._chains[number]

    def __len__(self) -> int:
        """How many there are so far."""
        return self._core.chain_count()


class _Bench:
    """Judges shapes for the core and keeps what it judged, by the core's numbers."""

    def __init__(self, classifier: Classifier, chains: _Chains, observer: events.Observer | None = None) -> None:
        self.places: PlaceTable = classifier.places
        self.judged: list[Classified] = []
        self._observer = observer
        self._classifier = classifier
        self._chains = chains
        self._decode = msgspec.json.Decoder(Shape).decode
        self._boundaries: list[tuple[list[int], list[str]]] = []

    def judge(self, core: _core.Analysis, cluster: str, flows_out: ByteSink | None) -> totals.Totals:
        """Judge every flow and write its event."""
        encoded = core.judge(
            self.evaluate,
            rows=[_row(row) for row in self.places.rows],
            ports=sorted(_told_apart(self._classifier.rules, self.places)),
            boundaries=self.boundaries(),
            cluster=cluster,
            write=flows_out.write if flows_out else None,
        )
        return msgspec.json.decode(encoded, type=totals.Totals)

    def boundaries(self) -> list[tuple[list[int], list[str]]]:
        """Per chain the instants, and the addresses of its server, at which its judgement may change."""
        new = map(self._chains, range(len(self._boundaries), len(self._chains)))
        self._boundaries += map(self._classifier.boundaries, new)
        return self._boundaries

    def evaluate(self, encoded: bytes) -> events.Fragments:
        """What the flows of a shape have in common in their events."""
        shape = self._decode(encoded)
        judged = self._classifier.classify(shape)
        if not self._observer:  # an agent has no end at which it would ask
            self.judged.append(judged)
        return events.fragments(shape, judged, self._observer)


def _told_apart(rules: ruleset.RuleSet, places: PlaceTable) -> set[int]:
    """The server ports that rules tell apart: those of known listeners and those that rules name."""
    listening = (port for place in places.places for port in place.ports)
    alternatives = (one.when.port or () for rule in rules.paths for one in rule.match)
    conditions = (when.port or () for rule in rules.findings for when in rule.when)
    return {*listening, *itertools.chain(*alternatives, *conditions)}


def _row(row: Row) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int, int, int, bytes]:
    network = ipaddress.ip_network(row.cidr)
    return network.network_address, network.prefixlen, row.place, row.node, row.name
