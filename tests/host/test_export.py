"""A host's part of the inventory: every fact with its source, nothing secret, nothing guessed."""

import os
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from observer.cli.inventory import text
from observer.inventory.components import Egress, EgressSelector, Kubelet
from observer.inventory.file import Inventory, parse

from .hosts import FakeHost, reasons

APISERVER = ("/usr/local/bin/kube-apiserver", "--advertise-address=10.240.0.10", "--secure-port=6443")
EGRESS = """\
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      tcp: {url: "https://10.240.0.12:8131", tlsConfig: {caBundle: /ca.crt, clientKey: /client.key}}
- name: master
  connection: {proxyProtocol: Direct}
- name: etcd
  connection: {proxyProtocol: GRPC, transport: {uds: {udsName: /k.socket}}}
"""
MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver}
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --advertise-address=10.240.0.10
    - --kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt
    - --service-cluster-ip-range=10.96.0.0/16,fd00:10::/112
"""
KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
serverTLSBootstrap: true
port: 10250
"""


def sources(inventory: Inventory, host: str = "cp-1") -> dict[str, str]:
    return inventory.sources[host]


def test_an_api_server_that_runs_without_the_flag_is_known_not_to_have_it(host: FakeHost) -> None:
    number = host.run(*APISERVER, "--anonymous-auth=false", "--etcd-cafile", "/etcd/ca.crt")

    found = host.export()

    server = found.components.kube_apiserver
    assert (server.kubelet_certificate_authority, server.anonymous_auth) == (None, False)
    assert server.etcd_cafile == "/etcd/ca.crt"
    fact = "components.kube-apiserver.kubelet_certificate_authority"
    assert sources(found)[fact] == f"process {number}: --kubelet-certificate-authority is not given"
    assert sources(found)["components.kube-apiserver.etcd_cafile"] == f"process {number}: --etcd-cafile"


def test_a_manifest_tells_of_an_api_server_that_does_not_run(host: FakeHost) -> None:
    host.write("/etc/kubernetes/manifests/kube-apiserver.yaml", MANIFEST)

    found = host.export()

    assert found.components.kube_apiserver.kubelet_certificate_authority == "/etc/kubernetes/pki/ca.crt"
    where = sources(found)["components.kube-apiserver.kubelet_certificate_authority"]
    assert where == "/etc/kubernetes/manifests/kube-apiserver.yaml:10: --kubelet-certificate-authority"
    assert [(server.address, server.ports) for server in found.apiservers] == [("10.240.0.10", (6443,))]
    assert (found.service_cidrs, found.kubernetes_service) == (("10.96.0.0/16", "fd00:10::/112"), "10.96.0.1")


def test_what_runs_counts_before_its_manifest(host: FakeHost) -> None:
    host.write("/etc/kubernetes/manifests/kube-apiserver.yaml", MANIFEST)
    host.run(*APISERVER)

    assert host.export().components.kube_apiserver.kubelet_certificate_authority is None


def test_processes_that_contradict_each_other_are_not_believed(host: FakeHost) -> None:
    host.run(*APISERVER)
    host.run(*APISERVER, "--kubelet-certificate-authority=/ca.crt")

    found = host.export()

    assert found.components.kube_apiserver.kubelet_certificate_authority is UNSET
    what = "kube-apiserver kubelet_certificate_authority"
    assert reasons(found)[what] == "several processes differ: not set, /ca.crt"


def test_the_egress_selector_is_read_where_the_process_sees_it(host: FakeHost) -> None:
    number = host.run(*APISERVER, "--egress-selector-config-file=/egress.yaml")
    host.write(f"/proc/{number}/root/egress.yaml", EGRESS)

    assert host.export().components.kube_apiserver.egress_selector == EgressSelector(
        cluster=Egress(transport="tcp", server="https://10.240.0.12:8131", ca_bundle="/ca.crt"),
        controlplane=Egress(transport="direct"),
        etcd=Egress(transport="uds", server="/k.socket"),
    )


def test_files_that_cannot_be_read_are_told_and_nothing_fails(host: FakeHost) -> None:
    host.run(*APISERVER, "--egress-selector-config-file=/missing.yaml")
    host.run("kubelet", "--config=/kubelet.yaml", "--kubeconfig=/kubelet.conf")
    host.write("/kubelet.yaml", "a: [")
    os.mkfifo(host.root / "kubelet.conf")

    found = host.export()

    assert reasons(found) == {
        "/missing.yaml": "no such file or directory",
        "/kubelet.yaml": "is no YAML at line 2",
        "/kubelet.conf": "is no ordinary file",
    }
    assert found.components.kube_apiserver.egress_selector is UNSET
    assert found.components.kubelet == {}


def test_a_kubelets_flags_stand_above_its_files_and_these_above_defaults(host: FakeHost) -> None:
    number = host.run("/usr/bin/kubelet", "--config", "/var/lib/kubelet/config.yaml", "--client-ca-file=/flag.crt")
    host.write("/var/lib/kubelet/config.yaml", KUBELET)

    found = host.export()

    assert found.components.kubelet["cp-1"] == Kubelet(
        tls_cert_file=None,
        server_tls_bootstrap=True,
        anonymous_auth=False,
        client_ca_file="/flag.crt",
        authorization_mode="Webhook",
        read_only_port=0,
    )
    assert sources(found)["components.kubelet.cp-1.server_tls_bootstrap"].startswith("/var/lib/kubelet/config.yaml:6")
    assert sources(found)["components.kubelet.cp-1.client_ca_file"] == f"process {number}: --client-ca-file"


def test_a_drop_in_stands_above_the_kubelets_file(host: FakeHost) -> None:
    host.run("kubelet", "--config=/config.yaml", "--config-dir=/kubelet.conf.d")
    host.write("/config.yaml", KUBELET)
    host.write("/kubelet.conf.d/10-a.conf", "serverTLSBootstrap: true")
    host.write("/kubelet.conf.d/20-b.conf", "serverTLSBootstrap: false")
    host.write("/kubelet.conf.d/readme", "serverTLSBootstrap: true")

    assert host.export().components.kubelet["cp-1"].server_tls_bootstrap is False


def test_a_kubelet_without_a_file_has_the_old_defaults(host: FakeHost) -> None:
    host.run("kubelet", "--kubeconfig=/k")

    own = host.export().components.kubelet["cp-1"]

    assert (own.anonymous_auth, own.authorization_mode, own.read_only_port) == (True, "AlwaysAllow", 10255)


def test_the_file_of_a_kubelet_that_does_not_run_tells(host: FakeHost) -> None:
    host.write("/var/lib/kubelet/config.yaml", KUBELET)

    assert host.export().components.kubelet["cp-1"].server_tls_bootstrap is True


def test_the_static_pods_are_where_the_kubelet_looks_for_them(host: FakeHost) -> None:
    host.run("kubelet", "--config=/config.yaml")
    host.write("/config.yaml", "staticPodPath: /srv/pods")
    host.write("/srv/pods/api.yaml", MANIFEST)

    assert host.export().components.kube_apiserver.kubelet_certificate_authority == "/etc/kubernetes/pki/ca.crt"


def test_a_manifest_behind_a_shell_is_not_read(host: FakeHost) -> None:
    host.write("/etc/kubernetes/manifests/a.yaml", MANIFEST.replace("- kube-apiserver\n", "- /bin/sh\n", 1))

    found = host.export()

    assert found.components.kube_apiserver.kubelet_certificate_authority is UNSET
    assert "a shell starts it" in " ".join(reasons(found).values())


def test_k3s_is_told_to_hide_its_flags(host: FakeHost) -> None:
    host.run("/usr/local/bin/k3s server")

    assert any("inside its own process" in reason for reason in reasons(host.export()).values())


@pytest.mark.parametrize(
    ("verification", "authority", "skips"),
    [
        ("certificate-authority-data: LS0t", "embedded", False),
        ("certificate-authority: /ca.crt", "/ca.crt", False),
        ("insecure-skip-tls-verify: true", None, True),
        ("tls-server-name: kubernetes", None, False),
    ],
)
def test_a_kubeconfigs_current_context_says_how_the_server_is_checked(
    host: FakeHost, verification: str, authority: str | None, skips: bool
) -> None:
    host.run("kubelet", "--kubeconfig=/etc/kubernetes/kubelet.conf")
    host.kubeconfig("/etc/kubernetes/kubelet.conf", verification, "client-certificate: /pki/current.pem")

    (known,) = host.export().components.kubeconfigs

    assert (known.user, known.host, known.server) == ("kubelet", "cp-1", "https://10.240.0.10:6443")
    assert (known.certificate_authority, known.insecure_skip_tls_verify) == (authority, skips)
    assert known.client_certificate


def test_secrets_are_neither_kept_nor_opened(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = "client-key-data: S3CRETKEY, token: S3CRETTOKEN, client-key: /pki/n.key, password: S3CRETPW"
    host.run("kubelet", "--kubeconfig=/k.conf", "--tls-private-key-file=/pki/n.key")
    host.run(*APISERVER, "--kubelet-client-key=/pki/n.key", "--etcd-keyfile=/pki/n.key", "--token-auth-file=/t.csv")
    host.kubeconfig("/k.conf", "insecure-skip-tls-verify: true", f"{{{secrets}}}".replace("{{", "{"))
    host.write("/pki/n.key", "S3CRETFILE")
    opened = list[str]()
    real = os.open

    def watched(path: Path, flags: int) -> int:
        opened.append(str(path))
        return real(path, flags)

    monkeypatch.setattr(os, "open", watched)

    written = text(host.export())

    assert "S3CRET" not in written
    assert "insecure_skip_tls_verify: true" in written
    assert opened
    assert not [path for path in opened if path.endswith((".key", ".csv", ".pem"))]


def test_the_admins_kubeconfig_is_read_where_kubeadm_puts_it(host: FakeHost) -> None:
    host.kubeconfig("/etc/kubernetes/admin.conf", "insecure-skip-tls-verify: true")

    assert [known.user for known in host.export().components.kubeconfigs] == ["admin"]


def test_kube_proxys_own_file_names_its_kubeconfig_and_the_range_of_pods(host: FakeHost) -> None:
    number = host.run("/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf")
    inside = f"/proc/{number}/root/var/lib/kube-proxy"
    host.write(
        f"{inside}/config.conf", "clusterCIDR: 10.244.0.0/16\nclientConnection: {kubeconfig: /var/lib/kube-proxy/k}"
    )
    host.kubeconfig(f"{inside}/k", "certificate-authority: /ca.crt")

    found = host.export()

    assert found.pod_cidrs == ("10.244.0.0/16",)
    assert [(known.user, known.client_certificate) for known in found.components.kubeconfigs] == [("kube-proxy", False)]


def test_konnectivity_tells_where_it_is(host: FakeHost) -> None:
    host.run(*APISERVER)
    host.run(
        "/proxy-server", "--uds-name=/k.socket", "--server-port=0", "--agent-port=8132", "--cluster-ca-cert=/ca.crt"
    )

    found = host.export()

    assert found.konnectivity is not None
    assert found.konnectivity.servers == ("10.240.0.10",)
    assert (found.konnectivity.ports.server, found.konnectivity.ports.agent) == ((), (8132,))
    assert found.components.konnectivity_server.cluster_ca_cert == "/ca.crt"
    assert found.components.konnectivity_server.server_ca_cert is None


def test_etcd_flags_that_are_not_given_are_not_known(host: FakeHost) -> None:
    host.run(
        "etcd",
        "--client-cert-auth=true",
        "--advertise-client-urls=https://10.240.0.10:2379",
        "--initial-advertise-peer-urls=https://10.240.0.10:2380",
    )

    found = host.export()

    assert found.components.etcd.client_cert_auth is True
    assert found.components.etcd.trusted_ca_file is UNSET
    assert [(entry.address, entry.ports) for entry in found.etcd] == [("10.240.0.10", (2379, 2380))]


def test_a_node_is_named_as_it_registers_and_has_the_addresses_that_are_told(host: FakeHost) -> None:
    host.run("kubelet", "--hostname-override=node1", "--node-ip=10.240.0.21")

    found = host.export("fd00::21", "127.0.0.1")

    assert [(node.name, node.addresses) for node in found.nodes] == [("node1", ("fd00::21", "10.240.0.21"))]
    assert set(found.components.kubelet) == {"node1"}
    assert set(found.sources) == {"node1"}


def test_a_host_without_kubernetes_tells_nothing(host: FakeHost) -> None:
    host.run("bash")

    assert host.export() == Inventory()


def test_without_processes_the_files_still_tell(tmp_path: Path) -> None:
    host = FakeHost(tmp_path / "image")
    host.write("/etc/kubernetes/manifests/kube-apiserver.yaml", MANIFEST)
    host.proc = tmp_path / "none"

    found = host.export()

    assert reasons(found) == {f"processes ({host.proc})": "no such directory"}
    assert found.components.kube_apiserver.kubelet_certificate_authority == "/etc/kubernetes/pki/ca.crt"


def test_what_is_written_can_be_given_back_and_keeps_what_is_known_to_be_unset(host: FakeHost) -> None:
    host.run(*APISERVER, "--insecure-port=0", "--egress-selector-config-file=/missing")
    host.run("kubelet", "--config=/config.yaml", "--kubeconfig=/k")
    host.write("/config.yaml", KUBELET)
    host.kubeconfig("/k", "insecure-skip-tls-verify: true")

    found = host.export()
    again = parse(text(found))

    assert again == found
    assert again.components.kube_apiserver.kubelet_certificate_authority is None
    assert again.components.kube_apiserver.insecure_port == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "a", "a: &a [*a]", "{a: {b: 1}}", "\0", "spec: {containers: [1, {command: {}}]}"]
)
def test_odd_files_raise_nothing(host: FakeHost, content: str) -> None:
    host.run(*APISERVER, "--egress-selector-config-file=/odd")
    host.run("kubelet", "--config=/odd", "--kubeconfig=/odd")
    host.run("kube-proxy", "--config=/odd")
    host.write("/odd", content)
    host.write("/etc/kubernetes/manifests/odd.yaml", content)

    assert isinstance(msgspec.to_builtins(host.export(), enc_hook=str), dict)
