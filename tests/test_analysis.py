"""The order in which an analysis is told."""

from observer.analysis import PAGE_ORDER, PathTotals, in_page_order
from observer.ruleset import load


def test_every_documented_path_has_its_place_on_the_page() -> None:
    assert {rule.id for rule in load().paths if rule.documented} == set(PAGE_ORDER)


def test_paths_are_told_in_the_order_of_the_page_and_the_rest_after_them() -> None:
    names = ["unattributed", "kubelet-readonly", "ssh-tunnel", "etcd-client", "pod-to-apiserver"]

    paths = in_page_order(PathTotals(name, name in PAGE_ORDER, {}) for name in names)

    expected = ["pod-to-apiserver", "ssh-tunnel", "etcd-client", "kubelet-readonly", "unattributed"]
    assert [totals.id for totals in paths] == expected
