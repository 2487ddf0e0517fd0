"""Command lines, as Go's flag packages read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from observer.inventory.host.commands import Command, Hidden, recognise
from observer.inventory.host.flags import Argument, Flags


def flags(*words: str) -> Flags:
    return Flags(Argument(word, "process 1") for word in words)


def recognised(*words: str) -> list[str]:
    found = recognise([Argument(word, "process 1") for word in words], "process 1", ())
    return [f"{'hidden ' if isinstance(part, Hidden) else ''}{part.component}" for part in found]


@pytest.mark.parametrize("words", [("--a-b=x",), ("--a-b", "x"), ("-a-b=x",), ("--a_b=x",), ("--a-b=y", "--a-b=x")])
def test_every_spelling_of_a_flag_is_read_and_the_last_counts(words: tuple[str, ...]) -> None:
    assert flags(*words).text("a-b") == "x"


def test_a_switch_takes_no_value_that_stands_apart() -> None:
    read = flags("--anonymous-auth", "--client-ca-file", "/ca.crt", "--client-cert-auth=false")

    assert (read.switch("anonymous-auth"), read.switch("client-cert-auth")) == (True, False)
    assert read.text("client-ca-file") == "/ca.crt"


def test_an_unknown_switch_does_not_swallow_the_next_flag() -> None:
    assert flags("--brand-new", "--kubelet-certificate-authority=/ca").text("kubelet-certificate-authority") == "/ca"


def test_an_empty_flag_is_unset_and_one_that_is_not_there_too() -> None:
    assert flags("--client-ca-file=").text("client-ca-file") is None
    assert flags().text("client-ca-file") is None


def test_a_reference_to_the_environment_is_not_known() -> None:
    assert flags("--advertise-address=$(HOST_IP)").text("advertise-address") is UNSET


@pytest.mark.parametrize("port", ["70000", "-1", "x", "1_0", "٣"])
def test_what_is_no_port_is_not_known(port: str) -> None:
    assert flags(f"--secure-port={port}").number("secure-port") is UNSET


def test_lists_are_taken_together() -> None:
    assert flags("--etcd-servers=a,b", "--etcd-servers=c").every("etcd-servers") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "component"),
    [
        (("/usr/local/bin/kube-apiserver",), "kube-apiserver"),
        (("/hyperkube", "apiserver", "--secure-port=6443"), "kube-apiserver"),
        (("hyperkube", "kube-proxy"), "kube-proxy"),
        (("hyperkube", "kubelet"), "kubelet"),
        (("/proxy-agent", "--proxy-server-host=10.0.0.1"), "konnectivity-agent"),
        (("/proxy-server", "--uds-name=/a.socket"), "konnectivity-server"),
    ],
)
def test_components_are_known_by_their_programs(words: tuple[str, ...], component: str) -> None:
    assert recognised(*words) == [component]


@pytest.mark.parametrize("words", [(), ("",), ("bash",), ("vim", "kube-apiserver"), ("/opt/squid/proxy-server",)])
def test_other_programs_are_left_alone(words: tuple[str, ...]) -> None:
    assert recognised(*words) == []


def test_what_an_all_in_one_program_runs_is_hidden() -> None:
    assert "hidden kube-apiserver" in recognised("/usr/local/bin/k3s server", "--disable=traefik")
    assert recognised("k3s", "agent") == ["hidden kubelet", "hidden kube-proxy"]
    assert recognised("k3s", "kubectl", "get", "pods") == []
    assert "hidden kubelet" in recognised("/snap/microk8s/1/kubelite", "--scheduler-args-file=x")


@given(st.lists(st.text(max_size=20)))
def test_no_command_line_raises(words: list[str]) -> None:
    for part in recognise([Argument(word, "process 1") for word in ("kube-apiserver", *words)], "process 1", ()):
        assert isinstance(part, Command)
