"""`observer diff` and `--baseline`: only what is new counts."""

import json
from collections.abc import Callable
from pathlib import Path

KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"
OTHER_RUN = "d_unverified_selfsigned_node1_tls12_all.pcap"
PROXY = "f_podproxy_https_tls12.pcap"

Saved = Callable[..., Path]
Observer = Callable[..., tuple[int, str, str]]
PCAPS = Path(__file__).parents[1] / "pcaps"
OPTIONS = ("--inventory", PCAPS / "inventory" / "default.yaml", "--ca", PCAPS / "ca" / "ca.crt")


def test_the_same_fault_in_another_capture_stays(observer: Observer, saved: Saved) -> None:
    code, out, err = observer("diff", saved(KUBELET), saved(OTHER_RUN, form="json"))

    assert (code, err) == (0, "")
    assert "kubelet-certificate-unverified" in out.split("stayed\n")[-1]
    assert "+ high" not in out


def test_what_came_and_what_went_is_told_and_fails(observer: Observer, saved: Saved) -> None:
    code, out, _ = observer("diff", saved(PROXY), saved(KUBELET))

    assert code == 1
    assert out.startswith("Findings: ")
    assert "+ high     kubelet-certificate-unverified" in out
    assert "- medium   proxy-unverified-https" in out


def test_the_threshold_counts_for_what_is_new_alone(observer: Observer, saved: Saved) -> None:
    assert observer("diff", saved(PROXY), saved(KUBELET), "--fail-on", "critical")[0] == 0
    assert observer("diff", saved(KUBELET), saved(PROXY), "--fail-on", "never")[0] == 0
    assert observer("diff", saved(KUBELET), saved(PROXY), "--fail-on", "medium")[0] == 1


def test_as_json_every_finding_is_in_one_of_three_lists(observer: Observer, saved: Saved) -> None:
    _, out, _ = observer("diff", saved(PROXY), saved(KUBELET), "-o", "json")

    document = json.loads(out)
    assert [document[name] for name in ("schema", "kind")] == ["observer/1", "diff"]
    assert {finding["id"] for finding in document["new"]} >= {"kubelet-certificate-unverified"}
    assert all(finding["new"] for finding in document["new"])
    assert document["gone"]
    assert document["stayed"] == []


def test_two_foreign_files_are_one_line_and_exit_code_2(observer: Observer, saved: Saved) -> None:
    code, out, err = observer("diff", PCAPS / "README.md", saved(KUBELET))

    assert (code, out) == (2, "")
    assert err.startswith(f"observer: {PCAPS / 'README.md'}: is no result of ")
    assert len(err.splitlines()) == 1


def test_findings_of_the_baseline_do_not_fail_a_run(observer: Observer, saved: Saved) -> None:
    baseline = saved(KUBELET)

    assert observer("analyze", PCAPS / OTHER_RUN, *OPTIONS)[0] == 1
    code, out, _ = observer("analyze", PCAPS / OTHER_RUN, *OPTIONS, "--baseline", baseline)
    assert code == 0
    assert "0 of 2 new since the baseline" in out


def test_json_says_of_each_finding_whether_it_is_new(observer: Observer, saved: Saved) -> None:
    arguments = ("analyze", PCAPS / PROXY, *OPTIONS, "-o", "ndjson")

    plain = json.loads(observer(*arguments)[1].splitlines()[-1])
    marked = json.loads(observer(*arguments, "--baseline", saved(KUBELET))[1].splitlines()[-1])

    assert [finding["new"] for finding in plain["findings"]] == [None] * len(plain["findings"])
    assert [finding["new"] for finding in marked["findings"]] == [True] * len(marked["findings"])


def test_a_wrong_baseline_costs_no_run_and_writes_nothing(observer: Observer, tmp_path: Path) -> None:
    target = tmp_path / "out"

    code, _, err = observer("analyze", PCAPS / PROXY, "--baseline", tmp_path / "none.json", "--output", target)

    assert (code, err) == (2, f"observer: {tmp_path / 'none.json'}: No such file or directory\n")
    assert not target.exists()
