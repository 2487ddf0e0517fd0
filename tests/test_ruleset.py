"""Rules as data: the project's own are sound, and every fault of somebody else's is told."""

import re
from pathlib import Path

import pytest

from observer import ruleset
from observer.errors import ConfigurationError

DOCUMENTED = {
    "node-to-apiserver",
    "pod-to-apiserver",
    "controlplane-to-apiserver",
    "apiserver-to-kubelet",
    "apiserver-to-node-proxy",
    "apiserver-to-pod-proxy",
    "apiserver-to-service-proxy",
    "ssh-tunnel",
    "konnectivity-agent-to-server",
    "apiserver-to-konnectivity-server",
}
UNDOCUMENTED = {
    "kubelet-readonly",
    "kubelet-other-client",
    "konnectivity-admin",
    "konnectivity-health",
    "etcd-client",
    "etcd-peer",
    "controlplane-metrics",
    "apiserver-insecure",
    "external-to-apiserver",
    "apiserver-to-webhook",
    "apiserver-to-aggregated-api",
}
PATH = """
title: A path of mine
description: Only for tests.
documented: false
reference: https://example.org/
order: 1
captures: {fires: a.pcap, silent: b.pcap}
match:
- {when: {client: [node]}, confidence: certain, reason: because it is}
"""
FINDING = """
title: A finding of mine
severity: low
explanation: Only for tests.
remediation: Nothing to do.
reference: https://example.org/
captures: {fires: a.pcap, silent: b.pcap}
when: [{path: [mine]}]
"""


def rules(directory: Path, paths: dict[str, str], findings: dict[str, str]) -> Path:
    for kind, texts in (("paths", paths), ("findings", findings)):
        (directory / kind).mkdir()
        for name, text in texts.items():
            (directory / kind / f"{name}.yaml").write_text(text)
    return directory


def faults(directory: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        ruleset.load(directory)
    return [str(problem).removeprefix(f"{directory}/") for problem in caught.value.problems]


def test_every_path_of_the_design_has_a_rule_and_is_rightly_documented() -> None:
    found = {rule.id: rule.documented for rule in ruleset.load().paths}

    assert found == dict.fromkeys(DOCUMENTED, True) | dict.fromkeys(UNDOCUMENTED, False)


def test_documented_paths_point_into_the_page_that_documents_them() -> None:
    for rule in ruleset.load().paths:
        if rule.documented:
            assert re.search(r"/control-plane-node-communication/#[a-z-]+$", rule.reference), rule.id


def test_path_rules_are_tried_in_their_order() -> None:
    orders = [rule.order for rule in ruleset.load().paths]

    assert orders == sorted(orders)


def test_every_remediation_names_a_flag_a_field_or_a_command() -> None:
    vague = [
        rule.id
        for rule in ruleset.load().findings
        if not re.search(r"`|https|port|serverAuth|authority", rule.remediation)
    ]

    assert vague == []


def test_sound_rules_are_read_with_the_file_name_as_id(tmp_path: Path) -> None:
    found = ruleset.load(rules(tmp_path, {"mine": PATH}, {"f": FINDING}))

    assert ([rule.id for rule in found.paths], [rule.id for rule in found.findings]) == (["mine"], ["f"])


def test_all_faults_of_all_files_are_told(tmp_path: Path) -> None:
    wrong = PATH.replace("client: [node]", "clinet: [node], server: [nod]").replace(
        "documented: false", "documented: 0"
    )
    directory = rules(tmp_path, {"mine": wrong}, {"f": FINDING.replace("severity: low", "severity: hgih")})

    assert faults(directory) == [
        "findings/f.yaml:3:11: severity: invalid enum value 'hgih'",
        "paths/mine.yaml:4:13: documented: expected `bool`, got `int`",
        "paths/mine.yaml:9:11: match[0].when.clinet: no such field; did you mean `client`?",
        "paths/mine.yaml:9:36: match[0].when.server[0]: invalid enum value 'nod'",
    ]


def test_a_finding_on_a_path_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    directory = rules(tmp_path, {"mine": PATH}, {"f": FINDING.replace("path: [mine]", "path: [mien]")})

    assert faults(directory) == ["findings/f.yaml:8:16: when[0].path[0]: no path rule is called mien"]


def test_two_rules_of_one_order_are_a_fault(tmp_path: Path) -> None:
    directory = rules(tmp_path, {"mine": PATH, "other": PATH}, {})

    assert faults(directory) == ["paths/other.yaml:6:8: order: is already the order of mine"]


def test_a_rule_that_can_never_match_is_a_fault(tmp_path: Path) -> None:
    head = PATH.partition("match:")[0]
    directory = rules(tmp_path, {"mine": head + "match: []\n"}, {})

    assert faults(directory) == ["paths/mine.yaml:8:8: match: needs at least one alternative"]


def test_a_directory_without_rules_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == ["paths: holds no rule"]
