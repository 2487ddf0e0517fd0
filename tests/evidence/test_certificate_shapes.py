"""Certificate chains of many shapes: what is said of them here, and what OpenSSL's and Go's own verifiers say."""

import functools
import ipaddress
import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificate_shapes import NOW_S, Shape, pem, shapes
from classify.shapes import API, NODE1, SET, Cluster, tls

from observer.classify import Classified
from observer.model import Presence, State

TABLE = Path(__file__).parents[2] / "docs" / "certificate-shapes.md"
VERIFIER = Path(__file__).parents[1] / "go" / "verifier"
ALL = tuple(shapes())
ACCEPTED = "accepts"


def judged(shape: Shape) -> Classified:
    """An API server that carries on with a kubelet which shows the chain, where the client's anchors are known."""
    cluster = Cluster(SET, shape.roots, [shape.chain], files=("/etc/kubernetes/pki/ca.crt",))
    name = None if _is_address(shape.dialled) else shape.dialled
    handshake = tls(server_chain=0, server_name=name, client_certificate=Presence.SENT)
    return cluster.judge(API, NODE1, 10250, handshake, time=NOW_S * 10**9)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def openssl(shape: Shape, folder: Path) -> str:
    """What `openssl verify` says: by default, else where any certificate may be the anchor, as curl has it."""
    try:
        files = {"leaf": shape.chain[:1], "shown": shape.chain[1:], "roots": shape.roots}
        for name, certificates in files.items():
            (folder / name).write_bytes(pem(certificates))
    except ValueError:
        return "cannot be parsed"
    how = ["-verify_ip" if _is_address(shape.dialled) else "-verify_hostname", shape.dialled]
    command = ["openssl", "verify", "-attime", str(NOW_S), "-purpose", "sslserver", "-no-CApath", "-no-CAstore", *how]
    command += ["-CAfile", str(folder / "roots")] + (["-untrusted", str(folder / "shown")] if shape.chain[1:] else [])
    command.append(str(folder / "leaf"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ACCEPTED
    if subprocess.run([*command[:2], "-partial_chain", *command[2:]], capture_output=True, check=False).returncode == 0:
        return f"{ACCEPTED} with -partial_chain"
    found = re.search(r"error \d+ at \d+ depth lookup: (.*)", done.stderr)
    return found[1] if found else "cannot be parsed"


@functools.cache
def go() -> tuple[str, ...] | None:
    """What Go's verifier says of each shape; null where Go is not installed."""
    if shutil.which("go") is None:
        return None
    encoded = [
        {
            "Chain": [b64encode(one).decode() for one in shape.chain],
            "Roots": [b64encode(one).decode() for one in shape.roots],
            "Name": shape.dialled,
            "Time": NOW_S,
        }
        for shape in ALL
    ]
    command = ["go", "run", "."]
    done = subprocess.run(command, cwd=VERIFIER, input=json.dumps(encoded).encode(), capture_output=True, check=True)
    return tuple(answer or ACCEPTED for answer in json.loads(done.stdout))


def version(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+\.\d+", said)
    return found[0] if found else "?"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Per verifier that is installed what it says of each shape."""
    said = dict[str, dict[str, str]]()
    if shutil.which("openssl"):
        folder = tmp_path_factory.mktemp("openssl")
        said["OpenSSL"] = {shape.title: openssl(shape, folder) for shape in ALL}
    if (of_go := go()) is not None:
        said["Go"] = {shape.title: answer for shape, answer in zip(ALL, of_go, strict=True)}
    return said


@pytest.fixture
def verifiers(answers: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    if not answers:
        pytest.skip("neither openssl nor go is installed")
    return answers


def test_there_are_many_shapes_each_with_its_own_title() -> None:
    assert len({shape.title for shape in ALL}) == len(ALL) >= 40


@pytest.mark.xdist_group("certificate shapes")
@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.title)
def test_no_client_is_accused_of_what_a_real_verifier_accepts(
    shape: Shape, verifiers: dict[str, dict[str, str]]
) -> None:
    accepting = [name for name, said in verifiers.items() if said[shape.title].startswith(ACCEPTED)]

    if accepting:
        assert judged(shape).verdict.state is not State.UNVERIFIED, accepting


@pytest.mark.xdist_group("certificate shapes")
@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.title)
def test_nothing_is_called_verifiable_that_every_real_verifier_refuses(
    shape: Shape, verifiers: dict[str, dict[str, str]]
) -> None:
    accepting = [name for name, said in verifiers.items() if said[shape.title].startswith(ACCEPTED)]

    if len(verifiers) == 2 and not accepting:
        assert judged(shape).verdict.state is not State.VERIFIABLE


@pytest.mark.xdist_group("certificate shapes")
def test_the_table_in_the_documentation_is_what_was_measured(verifiers: dict[str, dict[str, str]]) -> None:
    if len(verifiers) < 2:
        pytest.skip(f"only {', '.join(verifiers)} is installed")
    measured = f"OpenSSL {version('openssl', 'version')} and Go {version('go', 'version')}"
    named = re.search(r"OpenSSL [\d.]+ and Go [\d.]+\d", TABLE.read_text(encoding="utf-8")) if TABLE.exists() else None
    if named is not None and named[0] != measured:
        pytest.skip(f"the table was measured with {named[0]}, here are {measured}")

    text = document(verifiers, measured)
    if os.environ.get("WRITE_GOLDEN"):
        TABLE.write_text(text, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == text


def document(verifiers: dict[str, dict[str, str]], measured: str) -> str:
    return "\n".join((HEAD.format(measured=measured, count=len(ALL)), *_rows(verifiers), ""))


def _rows(verifiers: dict[str, dict[str, str]]) -> Iterator[str]:
    for shape in ALL:
        found = judged(shape)
        state = found.verdict.state.value
        why = _why(found)
        told = f"{state}: {why}" if why else state
        yield f"| {shape.title} | {told} | {verifiers['OpenSSL'][shape.title]} | {verifiers['Go'][shape.title]} |"


def _why(found: Classified) -> str:
    reason = found.verdict.reasons[0]
    if found.verdict.state is State.UNKNOWN:
        return reason.partition(":")[0]
    if found.verdict.state is State.VERIFIABLE:
        return ""
    return reason.removeprefix("certificate: ").partition(" (")[0]


HEAD = """\
# Certificate shapes

What is said of an API server that carries on with a kubelet which shows such a chain, where the authorities that the
client trusts are known, beside what real verifiers say: `openssl verify` (by default, else with `-partial_chain`, as
curl has it) and Go's `crypto/x509`. Measured with {measured}, {count} shapes made by the tests.

Two things always hold, and the tests hold them against every verifier that is installed: nothing that one of them
accepts is `unverified`, and nothing that both refuse is `verifiable`. Where verifiers may differ, or a clock be wrong,
the answer is `unknown`.

| shape | verdict | OpenSSL | Go |
|---|---|---|---|"""
