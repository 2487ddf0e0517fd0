"""Says what to say about a flow: every finding rule that holds. Counting and grouping is the events' business."""

from observer.classify.ciphers import grades, weak_algorithms
from observer.classify.facts import Chains, Facts
from observer.classify.matching import holds
from observer.evidence.chains import Judgement, Time, time_of
from observer.model import Attribution, Finding, Outcome, Protocol, Shape, SshFacts, TlsFacts, Verdict
from observer.ruleset import FindingRule

VERSIONS = ("1.0", "1.1", "1.2", "1.3")
TIME_FACTS = {Time.EXPIRED: "expired", Time.EXPIRING: "expiring", Time.NOT_YET_VALID: "not-yet-valid"}


def findings_of(rules: tuple[FindingRule, ...], facts: Facts) -> tuple[Finding, ...]:
    """The findings that hold, the most severe first."""
    return tuple(_finding(rule) for rule in rules if any(holds(conditions, facts) for conditions in rule.when))


def judged_facts(
    shape: Shape, attribution: Attribution, verdict: Verdict, judgement: Judgement | None, chains: Chains
) -> Facts:
    """The facts that only finding rules ask for; what each value means."""
    tls = shape.tls or TlsFacts()
    http = shape.http if shape.protocol is Protocol.HTTP else None
    return {
        "path": frozenset({attribution.path}),
        "state": frozenset({str(verdict.state)}),
        "certainty": frozenset({str(verdict.certainty)}),
        "confidence": frozenset({str(attribution.confidence)}),
        "via": frozenset({attribution.via or "none"}),
        "credentials": frozenset({(http.credentials if http else None) or "none"}),
        "tls_version": frozenset({_version(tls.version)}),
        "cipher": frozenset(grades(tls.cipher)),
        "certificate": _certificate(judgement),
        "client_certificate_time": frozenset(
            {str(time_of(chains.client[0], shape.time)) if chains.client else "unknown"}
        ),
        "ssh_algorithms": frozenset({_ssh(shape.ssh)}),
        "refused_by": frozenset({_refused_by(shape.protocol, tls.outcome)}),
    }


def _finding(rule: FindingRule) -> Finding:
    return Finding(rule.id, rule.severity, rule.title, rule.remediation, rule.reference, rule.explanation, rule.cis)


def _version(version: str | None) -> str:
    if version is None:
        return "unknown"
    return version if version in VERSIONS else "older"


def _certificate(judgement: Judgement | None) -> frozenset[str | int]:
    if judgement is None:
        return frozenset({"unknown"})
    found = {TIME_FACTS.get(judgement.time, "")}
    found.add("wrong-name" if judgement.name is False else "")
    found.add("wrong-usage" if not judgement.usage else "")
    found.add("unanchored" if judgement.anchored is False else "")
    return frozenset(found - {""})


def _ssh(ssh: SshFacts | None) -> str:
    if ssh is None or ssh.negotiation != "agreed":
        return "unknown"
    return "weak" if weak_algorithms(ssh) else "good"


def _refused_by(protocol: Protocol, outcome: Outcome) -> str:
    if protocol is not Protocol.TLS:
        return "nobody"
    if outcome is Outcome.CLIENT_REFUSED:
        return "client"
    return "server" if outcome is Outcome.SERVER_REFUSED else "nobody"
