"""From what became of a finding to what alerting takes."""

from enum import StrEnum
from typing import TypeVar

import msgspec

from observer import keys
from observer.alerts.change import FindingChange
from observer.alerts.change import Status as Told
from observer.analysis import Party
from observer.collector.keeper import Change
from observer.collector.rows import SEVERITIES
from observer.collector.wire import Kubernetes
from observer.model import Certainty, Role, Severity, State

Word = TypeVar("Word", bound=StrEnum)


class _End(msgspec.Struct, frozen=True):
    address: str
    port: int | None = None
    role: str = "unknown"
    name: str | None = None
    kubernetes: Kubernetes | None = None

    def party(self) -> Party:
        namespace = self.kubernetes.namespace if self.kubernetes else None
        name = keys.name_of(keys.Named(self.name, keys.Kubernetes(namespace)))
        return Party(self.address, _word(Role, self.role, Role.UNKNOWN), name, self.port)


class _Verdict(msgspec.Struct, frozen=True):
    state: str = "unknown"
    certainty: str = "unknown"


class _Rule(msgspec.Struct, frozen=True):
    title: str = ""
    explanation: str = ""
    remediation: str = ""
    reference: str | None = None
    cis: str | None = None


class _Event(msgspec.Struct, frozen=True):
    client: _End
    server: _End
    finding: _Rule
    verdict: _Verdict | None = None


_event = msgspec.json.Decoder(_Event)


def finding_change(change: Change) -> FindingChange:
    """A change as alerting takes it; words that this version does not know are `unknown`."""
    seen = change.state.seen
    event = _event.decode(seen.event)
    verdict = event.verdict or _Verdict()
    return FindingChange(
        key=seen.key,
        status=Told(change.turn.value),
        severity=Severity(SEVERITIES[seen.severity]),
        rule=seen.rule,
        path=seen.path,
        title=event.finding.title,
        client=event.client.party(),
        server=event.server.party(),
        first_ns=seen.first_ns,
        last_ns=seen.last_ns,
        explanation=event.finding.explanation,
        remediation=event.finding.remediation,
        reference=event.finding.reference,
        cis=event.finding.cis,
        namespace=seen.server_namespace or seen.client_namespace or None,
        cluster=seen.cluster or None,
        nodes=seen.nodes,
        count=seen.count,
        verdict=_word(State, verdict.state, State.UNKNOWN),
        certainty=_word(Certainty, verdict.certainty, Certainty.UNKNOWN),
        silenced=change.silenced,
    )


def _word(words: type[Word], told: str, otherwise: Word) -> Word:
    return words(told) if told in [*words] else otherwise
