"""`observer inventory export --kubernetes`, over TLS and by a kubeconfig, and what a pod finds in its folders."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
import yaml
from authority import Authority

from observer.errors import ConfigurationError
from observer.inventory import file
from observer.inventory.kubernetes import connection

from .apiserver import NODES, PODS, SERVICES, Api, Server, serving
from .objects import node, pod, service

Observer = Callable[..., tuple[int, str, str]]
TOKEN = "a-token-that-must-not-leave"  # noqa: S105 - of this test alone


@pytest.fixture
def api() -> Api:
    api = Api(token=TOKEN)
    api.put(NODES, *(node(f"node{n}", f"10.0.0.{n}") for n in range(1, 4)))
    api.put(PODS, *(pod(f"pod{n}", f"10.244.{n // 200}.{n % 200 + 1}") for n in range(600)))
    api.put(SERVICES, service("kubernetes", "10.96.0.1", ports=(443,)))
    return api


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(api: Api, authority: Authority) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", "kube-apiserver", "127.0.0.1"))
    with serving(api, context) as server:
        yield server


def kubeconfig(folder: Path, port: int, authorities: Path, **user: object) -> Path:
    path = folder / "kubeconfig"
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authorities)}
    document = {
        "current-context": "admin@lab",
        "contexts": [{"name": "admin@lab", "context": {"cluster": "lab", "user": "admin"}}],
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_cluster_is_written_as_an_inventory_that_is_read_again(
    observer: Observer, server: Server, authority: Authority, tmp_path: Path
) -> None:
    config = kubeconfig(tmp_path, server.port, authority.file, token=TOKEN)
    out = tmp_path / "cluster.yaml"

    code, _, errors = observer("inventory", "export", "--kubernetes", "--kubeconfig", config, "--output", out)

    inventory = file.load(out)
    assert (code, errors) == (0, "")
    assert (inventory.cluster, len(inventory.nodes), len(inventory.pods)) == ("lab", 3, 600)
    assert TOKEN not in out.read_text()


def test_a_program_that_the_kubeconfig_names_gives_the_token(
    observer: Observer, server: Server, authority: Authority, tmp_path: Path
) -> None:
    program = tmp_path / "login"
    program.write_text(f'#!/bin/sh\necho \'{{"status": {{"token": "{TOKEN}"}}}}\'\n')
    program.chmod(0o755)
    run = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(program), "interactiveMode": "Never"}
    config = kubeconfig(tmp_path, server.port, authority.file, exec=run)

    code, out, _ = observer("inventory", "export", "--kubernetes", "--kubeconfig", config)

    assert code == 0
    assert len(file.parse(out).nodes) == 3


def test_a_server_that_another_authority_signed_is_not_spoken_to(
    observer: Observer, server: Server, api: Api, tmp_path: Path
) -> None:
    config = kubeconfig(tmp_path, server.port, Authority(tmp_path, "other-ca").file, token=TOKEN)

    code, out, errors = observer("inventory", "export", "--kubernetes", "--kubeconfig", config)

    assert (code, out) == (2, "")
    assert "certificate verify failed" in errors
    assert api.requests == []


def test_a_refusal_names_the_server_and_what_was_asked(
    observer: Observer, server: Server, authority: Authority, tmp_path: Path
) -> None:
    config = kubeconfig(tmp_path, server.port, authority.file, token="wrong")  # noqa: S106 - of this test alone

    code, _, errors = observer("inventory", "export", "--kubernetes", "--kubeconfig", config)

    assert code == 2
    assert f"https://127.0.0.1:{server.port}: HTTP 401: Unauthorized" in errors


@pytest.mark.parametrize("content", ["", "clusters: []", "contexts: 7", "a: [b"])
def test_a_file_that_is_no_kubeconfig_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=str(path)):
        connection.kubeconfig(str(path))


def test_a_pod_uses_its_account_and_takes_the_token_anew(server: Server, authority: Authority, tmp_path: Path) -> None:
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("old\n")
    (account / "ca.crt").write_bytes(authority.file.read_bytes())
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    found = connection.in_cluster(environment, account)

    with found.open(urllib3.Timeout(10)) as pool:
        before = pool.request("GET", f"{NODES}?limit=1", headers=found.authorization()).status
        (account / "token").write_text(TOKEN)
        after = pool.request("GET", f"{NODES}?limit=1", headers=found.authorization()).status

    assert (before, after) == (401, 200)


def test_what_is_no_pod_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no pod"):
        connection.in_cluster({}, tmp_path)
    with pytest.raises(ConfigurationError, match="service account"):
        connection.in_cluster({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, tmp_path)
