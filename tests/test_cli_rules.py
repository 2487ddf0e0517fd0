"""`observer rules`: the program's own rules are sound, can be listed and read."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from observer.cli import main

Answer = tuple[object, str, str]


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def rules(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["observer", "rules", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        return leaving.value.code, *capfd.readouterr()

    return rules


def test_our_own_rules_are_sound(rules: Callable[..., Answer]) -> None:
    code, out, _ = rules("check")

    assert code == 0
    assert out.endswith("finding rules are sound\n")


def test_faults_are_told_with_file_and_line(rules: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "paths").mkdir()
    (tmp_path / "paths" / "mine.yaml").write_text("title: Mine, for once\nmatches: []\n")

    code, out, err = rules("check", "--rules", str(tmp_path))

    assert (code, out) == (2, "")
    assert f"observer: {tmp_path}/paths/mine.yaml:" in err


def test_the_list_has_paths_and_findings_with_their_severity(rules: Callable[..., Answer]) -> None:
    lines = rules("list")[1].splitlines()

    assert any(line.startswith("path      apiserver-to-kubelet ") for line in lines)
    assert any(line.startswith("high      kubelet-certificate-unverified ") for line in lines)


def test_a_rule_is_shown_with_its_mend_and_how_to_check_it(rules: Callable[..., Answer]) -> None:
    out = rules("show", "old-tls")[1]

    assert "when   protocol tls, tls version 1.0 or 1.1 or older" in out
    assert "mend   Set `--tls-min-version=VersionTLS12`" in out
    assert "check  `openssl s_client -connect HOST:PORT -tls1_1" in out


def test_a_path_rule_is_shown_with_each_way_to_be_on_it(rules: Callable[..., Answer]) -> None:
    out = rules("show", "etcd-peer")[1]

    assert "not among the documented paths" in out
    assert "certain  the port is the peer port of etcd" in out


def test_the_source_of_a_rule_is_shown_as_it_is_written(rules: Callable[..., Answer]) -> None:
    out = rules("show", "old-tls", "--source")[1]

    assert "/rules/findings/old-tls.yaml\ntitle: " in out


def test_a_misspelt_rule_gets_a_hint(rules: Callable[..., Answer]) -> None:
    code, _, err = rules("show", "oldtls")

    assert (code, err) == (2, "observer: no rule is called oldtls; is it old-tls?\n")
