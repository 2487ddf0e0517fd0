"""Two ends of one flow are one conversation; pure, over views."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.made import flow
from observer.collector.conversations import View, conversation, joined, verdict

SECOND = 1_000_000_000


def view(node: str, start: float, end: float, community: str = "1:a") -> View:
    name = f"{node}@{start}"
    return View(community, node, int(start * SECOND), int(end * SECOND), name, flow(0, node=node))


def nodes_of(*views: View) -> list[list[str]]:
    return [[one.id for one in group] for group in joined(views)]


def test_two_nodes_that_see_one_flow_at_overlapping_times_see_one_conversation() -> None:
    assert nodes_of(view("a", 0, 5), view("b", 0.001, 5.001)) == [["a@0", "b@0.001"]]


def test_a_small_difference_of_clocks_is_borne() -> None:
    assert nodes_of(view("a", 0, 1), view("b", 2.5, 3.5)) == [["a@0", "b@2.5"]]


def test_the_same_ends_used_again_later_are_another_conversation() -> None:
    assert nodes_of(view("a", 0, 1), view("b", 60, 61)) == [["a@0"], ["b@60"]]


def test_one_node_never_sees_a_conversation_twice() -> None:
    views = (view("a", 0, 5), view("b", 0, 5), view("a", 5.5, 6), view("b", 5.5, 6))
    assert nodes_of(*views) == [["a@0", "b@0"], ["a@5.5", "b@5.5"]]


def test_flows_without_a_community_id_are_never_joined() -> None:
    assert nodes_of(view("a", 0, 5, ""), view("b", 0, 5, "")) == [["a@0"], ["b@0"]]


@given(st.permutations([view("a", 0, 5), view("b", 0, 5), view("a", 9, 10), view("b", 30, 31, "1:b")]))
def test_the_order_in_which_views_come_does_not_matter(views: list[View]) -> None:
    assert sorted(nodes_of(*views)) == [["a@0", "b@0"], ["a@9"], ["b@30"]]


def told(state: str, certainty: str) -> dict[str, Any]:
    return {"state": state, "certainty": certainty, "reasons": [state]}


def test_a_proof_beats_an_inference_and_any_claim_beats_none() -> None:
    assert verdict([("a", told("verifiable", "inferred")), ("b", told("verified", "proven"))])["state"] == "verified"
    assert verdict([("a", told("unknown", "unknown")), ("b", told("unverified", "inferred"))])["state"] == "unverified"


def test_equally_sure_nodes_that_disagree_leave_it_unknown_and_say_so() -> None:
    both = verdict([("a", told("verified", "proven")), ("b", told("unverified", "proven"))])
    assert both["state"] == "unknown"
    assert both["reasons"] == ["nodes-disagree: a verified, b unverified (proven)"]


def test_a_conversation_is_named_after_its_earliest_view_and_names_all_who_saw_it() -> None:
    (group,) = joined([view("b", 0.5, 5), view("a", 0, 5)])
    whole = conversation(group)
    assert (whole.id, whole.nodes, len(whole.views)) == ("a@0", ("a", "b"), 2)
