"""Which routes a finding takes and which group it belongs to there. Keeps nothing."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from observer.alerts.change import FindingChange
from observer.alerts.configuration import Label, Route
from observer.alerts.message import rank
from observer.analysis import Party

DIGITS = 16


def routes_of(change: FindingChange, routes: Iterable[Route]) -> Iterator[Route]:
    """The first route that matches, and those behind it as long as each says `go_on`."""
    for route in routes:
        if matches(change, route):
            yield route
            if not route.go_on:
                return


def matches(change: FindingChange, route: Route) -> bool:
    """Whether a route is for this finding."""
    return rank(change.severity) >= rank(route.severity) and all(
        not patterns or any(fnmatchcase(text or "", pattern) for pattern in patterns)
        for text, patterns in (
            (change.path, route.paths),
            (change.namespace, route.namespaces),
            (change.rule, route.rules),
            (change.cluster, route.clusters),
        )
    )


def labels_of(change: FindingChange, route: Route) -> dict[str, str]:
    """What a finding has in common with the others of its group."""
    return {label.value: _value(change, label) for label in route.group_by}


def group_id(route: Route, labels: dict[str, str]) -> str:
    """The name of a group, the same in every run."""
    return hashlib.sha256(json.dumps([route.name, labels]).encode()).hexdigest()[:DIGITS]


def told(party: Party) -> str:
    """An end of a conversation by its name, else its address."""
    return party.name or party.address


def _value(change: FindingChange, label: Label) -> str:
    values = {
        Label.RULE: change.rule,
        Label.PATH: change.path,
        Label.SEVERITY: change.severity.value,
        Label.NAMESPACE: change.namespace or "",
        Label.CLUSTER: change.cluster or "",
        Label.CLIENT: told(change.client),
        Label.SERVER: told(change.server),
        Label.FINDING: change.key,
    }
    return values[label]
