"""Judges shapes: which documented path, how safe, what to say. Pure: the same shape always gives the same answer."""

from collections.abc import Mapping, Sequence

import msgspec

from observer.classify import attribution, findings, verdict
from observer.classify.case import ANCHORS, Case
from observer.classify.configured import Configured, configured
from observer.classify.facts import Chains, ReadChain, facts_of
from observer.evidence import certificates, changes
from observer.evidence.chains import Judgement, Trust, Wanted, addresses_named
from observer.evidence.paths import Chain
from observer.inventory.file import Inventory
from observer.inventory.places import Place, PlaceTable, compile_places
from observer.model import (
    Attribution,
    Certificate,
    ChainSource,
    Finding,
    Listener,
    Presence,
    Purpose,
    Role,
    Shape,
    TlsFacts,
    Verdict,
)
from observer.ruleset import RuleSet


class Classified(msgspec.Struct, frozen=True):
    """All that is said of a shape; certificates are the server's and the client's, leaf first.

    `certificate_source`: how the server's are known.
    """

    attribution: Attribution
    verdict: Verdict
    findings: tuple[Finding, ...]
    certificates: tuple[Certificate, ...]
    client_certificates: tuple[Certificate, ...]
    certificate_source: ChainSource = ChainSource.UNKNOWN


class Classifier:
    """Judges shapes by one rule set, one inventory and one set of trust anchors; `read_chain` is the core's."""

    def __init__(
        self,
        rules: RuleSet,
        inventory: Inventory,
        trust: Trust,
        read_chain: ReadChain,
        places: PlaceTable | None = None,
    ) -> None:
        self.rules, self.inventory, self.trust, self.read_chain = rules, inventory, trust, read_chain
        self.places = places or compile_places(inventory)
        service = {inventory.kubernetes_service} if inventory.kubernetes_service else set()
        self._addresses_with = _turned(self.places.hosts)
        self._apiserver_addresses = frozenset({server.address for server in inventory.apiservers} | service)

    def boundaries(self, chain: Sequence[bytes]) -> tuple[list[int], list[str]]:
        """Instants (ns) and addresses of its server at which a chain's judgement may be another one.

        All addresses that are not told are one to `_wanted`, and to shapes.
        """
        borne = addresses_named(chain[0]) if chain else ()
        addresses = {address for name in borne for address in (name, *self._addresses_with.get(name, ()))}
        return self.trust.boundaries(chain), sorted(addresses)

    def classify(self, shape: Shape) -> Classified:
        """Everything that is to be said of flows of this shape."""
        chains = Chains(self.read_chain, shape)
        client, server = self._place(shape.client_place), self._place(shape.server_place)
        facts = facts_of(shape, client, server, self.inventory.konnectivity is not None, chains)
        path = attribution.attribute(self.rules.paths, facts, self.inventory.inferred)
        judgement = self._judge(shape, server, path, chains.server)
        told = configured(self.inventory, path.path, (client, server), *_credentials(shape, chains))
        state = verdict.judge(self._case(shape, path, chains, judgement, told))
        change = changes.change(chains.server, chains.others, self.trust, ANCHORS.get(path.path, ()))
        judged = findings.judged_facts(shape, path, state, judgement, chains)
        facts = {**facts, **judged, **findings.endpoint(change, chains)}
        found = findings.findings_of(self.rules.findings, facts, path, state)
        shown, sent = _described(chains.server), _described(chains.client)
        return Classified(path, state, found, shown, sent, chains.server_source)

    def _place(self, index: int) -> Place:
        return self.places.places[index if 0 <= index < len(self.places.places) else 0]

    def _judge(self, shape: Shape, server: Place, path: Attribution, chain: Chain) -> Judgement | None:
        if not chain:
            return None
        roles = ANCHORS.get(path.path, ())
        return self.trust.judge(chain, self._wanted(shape, server, path), shape.time, roles)

    def _wanted(self, shape: Shape, server: Place, path: Attribution) -> Wanted:
        """What the client may have dialled. Only kubelets are surely dialled by their own address."""
        address = shape.server_address or ""
        own = self.places.hosts.get(address, ())
        listener = server.listener(shape.server_port)
        others = self._apiserver_addresses if listener is Listener.APISERVER else frozenset[str]()
        direct = listener is Listener.KUBELET and path.server_role is Role.NODE and server.is_node
        name = (shape.tls or TlsFacts()).server_name
        return Wanted(name, (others | {address, *own}) - {""}, translated=not direct)

    def _case(
        self, shape: Shape, path: Attribution, chains: Chains, judgement: Judgement | None, told: Configured
    ) -> Case:
        authority, chain = told.kubelet_authority, chains.server
        return Case(
            shape,
            path,
            certificates.purpose(chain[0]) if chain else Purpose.UNKNOWN,
            judgement,
            told,
            isinstance(authority, str) and authority in self.trust.files,
            chains.server_source,
        )


def _credentials(shape: Shape, chains: Chains) -> tuple[Presence, Purpose]:
    """Whether the client showed a certificate, and whose."""
    if chains.client:
        return Presence.SENT, certificates.purpose(chains.client[0])
    return (shape.tls or TlsFacts()).client_certificate, Purpose.UNKNOWN


def _turned(hosts: Mapping[str, tuple[str, ...]]) -> Mapping[str, list[str]]:
    """For each address the ones whose host has it."""
    turned: dict[str, list[str]] = {}
    for address, own in hosts.items():
        for other in own:
            turned.setdefault(other, []).append(address)
    return turned


def _described(chain: Chain) -> tuple[Certificate, ...]:
    return tuple(map(certificates.describe, chain))


__all__ = ["Classified", "Classifier"]
