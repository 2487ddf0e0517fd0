"""SARIF 2.1.0: valid by its own schema, the same bytes every time, and what each reader looks for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from observer import ruleset
from observer.analysis import Analysis, CaptureNote, with_baseline
from observer.report import sarif

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_bytes())
RULES = ruleset.load().findings
KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"

Run = Callable[..., tuple[Analysis, bytes]]


def written(analysis: Analysis) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sarif.document(analysis, RULES, "1.2.3"))
    return document


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"findings": ()},
        {"captures": (CaptureNote("-", 1), CaptureNote("a b/c%d.pcap", 2, "the last packet is incomplete"))},
    ],
)
def test_it_is_valid_by_the_schema_of_sarif(analyzed: Run, change: dict[str, Any]) -> None:
    analysis = msgspec.structs.replace(analyzed("j_mixed_cluster_fabric.pcap", "mixed.yaml")[0], **change)

    jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(written(analysis))


def test_a_result_has_rule_level_pair_and_a_fingerprint_that_stays(analyzed: Run) -> None:
    run = written(analyzed(KUBELET)[0])["runs"][0]

    result = next(one for one in run["results"] if one["ruleId"] == "kubelet-certificate-unverified")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"observerFinding/v1": "09729babf4471290"}
    location = result["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == KUBELET
    assert location["logicalLocations"][0]["name"] == "cp1 10.240.0.10 → node1 10.240.0.21:10250"


def test_a_rule_tells_the_mend_the_check_and_the_benchmark(analyzed: Run) -> None:
    rules = written(analyzed(KUBELET)[0])["runs"][0]["tool"]["driver"]["rules"]

    rule = next(one for one in rules if one["id"] == "kubelet-certificate-unverified")
    assert "**Mend:** Set kube-apiserver" in rule["help"]["markdown"]
    assert "**Check:** `ps -o args=" in rule["help"]["markdown"]
    assert rule["properties"]["tags"] == ["security", "kubernetes", "CIS 1.2.5"]


def test_a_baseline_is_told_in_the_words_of_sarif(analyzed: Run) -> None:
    analysis = with_baseline(analyzed(KUBELET)[0], {"09729babf4471290"})

    results = written(analysis)["runs"][0]["results"]
    assert {result["baselineState"] for result in results} == {"new", "unchanged"}


def test_a_finding_of_a_rule_that_is_not_ours_is_told_without_index(analyzed: Run) -> None:
    document = json.loads(sarif.document(analyzed(KUBELET)[0], (), "1.2.3"))

    jsonschema.Draft7Validator(SCHEMA).validate(document)
    assert all("ruleIndex" not in result for result in document["runs"][0]["results"])


def test_the_whole_document(analyzed: Run, golden: Callable[[str, str], None]) -> None:
    few = tuple(rule for rule in RULES if rule.id.startswith("kubelet-certificate"))

    golden("report_sarif.json", sarif.document(analyzed(KUBELET)[0], few, "1.2.3").decode())
