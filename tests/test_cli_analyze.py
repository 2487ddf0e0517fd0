"""`observer analyze`: forms of output, exit codes and errors, around a run that is given."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observer import pipeline
from observer.analysis import Analysis, FindingGroup, Party, PathTotals, Tally
from observer.cli import main
from observer.errors import ConfigurationError, InputError, Problem
from observer.model import Certainty, Role, Severity, State

SECOND = 1_000_000_000
FLOWS = [b'{"kind":"flow","id":"a"}\n', b'{"kind":"flow","id":"b"}\n{"kind":"flow","id":"c"}\n']


def finding(severity: Severity) -> FindingGroup:
    client, server = Party("10.0.0.1", Role.APISERVER), Party("10.0.0.2", Role.NODE, "node1", 10250)
    words = ("title", "explanation", "remediation", "apiserver-to-kubelet")
    return FindingGroup("rule", severity, *words, client, server, Certainty.PROVEN, ("reason",), 1, 0, SECOND)


def analysis(*severities: Severity) -> Analysis:
    totals = PathTotals("apiserver-to-kubelet", True, {State.UNVERIFIED: Tally(1, 20, 3000)})
    findings = tuple(finding(severity) for severity in severities)
    return Analysis((), (totals,), findings, {"packet.fragment": 2}, flows=3, first_ns=0, last_ns=SECOND)


Run = Callable[..., Analysis]
Answer = tuple[int, str, str]


@pytest.fixture
def observe(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[Run | Analysis, list[str]], Answer]:
    """Runs the command line in this process around the given run; answers with exit code, output and errors."""

    def observe(run: Run | Analysis, arguments: list[str]) -> Answer:
        def analyze(*_: Any, **settings: Any) -> Analysis:
            if not isinstance(run, Analysis):
                return run(**settings)
            for lines in FLOWS if settings["flows_out"] else []:
                settings["flows_out"].write(lines)
            return run

        monkeypatch.setattr(pipeline, "analyze", analyze)
        monkeypatch.setattr(sys, "argv", ["observer", "analyze", "a.pcap", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, *capfd.readouterr()

    return observe


Observe = Callable[[Run | Analysis, list[str]], Answer]


def failing(error: BaseException) -> Run:
    def run(**_: Any) -> Analysis:
        raise error

    return run


@pytest.mark.parametrize(
    ("fail_on", "worst", "code"),
    [
        (None, Severity.HIGH, 1),
        (None, Severity.MEDIUM, 0),
        ("critical", Severity.HIGH, 0),
        ("low", Severity.LOW, 1),
        ("low", Severity.UNKNOWN, 0),
        ("never", Severity.CRITICAL, 0),
    ],
)
def test_the_exit_code_follows_the_gravest_finding(
    observe: Observe, fail_on: str | None, worst: Severity, code: int
) -> None:
    arguments = ["--fail-on", fail_on] if fail_on else []

    assert observe(analysis(Severity.INFO, worst), arguments)[0] == code


def test_without_findings_it_exits_with_zero(observe: Observe) -> None:
    assert observe(analysis(), ["--fail-on", "info"])[0] == 0


def test_ndjson_is_the_flows_then_one_summary_and_nothing_else(observe: Observe) -> None:
    _, out, err = observe(analysis(), ["-o", "ndjson"])

    events = [json.loads(line) for line in out.splitlines()]
    assert [event["kind"] for event in events] == ["flow", "flow", "flow", "summary"]
    assert events[-1]["schema"] == "observer/1"
    assert events[-1]["paths"][0]["states"] == {"unverified": {"flows": 1, "packets": 20, "bytes": 3000}}
    assert err == ""


def test_json_is_one_document_with_flows_and_summary(observe: Observe) -> None:
    _, out, _ = observe(analysis(Severity.HIGH), ["-o", "json"])

    document = json.loads(out)
    assert [flow["id"] for flow in document["flows"]] == ["a", "b", "c"]
    assert document["summary"]["findings"][0]["end"] == "1970-01-01T00:00:01.000000000Z"


def test_the_table_says_what_a_person_needs(observe: Observe) -> None:
    _, out, _ = observe(analysis(Severity.HIGH), [])

    assert "1 of 1 on known paths are plaintext or unverified" in out
    assert "node1 10.0.0.2:10250" in out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("a.pcap: no capture file"), "observer: a.pcap: no capture file\n"),
        (
            ConfigurationError.of([Problem("i.yaml", 3, 1, "nodes", "no list"), Problem("i.yaml", 9, 2, "", "odd")]),
            "observer: i.yaml:3:1: nodes: no list\nobserver: i.yaml:9:2: odd\n",
        ),
    ],
)
def test_bad_input_is_one_clear_line_each_and_exit_code_2(observe: Observe, error: Exception, line: str) -> None:
    assert observe(failing(error), []) == (2, "", line)


def test_wrong_usage_is_one_line_that_says_where_help_is(observe: Observe) -> None:
    code, out, err = observe(analysis(), ["--captured-on", "here"])

    assert (code, out) == (2, "")
    assert err == (
        "observer: Invalid value for '--captured-on': 'here' is no IP address (see observer analyze --help)\n"
    )


def test_an_interrupt_exits_with_130(observe: Observe) -> None:
    assert observe(failing(KeyboardInterrupt()), [])[0] == 130


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "analyze", lambda *_, **__: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["observer", "analyze", "a.pcap"])

    with pytest.raises(ZeroDivisionError):
        main()


def test_output_goes_whole_into_the_file(observe: Observe, tmp_path: Path) -> None:
    target = tmp_path / "out.json"

    code, out, _ = observe(analysis(), ["-o", "json", "--output", str(target)])

    assert (code, out) == (0, "")
    assert len(json.loads(target.read_bytes())["flows"]) == 3
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_run_leaves_the_old_file_alone(observe: Observe, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")

    def run(**settings: Any) -> Analysis:
        settings["flows_out"].write(b"{}\n")
        raise InputError("a.pcap: gone")

    assert observe(run, ["-o", "json", "--output", str(target)])[0] == 2
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_a_clear_error(observe: Observe, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "out.json"

    code, _, err = observe(analysis(), ["--output", str(target)])

    assert (code, err) == (2, f"observer: {target}: cannot be written: No such file or directory\n")


def test_a_device_is_written_to_and_not_replaced(observe: Observe) -> None:
    assert observe(analysis(), ["--output", os.devnull])[0] == 0
    assert not Path(os.devnull).is_file()


PROGRAM = """
import sys
from observer import pipeline
from observer.cli import main
def analyze(*_, flows_out, **__):
    while True:
        flows_out.write(b"x" * 100_000 + bytes([10]))
pipeline.analyze = analyze
sys.argv = ["observer", "analyze", "a.pcap", "-o", "ndjson"]
main()
"""


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        err = process.stderr.read()

    assert err == b""
    assert process.returncode == 141
