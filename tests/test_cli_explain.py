"""`observer explain`: by key, by flow, by rule; what is not there or fits twice is one clear line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"
PCAPS = Path(__file__).parents[1] / "pcaps"

Saved = Callable[..., Path]
Observer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def result(saved: Saved) -> Path:
    return saved(KUBELET)


def events(result: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in result.read_text().splitlines()]


def test_the_beginning_of_a_key_is_enough(observer: Observer, result: Path) -> None:
    code, out, err = observer("explain", "09729bab", result)

    assert (code, err) == (0, "")
    assert "key    09729babf4471290" in out
    assert "rules/findings/kubelet-certificate-unverified.yaml" in out
    assert "packets" not in out.split("speaks")[1]


def test_with_the_capture_the_packets_have_numbers(observer: Observer, result: Path) -> None:
    out = observer("explain", "09729bab", result, "--capture", PCAPS / KUBELET)[1]

    assert "the server's certificate" in out
    assert f"tshark -r {PCAPS / KUBELET} -V -Y 'frame.number == " in out


def test_a_flow_is_found_by_its_id(observer: Observer, result: Path) -> None:
    flow = events(result)[0]

    code, out, _ = observer("explain", flow["id"], result)

    assert code == 0
    assert out.startswith(f"Flow {flow['id']}\n")


def test_a_finding_of_a_rule_is_told_for_all_its_pairs(observer: Observer, saved: Saved) -> None:
    code, out, _ = observer("explain", "kubelet-readonly-port", saved("f_nodeproxy_readonly_10255.pcap", form="json"))

    assert code == 0
    assert "For example flow " in out


def test_without_an_id_everything_that_can_be_explained_is_listed(observer: Observer, result: Path) -> None:
    code, out, _ = observer("explain", result)

    assert code == 0
    assert out.startswith("09729bab  high")
    assert "by the id of its event" in out


def test_a_rule_needs_no_result(observer: Observer) -> None:
    code, out, _ = observer("explain", "kubelet-certificate-unverified")

    assert code == 0
    assert "when" in out
    assert "check" in out


def test_without_anything_the_rules_are_listed(observer: Observer) -> None:
    assert observer("explain")[1] == observer("rules", "list")[1]


def test_what_is_not_there_is_one_line_and_says_what_helps(observer: Observer, result: Path) -> None:
    code, out, err = observer("explain", "ffffffff", result)

    assert (code, out) == (2, "")
    assert err == (
        f"observer: {result}: neither finding nor flow begins with ffffffff; `observer explain {result}` lists what "
        "there is\n"
    )


def test_a_beginning_that_fits_several_flows_is_one_line(observer: Observer, tmp_path: Path, result: Path) -> None:
    flow, *_, summary = events(result)
    twins = tmp_path / "twins.ndjson"
    twins.write_text(
        "".join(json.dumps({**event}) + "\n" for event in ({**flow, "id": "abc1"}, {**flow, "id": "abc2"}, summary))
    )

    code, _, err = observer("explain", "abc", twins)

    assert (code, err) == (2, f"observer: {twins}: abc begins several ids: abc1, abc2\n")


def test_the_same_question_gets_the_same_answer(observer: Observer, result: Path) -> None:
    assert observer("explain", "0972", result) == observer("explain", "0972", result)
