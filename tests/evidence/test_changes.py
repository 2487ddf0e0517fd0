"""Two certificates at one endpoint: a renewal says nothing, another authority does."""

import pytest
from certificate_shapes import (
    CA,
    MIDDLE,
    NOW,
    OTHER,
    ROOT,
    SERVER,
    Subject,
    authority,
    authority_id,
    curve,
    leaf,
    names,
    signed,
)

from observer.evidence.chains import Trust
from observer.evidence.changes import Change, change
from observer.evidence.paths import Chain
from observer.model import When

NOTHING = Change.UNKNOWN
RENEWED: Chain = (leaf(end=NOW),)
OWN: Chain = (leaf(),)
FOREIGN: Chain = (leaf(by=OTHER),)
FOREIGN_RENEWED: Chain = (leaf(by=OTHER, end=NOW),)
NAMESAKE: Chain = (leaf(by=Subject(CA.name, curve(40))),)


def self_made(epoch: int, host: str = "node1") -> Chain:
    """What a kubelet makes for itself at a start."""
    maker = Subject.of(f"{host}-ca@{epoch}", 12)
    made = signed(Subject.of(f"{host}@{epoch}", 13), maker, *SERVER, authority_id(maker), names(host))
    return made, authority(maker)


def told(own: Chain, *others: tuple[When, Chain], anchors: tuple[bytes, ...] = ()) -> Change:
    return change(own, others, Trust(anchors), ())


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("anchors", [(), (ROOT,), (authority(OTHER),)])
def test_leaves_of_one_authority_are_a_renewal_or_a_load_balancer(when: When, anchors: tuple[bytes, ...]) -> None:
    assert told(OWN, (when, RENEWED), anchors=anchors) is NOTHING


def test_a_kubelet_that_makes_a_new_certificate_at_its_start_is_no_interception() -> None:
    assert told(self_made(1_795_000_100), (When.BEFORE, self_made(1_795_000_000)), anchors=(ROOT,)) is NOTHING


def test_an_address_that_another_node_got_is_no_interception() -> None:
    assert told(self_made(1_795_000_100, "node2"), (When.BEFORE, self_made(1_795_000_000))) is NOTHING


def test_two_self_made_certificates_at_once_are_told() -> None:
    assert told(self_made(1_795_000_100), (When.MEANWHILE, self_made(1_795_000_000))) is Change.AT_ONCE


def test_a_kubelet_that_got_a_certificate_of_the_clusters_authority_is_none_either() -> None:
    assert told(OWN, (When.BEFORE, self_made(1_795_000_000)), anchors=(ROOT,)) is NOTHING


@pytest.mark.parametrize("when", [When.BEFORE, When.MEANWHILE])
def test_a_certificate_of_nobody_known_beside_a_trusted_one_is_the_worst(when: When) -> None:
    assert told(FOREIGN, (when, OWN), anchors=(ROOT,)) is Change.FOREIGN


def test_the_trusted_one_of_the_two_is_not_blamed() -> None:
    assert told(OWN, (When.MEANWHILE, FOREIGN), anchors=(ROOT,)) is NOTHING


def test_without_anchors_another_authority_is_told_for_what_it_may_be() -> None:
    assert told(FOREIGN, (When.BEFORE, OWN)) is Change.CHANGED
    assert told(FOREIGN, (When.MEANWHILE, OWN)) is Change.AT_ONCE


def test_what_comes_later_is_told_of_what_comes_later() -> None:
    assert told(OWN, (When.AFTER, FOREIGN)) is NOTHING


def test_an_authority_of_the_same_name_with_another_key_is_another() -> None:
    assert told(NAMESAKE, (When.BEFORE, OWN)) is Change.CHANGED


def test_a_renewal_after_the_authority_was_replaced_is_no_news() -> None:
    assert told(FOREIGN_RENEWED, (When.BEFORE, OWN), (When.BEFORE, FOREIGN)) is NOTHING


def test_an_authority_that_was_replaced_by_one_that_is_trusted_is_no_news() -> None:
    assert told(FOREIGN, (When.BEFORE, OWN), anchors=(authority(OTHER),)) is NOTHING


def test_intermediates_that_lead_to_one_anchor_are_one_authority() -> None:
    below: Chain = (leaf(by=MIDDLE), authority(MIDDLE, CA))

    assert told(below, (When.MEANWHILE, OWN), anchors=(ROOT,)) is NOTHING
