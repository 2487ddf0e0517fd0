"""Every rule fires in the capture it names for that, and is silent in the other."""

import pytest
from truth import PCAPS, Event, Folder, Setting, events

from observer import ruleset
from observer.ruleset import FindingRule, PathRule

RULES = ruleset.load()
CAPTURES = {capture.capture: capture for capture in Folder(PCAPS).captures}


def observed(name: str) -> list[Event]:
    return events(Folder(PCAPS), CAPTURES[name], Setting.AUTHORITIES)


@pytest.mark.parametrize("rule", RULES.paths, ids=lambda rule: rule.id)
def test_a_path_is_told_where_it_is_and_not_where_it_is_not(rule: PathRule) -> None:
    assert rule.id in {event.path.id for event in observed(rule.captures.fires)}
    assert rule.id not in {event.path.id for event in observed(rule.captures.silent)}


@pytest.mark.parametrize("rule", RULES.findings, ids=lambda rule: rule.id)
def test_a_finding_is_told_where_it_holds_and_not_where_it_does_not(rule: FindingRule) -> None:
    assert rule.id in {finding.id for event in observed(rule.captures.fires) for finding in event.findings}
    assert rule.id not in {finding.id for event in observed(rule.captures.silent) for finding in event.findings}
