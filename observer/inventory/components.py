"""What is known of the configuration of a cluster's components, as far as it decides who verifies whom.

A missing key is not known; null is known to be unset.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

Setting = str | UnsetType | None
Switch = bool | UnsetType | None
Number = Annotated[int, msgspec.Meta(ge=0, le=65535)] | UnsetType | None


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the inventory file: every key is known."""


class Egress(Part, frozen=True):
    """One egress selection of an API server: how it reaches a network, and by which authority it checks the proxy."""

    transport: str
    """`direct`, `tcp` or `uds`."""
    server: str | None = None
    ca_bundle: str | None = None


class EgressSelector(Part, frozen=True):
    """An API server's egress selections; one that is missing is direct."""

    cluster: Egress | None = None
    controlplane: Egress | None = None
    etcd: Egress | None = None


class KubeApiServer(Part, frozen=True):
    """kube-apiserver's flags."""

    kubelet_certificate_authority: Setting = UNSET
    kubelet_client_certificate: Setting = UNSET
    egress_selector: EgressSelector | UnsetType | None = UNSET
    etcd_cafile: Setting = UNSET
    etcd_certfile: Setting = UNSET
    client_ca_file: Setting = UNSET
    proxy_client_cert_file: Setting = UNSET
    tls_cert_file: Setting = UNSET
    anonymous_auth: Switch = UNSET
    authorization_mode: Setting = UNSET
    insecure_port: Number = UNSET


class Kubelet(Part, frozen=True):
    """A kubelet's configuration, defaults filled in where its source is known."""

    tls_cert_file: Setting = UNSET
    server_tls_bootstrap: Switch = UNSET
    anonymous_auth: Switch = UNSET
    client_ca_file: Setting = UNSET
    authorization_mode: Setting = UNSET
    read_only_port: Number = UNSET


class KonnectivityAgent(Part, frozen=True):
    """A Konnectivity agent's flags."""

    ca_cert: Setting = UNSET
    agent_cert: Setting = UNSET


class KonnectivityServer(Part, frozen=True):
    """A Konnectivity server's flags: without an authority it asks nobody for a certificate."""

    cluster_ca_cert: Setting = UNSET
    cluster_cert: Setting = UNSET
    server_ca_cert: Setting = UNSET
    uds_name: Setting = UNSET


class EtcdSettings(Part, frozen=True):
    """etcd's flags; a flag that is not given may still be set by the environment, so it is not known."""

    client_cert_auth: Switch = UNSET
    trusted_ca_file: Setting = UNSET
    cert_file: Setting = UNSET
    peer_client_cert_auth: Switch = UNSET
    peer_trusted_ca_file: Setting = UNSET


class Kubeconfig(Part, frozen=True):
    """What a kubeconfig's current context says of the API server, and whether it has a client certificate."""

    user: str
    """The component that uses it: `kubelet`, `kube-proxy`, `kube-controller-manager`, `kube-scheduler`, `admin`."""
    file: str
    host: str | None = None
    server: str | None = None
    certificate_authority: str | None = None
    """A file, `embedded`, or null: the system's authorities."""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    client_certificate: bool = False


NAMES = {
    "kube_apiserver": "kube-apiserver",
    "konnectivity_agent": "konnectivity-agent",
    "konnectivity_server": "konnectivity-server",
}


class Components(Part, frozen=True, rename=NAMES):
    """What is known of the configuration of the cluster's components; kubelets by the name of their node."""

    kube_apiserver: KubeApiServer = KubeApiServer()
    kubelet: dict[str, Kubelet] = msgspec.field(default_factory=dict)
    konnectivity_agent: KonnectivityAgent = KonnectivityAgent()
    konnectivity_server: KonnectivityServer = KonnectivityServer()
    etcd: EtcdSettings = EtcdSettings()
    kubeconfigs: tuple[Kubeconfig, ...] = ()


class Unread(Part, frozen=True):
    """What could not be read, on which host, and why."""

    host: str
    what: str
    reason: str
