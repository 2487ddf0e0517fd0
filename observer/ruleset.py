"""Reads `rules/`: path rules and finding rules, one file each, or everything that is wrong with them.

A rule is data: conjunctions of `fact: allowed values`. A condition that this cannot say becomes a fact in
`classify.facts`, never an expression here. What the values mean is said there, too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from observer import yaml
from observer.errors import ConfigurationError, Problem
from observer.model import (
    Certainty,
    ChainSource,
    Confidence,
    Fault,
    Forwarded,
    Listener,
    Outcome,
    Presence,
    Protocol,
    Purpose,
    Role,
    Severity,
    State,
)

UNATTRIBUTED = "unattributed"
OWN_RULES = Path(__file__).resolve().parent.parent / "rules"

R = TypeVar("R", "PathRule", "FindingRule")
V = TypeVar("V")

Allowed = tuple[V, ...] | None
YesNo = Literal["yes", "no"]
Link = Annotated[str, msgspec.Meta(pattern=r"^https://[^ ]+$")]
Capture = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]+\.pcap(ng)?$")]
Sentence = Annotated[str, msgspec.Meta(min_length=10, pattern=r"^[A-Z`].*\.$")]
Title = Annotated[str, msgspec.Meta(min_length=5, max_length=90)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class PathConditions(_Part, frozen=True, cache_hash=True):
    """All of them must hold; a value must be listed to match, `unknown` included."""

    client: Allowed[Role] = None
    server: Allowed[Role] = None
    listener: Allowed[Listener] = None
    port: Allowed[int] = None
    protocol: Allowed[Protocol] = None
    same_address: Allowed[YesNo] = None
    same_node: Allowed[YesNo] = None
    midstream: Allowed[YesNo] = None
    tunnel: Allowed[Literal["konnectivity", "unknown"]] = None
    server_name: Allowed[Literal["absent", "service", "other", "unknown"]] = None
    next_protocol: Allowed[Literal["h2", "http/1.1", "other", "unknown"]] = None
    offers: Allowed[Literal["h2 and http/1.1", "h2", "http/1.1", "none", "other", "unknown"]] = None
    handshake: Allowed[Outcome] = None
    client_certificate: Allowed[Presence] = None
    client_identity: Allowed[Purpose] = None
    server_identity: Allowed[Purpose] = None
    forwarded: Allowed[Forwarded] = None
    upgrade: Allowed[Literal["yes", "no", "unknown"]] = None
    agent: Allowed[Literal["kubernetes", "other", "unknown"]] = None
    ssh_client: Allowed[Literal["go", "other", "unknown"]] = None


class FindingConditions(PathConditions, frozen=True, cache_hash=True):
    """The same, after the path and the verdict are known."""

    path: Allowed[str] = None
    state: Allowed[State] = None
    certainty: Allowed[Certainty] = None
    confidence: Allowed[Confidence] = None
    via: Allowed[Literal["konnectivity", "ssh-tunnel", "none"]] = None
    credentials: Allowed[Literal["bearer", "basic", "none"]] = None
    tls_version: Allowed[Literal["1.0", "1.1", "1.2", "1.3", "older", "unknown"]] = None
    cipher: Allowed[
        Literal["anonymous", "null", "export", "broken", "cbc-sha1", "no-forward-secrecy", "good", "unknown"]
    ] = None
    certificate: Allowed[
        Literal["expired", "expiring", "not-yet-valid", "wrong-name", "wrong-usage", "unanchored", "unknown"]
    ] = None
    conformity: Allowed[Fault] = None
    certificate_source: Allowed[ChainSource] = None
    endpoint: Allowed[Literal["foreign-beside-trusted", "authorities-at-once", "authority-changed", "unknown"]] = None
    client_certificate_time: Allowed[Literal["valid", "expiring", "expired", "not-yet-valid", "unknown"]] = None
    ssh_algorithms: Allowed[Literal["weak", "good", "unknown"]] = None
    refused_by: Allowed[Literal["client", "server", "nobody"]] = None


class Captures(_Part, frozen=True, kw_only=True):
    """One capture in which the rule fires, one in which it must be silent; both in `pcaps/`."""

    fires: Capture
    silent: Capture


class Alternative(_Part, frozen=True, kw_only=True):
    """One way to be on a path: the conditions, how sure they make it, and why they do."""

    when: PathConditions
    confidence: Confidence
    reason: Annotated[str, msgspec.Meta(min_length=10)]
    via: Literal["konnectivity", "ssh-tunnel"] | None = None


class PathRule(_Part, frozen=True, kw_only=True):
    """How one path is told from the others; rules are tried in rising `order`."""

    id: str = ""
    title: Title
    description: Sentence
    documented: bool
    reference: Link
    order: int
    captures: Captures
    match: tuple[Alternative, ...]


class FindingRule(_Part, frozen=True, kw_only=True):
    """What is wrong, how much it matters, what mends it and how to check that; any of the conjunctions is enough."""

    id: str = ""
    title: Title
    severity: Severity
    explanation: Sentence
    remediation: Sentence
    reference: Link
    check: Sentence | None = None
    cis: str | None = None
    captures: Captures
    when: tuple[FindingConditions, ...]


class RuleSet(msgspec.Struct, frozen=True):
    """Path rules in the order they are tried, finding rules by severity and id."""

    paths: tuple[PathRule, ...]
    findings: tuple[FindingRule, ...]


def load(directory: Path = OWN_RULES) -> RuleSet:
    """The rules of a directory; ConfigurationError holds every fault of every file."""
    problems: list[Problem] = []
    paths = dict(_read(directory / "paths", PathRule, problems))
    findings = dict(_read(directory / "findings", FindingRule, problems))
    problems += _faults_of_paths(paths)
    if not problems and not paths:
        problems.append(Problem(str(directory / "paths"), 0, 0, "", "holds no rule"))
    if not problems:
        problems += _faults_of_findings(findings, {rule.value.id for rule in paths.values()})
    if problems:
        raise ConfigurationError.of(problems)
    order = list(Severity)
    return RuleSet(
        tuple(sorted((d.value for d in paths.values()), key=lambda rule: rule.order)),
        tuple(sorted((d.value for d in findings.values()), key=lambda rule: (-order.index(rule.severity), rule.id))),
    )


def _read(directory: Path, wanted: type[R], problems: list[Problem]) -> Iterator[tuple[str, yaml.Document[R]]]:
    """The readable rules by id, which is the file's name."""
    for file in sorted(directory.glob("*.yaml")):
        try:
            document = yaml.load(file, wanted)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if document.value.id:
            problems.append(document.problem(("id",), "is the file's name and not written down"))
        document.value = msgspec.structs.replace(document.value, id=file.stem)
        yield file.stem, document


def _faults_of_paths(documents: dict[str, yaml.Document[PathRule]]) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for name, document in documents.items():
        if name == UNATTRIBUTED:
            yield document.problem((), "is what no rule matches and cannot be a rule")
        if taken.setdefault(document.value.order, name) != name:
            yield document.problem(("order",), f"is already the order of {taken[document.value.order]}")
        if not document.value.match:
            yield document.problem(("match",), "needs at least one alternative")


def _faults_of_findings(documents: dict[str, yaml.Document[FindingRule]], paths: set[str]) -> Iterator[Problem]:
    for document in documents.values():
        if not document.value.when:
            yield document.problem(("when",), "needs at least one conjunction")
        for index, conditions in enumerate(document.value.when):
            for position, path in enumerate(conditions.path or ()):
                if path not in paths | {UNATTRIBUTED}:
                    yield document.problem(("when", index, "path", position), f"no path rule is called {path}")
