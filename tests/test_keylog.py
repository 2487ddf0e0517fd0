"""`--keylog` and Decryption Secrets Blocks, on real captures: certificates, protocols and alerts become exact."""

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from observer import pipeline
from observer.errors import InputError

PCAPS = Path(__file__).parent.parent / "pcaps"
KEYS = PCAPS / "keys.log"
AUTHORITY = str(PCAPS / "ca" / "ca.crt")
SELF_SIGNED = "d_unverified_selfsigned_node1_attach.pcap"
COMPARED = [
    SELF_SIGNED,
    "a_kubelet_mtls_443.pcap",
    "b_curl_wrong_name_fails.pcap",
    "d_fail_otherca_node2.pcap",
    "f_podproxy_https.pcap",
    "i_hello_retry_request.pcap",
    "i_resumption_tls13.pcap",
    "k136_a_kubelet_mtls_6443.pcap",
]
ENDS = ["ip.src", "tcp.srcport", "ip.dst", "tcp.dstport"]
FIELDS = [*ENDS, "tls.handshake.certificate", "tls.alert_message.desc"]
ALERTS = {"close_notify": 0, "bad_certificate": 42, "certificate_expired": 45, "unknown_ca": 48}

Flow = dict[str, Any]


def flows(capture: Path, *keylog: Path, inventory: str | None = "default", ca: str | None = None) -> list[Flow]:
    events = io.BytesIO()
    pipeline.analyze(
        [str(capture)],
        inventory=inventory and str(PCAPS / "inventory" / f"{inventory}.yaml"),
        ca=[ca] if ca else [],
        keylog=[str(log) for log in keylog],
        flows_out=events,
    )
    return [json.loads(line) for line in events.getvalue().splitlines()]


def handshakes(capture: Path, *keylog: Path) -> Iterator[Flow]:
    return (flow for flow in flows(capture, *keylog) if flow["protocol"] == "tls")


def certificates(flow: Flow, end: str) -> list[str]:
    return [certificate["sha256"] for certificate in flow["tls"][end]["certificates"]]


def tshark(capture: Path) -> dict[tuple[str, ...], tuple[list[str], list[int]]]:
    """Per sender, port and receiver, port: the hashes of the certificates, each once, and the numbers of the alerts."""
    shown = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-r", str(capture), "-o", f"tls.keylog_file:{KEYS}", "-Y", "tls", "-T", "fields", *shown]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    seen: dict[tuple[str, ...], tuple[list[str], list[int]]] = {}
    for line in answer.stdout.splitlines():
        *ends, found, alerts = line.split("\t")
        hashes, numbers = seen.setdefault(tuple(ends), ([], []))
        for certificate in filter(None, found.split(",")):
            sha256 = hashlib.sha256(bytes.fromhex(certificate)).hexdigest()
            hashes.extend([] if sha256 in hashes else [sha256])
        numbers.extend(int(alert) for alert in filter(None, alerts.split(",")))
    return seen


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark")
@pytest.mark.parametrize("name", COMPARED)
def test_certificates_and_alerts_are_those_that_tshark_decrypts(name: str) -> None:
    seen = tshark(PCAPS / name)

    for flow in handshakes(PCAPS / name, KEYS):
        assert flow["tls"]["decrypted"]
        for end, other in (("client", "server"), ("server", "client")):
            ends = (flow[name][word] for name in (end, other) for word in ("address", "port"))
            hashes, alerts = seen[tuple(map(str, ends))]
            assert certificates(flow, end) == hashes
            alert = flow["tls"]["alert"]
            if alert and alert["side"] == end:
                assert ALERTS[alert["description"]] in alerts


def test_a_self_made_certificate_that_was_hidden_is_told_with_its_source() -> None:
    [hidden] = handshakes(PCAPS / SELF_SIGNED)
    [flow] = (flow for flow in flows(PCAPS / SELF_SIGNED, KEYS, ca=AUTHORITY) if flow["protocol"] == "tls")

    assert (certificates(hidden, "server"), hidden["tls"]["decrypted"]) == ([], False)
    assert (flow["verdict"]["state"], flow["tls"]["decrypted"]) == ("unverified", True)
    assert any("decrypted by the key log" in reason for reason in flow["verdict"]["reasons"])


def test_the_reason_of_an_encrypted_refusal_is_told() -> None:
    capture = PCAPS / "h_konn_agent_no_client_cert_rejected.pcap"

    refusals = [flow for flow in flows(capture, KEYS) if flow["tls"] and flow["tls"]["outcome"] == "server-refused"]

    assert refusals
    for flow in refusals:
        alert = {"side": "server", "level": "fatal", "description": "certificate_required", "encrypted": True}
        assert (flow["tls"]["alert"], flow["verdict"]["state"]) == (alert, "aborted")


@pytest.mark.skipif(shutil.which("editcap") is None, reason="no editcap")
def test_secrets_inside_a_capture_count_like_a_key_log(tmp_path: Path) -> None:
    with_secrets = tmp_path / "secrets.pcapng"
    command = ["editcap", "--inject-secrets", f"tls,{KEYS}", str(PCAPS / SELF_SIGNED), str(with_secrets)]
    subprocess.run(command, check=True, capture_output=True)

    assert flows(with_secrets) == flows(PCAPS / SELF_SIGNED, KEYS)


def test_the_keys_of_other_sessions_change_nothing(tmp_path: Path) -> None:
    log = tmp_path / "other.log"
    log.write_text(f"# of nobody\nCLIENT_RANDOM {'00' * 32} {'11' * 48}\nnot a line of the format\n", encoding="utf-8")

    assert flows(PCAPS / SELF_SIGNED, log) == flows(PCAPS / SELF_SIGNED)


def test_keys_that_do_not_fit_are_counted_and_change_nothing(tmp_path: Path) -> None:
    log = tmp_path / "wrong.log"
    words = (line.split() for line in KEYS.read_text(encoding="ascii").splitlines())
    log.write_text("".join(f"{label} {random} {'5a' * 32}\n" for label, random, _ in words if label != "CLIENT_RANDOM"))

    analysis = pipeline.analyze([str(PCAPS / SELF_SIGNED)], keylog=[str(log)])

    assert analysis.counters["tls_keys_that_do_not_fit"] == 1
    assert flows(PCAPS / SELF_SIGNED, log) == flows(PCAPS / SELF_SIGNED)


def test_no_secret_is_in_what_is_written() -> None:
    secrets = {line.split()[2] for line in KEYS.read_text(encoding="ascii").splitlines()}
    events = io.BytesIO()

    analysis = pipeline.analyze([str(PCAPS / SELF_SIGNED)], keylog=[str(KEYS)], flows_out=events)

    written = events.getvalue().decode() + repr(analysis)
    assert not [secret for secret in secrets if secret in written]


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "No such file or directory"), ("", "holds no TLS secret"), ("hello\n", "holds no TLS secret")],
)
def test_a_key_log_without_keys_is_an_error_of_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    log = tmp_path / "keys.log"
    if text is not None:
        log.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=message) as error:
        flows(PCAPS / SELF_SIGNED, log)

    assert str(error.value).startswith(f"{log}: ")
    assert "\n" not in str(error.value)
