"""The Helm chart: rendered by the real Helm, and every object held against the schemas of three Kubernetes versions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from observer.cli import collector
from observer.config import Settings, reading

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "observer"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
VERSIONS = ("1.25", "1.31", "1.37")
# Kinds of the Prometheus operator, whose schemas are not Kubernetes' own.
FOREIGN = "monitoring.coreos.com/v1"
HELM = shutil.which("helm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

pytestmark = pytest.mark.skipif(HELM is None, reason="not installed: helm (`go install` made none)")

Json = dict[str, Any]


def helm(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(HELM), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def rendered(*arguments: str | Path) -> list[Json]:
    done = helm("template", "observer", CHART, "--namespace", "observer", *arguments)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def only(objects: list[Json], kind: str, part: str = "agent") -> Json:
    (found,) = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == f"observer-{part}"]
    return found


def container(workload: Json) -> Json:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return found  # type: ignore[no-any-return]


def test_the_linter_has_nothing_to_say() -> None:
    done = helm("lint", "--strict", CHART)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_every_object_is_what_kubernetes_takes(values: Path) -> None:
    objects = rendered("--values", values)

    assert objects
    for version in VERSIONS:
        for one in objects:
            if one["apiVersion"] != FOREIGN:
                kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_the_settings_are_those_that_the_agent_knows(values: Path, tmp_path: Path) -> None:
    settings = tmp_path / "observer.yaml"
    settings.write_text(only(rendered("--values", values), "ConfigMap")["data"]["observer.yaml"])

    loaded = reading.load(Settings, file=settings, environment={}, flags={}).value
    assert loaded.listen is not None
    assert loaded.collector == "" or loaded.spool


@pytest.mark.parametrize("name", ["default", "clickhouse-nats"])
def test_the_collectors_arguments_are_those_that_it_knows(name: str) -> None:
    kind = "StatefulSet" if name == "default" else "Deployment"
    args = container(only(rendered("--values", CHART / "ci" / f"{name}-values.yaml"), kind, "collector"))["args"]

    context = collector.command.make_context("collector", list(args[1:]))
    assert context.params["service_account"] == ("observer/observer-agent=write",)
    assert (context.params["store"] is None) == (name == "default")


@pytest.mark.parametrize(
    "wrong", ["agent.privleged=true", "collector.store=mysql", "externalCollector.url=http://plain"]
)
def test_a_value_that_is_none_is_refused(wrong: str) -> None:
    done = helm("template", "observer", CHART, "--set", wrong)

    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


def test_two_collectors_on_one_embedded_store_are_refused() -> None:
    done = helm("template", "observer", CHART, "--set", "collector.replicas=2")

    assert "more than one need collector.store: clickhouse" in done.stderr


def test_an_agent_has_no_right_that_it_does_not_need() -> None:
    agent = only(rendered(), "DaemonSet")
    rights = container(agent)["securityContext"]

    assert rights["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW", "BPF", "PERFMON"]}
    assert (rights["privileged"], rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (
        False,
        False,
        True,
    )
    assert agent["spec"]["template"]["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_without_attribution_an_agent_sees_no_process_and_reads_no_kernel_structure() -> None:
    agent = only(rendered("--set", "agent.attribution=false"), "DaemonSet")

    assert agent["spec"]["template"]["spec"]["hostPID"] is False
    assert container(agent)["securityContext"]["capabilities"]["add"] == ["NET_RAW", "BPF"]


def test_a_collector_runs_as_nobody_and_with_no_capability() -> None:
    collector_pod = only(rendered(), "StatefulSet", "collector")["spec"]["template"]["spec"]

    assert collector_pod["securityContext"]["runAsNonRoot"]
    assert collector_pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_nobody_may_write_to_the_api_or_read_a_secret() -> None:
    roles = [one for one in rendered() if one["kind"] == "ClusterRole"]

    granted = {
        (r, verb) for role in roles for rule in role["rules"] for r in rule["resources"] for verb in rule["verbs"]
    }
    reading_only = {(r, verb) for r in ("nodes", "pods", "services", "endpointslices") for verb in ("list", "watch")}
    assert granted == reading_only | {("tokenreviews", "create")}


def test_other_settings_make_other_pods() -> None:
    def checksum(*arguments: str) -> str:
        annotations = only(rendered(*arguments), "DaemonSet")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert checksum() == checksum()
    assert checksum() != checksum("--set", "agent.settings.ring_mib=32")


def test_a_mirror_is_asked_for_every_image() -> None:
    objects = rendered("--values", CHART / "ci" / "air-gapped-values.yaml")

    images = {container(one)["image"] for one in objects if one["kind"] in ("DaemonSet", "StatefulSet")}
    assert images == {
        f"mirror.example.org:5000/observer/agent@sha256:{'0' * 64}",
        "mirror.example.org:5000/observer/collector:0.1.0",
    }


def test_the_plain_manifests_are_those_of_the_chart() -> None:
    written = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "observer.yaml").read_text())

    assert [one for one in written if one] == rendered("--values", ROOT / "deploy" / "manifests" / "values.yaml")


def test_the_dashboard_is_json_with_panels() -> None:
    text = (CHART / "dashboards" / "observer.json").read_text()

    assert yaml.safe_load(text)["panels"]
    assert "${datasource}" in text
