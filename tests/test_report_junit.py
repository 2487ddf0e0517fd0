"""JUnit XML: a case for each rule that could hold on a path; it fails where the run does."""

from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest

from observer import ruleset
from observer.analysis import Analysis, with_baseline
from observer.model import Severity
from observer.report import junit

RULES = ruleset.load().findings
KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"
CASE = "kubelet-certificate-unverified: The API server does not verify the kubelet's certificate"

Run = Callable[..., tuple[Analysis, bytes]]


def written(analysis: Analysis, fail_on: Severity | None = Severity.HIGH) -> Element:
    return fromstring(junit.document(analysis, RULES, fail_on))  # noqa: S314  # our own output


def case(root: Element) -> Element:
    return next(one for one in root.iter("testcase") if one.get("name") == CASE)


@pytest.mark.parametrize(
    ("fail_on", "fails"), [(Severity.HIGH, True), (Severity.CRITICAL, False), (Severity.LOW, True), (None, False)]
)
def test_a_case_fails_at_the_severity_at_which_the_run_does(
    analyzed: Run, fail_on: Severity | None, fails: bool
) -> None:
    found = case(written(analyzed(KUBELET)[0], fail_on))

    assert (found.find("failure") is not None) is fails
    assert (found.find("system-out") is not None) is not fails


def test_a_failure_names_pair_key_reason_mend_and_check(analyzed: Run) -> None:
    failure = case(written(analyzed(KUBELET)[0])).find("failure")

    assert failure is not None
    text = failure.text or ""
    assert "cp1 10.240.0.10 → node1 10.240.0.21:10250, 1 flow, key 09729babf4471290" in text
    assert "  because: certificate: " in text
    assert "\nmend: Set kube-apiserver" in text
    assert "\ncheck: `ps -o args=" in text


def test_a_known_finding_does_not_fail(analyzed: Run) -> None:
    analysis = analyzed(KUBELET)[0]
    known = with_baseline(analysis, {finding.key for finding in analysis.findings})

    assert written(known).get("failures") == "0"


def test_numbers_of_the_suites_add_up(analyzed: Run) -> None:
    root = written(analyzed("j_mixed_cluster_fabric.pcap", "mixed.yaml")[0])

    suites = root.findall("testsuite")
    assert sum(int(suite.get("tests", "")) for suite in suites) == int(root.get("tests", ""))
    assert len(root.findall("testsuite/testcase/failure")) == int(root.get("failures", "")) == 3
    assert suites[0].get("name") == "node-to-apiserver"


def test_names_from_the_traffic_cannot_break_the_document(analyzed: Run) -> None:
    analysis = analyzed(KUBELET)[0]
    evil = msgspec.structs.replace(analysis.findings[0].server, name="a\x1b]]>\x00<b>\udc80")
    findings = tuple(msgspec.structs.replace(finding, server=evil) for finding in analysis.findings)

    assert "a�]]>�<b>�" in (case(written(msgspec.structs.replace(analysis, findings=findings)))[0].text or "")


def test_the_whole_document(analyzed: Run, golden: Callable[[str, str], None]) -> None:
    golden("report_junit.xml", junit.document(analyzed(KUBELET)[0], RULES, Severity.HIGH).decode())
