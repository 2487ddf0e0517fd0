"""Says what to say about a flow: every finding rule that holds, and what it rests on. Grouping is done in `totals`."""

from collections.abc import Iterator

from observer.classify.case import SEEN_WHERE
from observer.classify.ciphers import grades, weak_algorithms
from observer.classify.facts import Chains, Facts
from observer.classify.matching import asked, holds
from observer.evidence import certificates
from observer.evidence.chains import Judgement, Time, time_of
from observer.evidence.changes import Change
from observer.model import (
    Attribution,
    Certainty,
    ChainSource,
    Confidence,
    Evidence,
    Finding,
    Outcome,
    Protocol,
    Shape,
    SshFacts,
    TlsFacts,
    Verdict,
)
from observer.ruleset import FindingConditions, FindingRule

VERSIONS = ("1.0", "1.1", "1.2", "1.3")
TIME_FACTS = {Time.EXPIRED: "expired", Time.EXPIRING: "expiring", Time.NOT_YET_VALID: "not-yet-valid"}


# Facts that are a finding's cause by themselves, where a rule asks for them, and where each is seen.
SEEN_IN = {
    "credentials": ("credentials", "HTTP request"),
    "tls_version": ("TLS version", "TLS handshake"),
    "cipher": ("cipher suite", "TLS ServerHello"),
    "certificate": ("server certificate", "TLS handshake"),
    "conformity": ("against the rules", "server's certificates"),
    "endpoint": ("certificates of the endpoint", "flows and memory"),
    "client_certificate_time": ("client certificate", "TLS handshake"),
    "ssh_algorithms": ("algorithms", "SSH negotiation"),
}
OF_CERTIFICATE = frozenset({"certificate", "conformity"})
CERTAINTY_OF_PATH = {
    Confidence.CERTAIN: Certainty.PROVEN,
    Confidence.LIKELY: Certainty.INFERRED,
    Confidence.TENTATIVE: Certainty.INFERRED,
}


def findings_of(
    rules: tuple[FindingRule, ...], facts: Facts, attribution: Attribution, verdict: Verdict
) -> tuple[Finding, ...]:
    """The findings that hold, the most severe first."""
    matches = ((rule, next((when for when in rule.when if holds(when, facts)), None)) for rule in rules)
    return tuple(_finding(rule, when, facts, attribution, verdict) for rule, when in matches if when is not None)


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
        "conformity": frozenset(map(str, judgement.faults if judgement else ())),
        "certificate_source": frozenset({str(chains.server_source)}),
        "client_certificate_time": frozenset(
            {str(time_of(chains.client[0], shape.time)) if chains.client else "unknown"}
        ),
        "ssh_algorithms": frozenset({_ssh(shape.ssh)}),
        "refused_by": frozenset({_refused_by(shape.protocol, tls.outcome)}),
    }


def endpoint(change: Change, chains: Chains) -> Facts:
    """What the certificates of the endpoint show together, and whose they are."""
    issuers = (f"{when} {certificates.describe(chain[0]).issuer or 'no name'}" for when, chain in chains.others)
    own = certificates.describe(chains.server[0]).issuer if chains.server else None
    told = f"issuer {own or 'no name'}, {', '.join(issuers)}"
    return {"endpoint": frozenset({str(change)}), "endpoint_issuers": frozenset({told})}


def _finding(
    rule: FindingRule, when: FindingConditions, facts: Facts, attribution: Attribution, verdict: Verdict
) -> Finding:
    """A rule that asks for the verdict rests on that; else on what it saw itself; else on the path alone."""
    seen = dict(_seen(when, facts))
    if when.state is not None:
        cause, certainty, reasons = str(verdict.state), verdict.certainty, verdict.reasons
    elif seen:
        cause, certainty = " ".join(f"{name}={value}" for name, value in seen.items()), _certainty_of(seen, facts)
        reasons = tuple(str(_evidence(name, value, facts)) for name, value in seen.items())
    else:
        cause, reasons = "", attribution.reasons
        certainty = CERTAINTY_OF_PATH.get(attribution.confidence, Certainty.UNKNOWN)
    return Finding(
        rule.id,
        rule.severity,
        rule.title,
        rule.remediation,
        rule.reference,
        rule.explanation,
        rule.cis,
        rule.check,
        cause,
        certainty,
        reasons,
    )


def _seen(when: FindingConditions, facts: Facts) -> Iterator[tuple[str, str]]:
    """The facts that the rule asked for and found."""
    for name, allowed in asked(when):
        if name in SEEN_IN:
            yield name, " ".join(sorted(map(str, facts[name] & allowed)))


def _evidence(name: str, value: str, facts: Facts) -> Evidence:
    fact, where = SEEN_IN[name]
    if name == "endpoint":
        return Evidence("certificate", fact, f"{value}: {next(iter(facts['endpoint_issuers']))}", where)
    source = _bound(facts) if name in OF_CERTIFICATE else None
    return (
        Evidence("packets", fact, value, where) if source is None else Evidence(source, fact, value, SEEN_WHERE[source])
    )


def _certainty_of(seen: dict[str, str], facts: Facts) -> Certainty:
    """What was read is proven; but which name a client dialled, or what only its length binds, is only likely."""
    bound = OF_CERTIFICATE & set(seen) and _bound(facts)
    doubtful = "endpoint" in seen or "wrong-name" in seen.get("certificate", "") or bound
    return Certainty.INFERRED if doubtful else Certainty.PROVEN


def _bound(facts: Facts) -> ChainSource | None:
    """The source of the server's certificate, where only its length binds it to the flow."""
    source = ChainSource(str(next(iter(facts["certificate_source"]))))
    return source if source.bound else None


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
