"""What configuration says of the two ends of a flow: who skips verification, what lets expect it. No verdict."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET

from observer.inventory.components import Components, Egress, EgressSelector, Kubeconfig, Kubelet, Setting
from observer.inventory.file import Inventory
from observer.inventory.places import Place
from observer.model import Evidence, Presence, Purpose

KUBELET_PATH = "apiserver-to-kubelet"
AUTHORITY = "components.kube-apiserver.kubelet_certificate_authority"
# Whose kubeconfigs may be behind a connection on these paths. An administrator's commands are not a component.
USERS: Mapping[str, frozenset[str]] = {
    "node-to-apiserver": frozenset({"kubelet", "kube-proxy"}),
    "controlplane-to-apiserver": frozenset({"kubelet", "kube-proxy", "kube-controller-manager", "kube-scheduler"}),
}
# A client certificate that can be read says more exactly who it is.
IDENTIFIED: Mapping[Purpose, frozenset[str]] = {
    Purpose.NODE: frozenset({"kubelet"}),
    Purpose.CONTROLPLANE: frozenset({"kube-controller-manager", "kube-scheduler"}),
    Purpose.ADMINISTRATOR: frozenset(),
}


class Configured(msgspec.Struct, frozen=True):
    """What is known of the ends of one flow.

    `kubelet_authority`: kube-apiserver's flag, null known to be unset, UNSET not known. `skipping`, `checking`: files
    of the client's kubeconfigs that may be behind the flow. `priors`: reasons that prove nothing.
    """

    kubelet_authority: Setting = UNSET
    authority_where: str = "kube-apiserver"
    skipping: tuple[str, ...] = ()
    checking: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()


def configured(
    inventory: Inventory, path: str, ends: tuple[Place, Place], certificate: Presence, identity: Purpose
) -> Configured:
    """What the configuration says of a flow from one place to another."""
    client, server = ends
    components = inventory.components
    fitting = [known for known in client.kubeconfigs if _fits(known, path, certificate, identity)]
    skipping = tuple(known.file for known in fitting if known.insecure_skip_tls_verify)
    checking = tuple(known.file for known in fitting if not known.insecure_skip_tls_verify)
    return Configured(
        components.kube_apiserver.kubelet_certificate_authority,
        _where(inventory, AUTHORITY, "kube-apiserver"),
        skipping,
        checking,
        (*_priors(inventory, path, server.kubelet), *(_some(skipping) if checking else ())),
    )


def _fits(known: Kubeconfig, path: str, certificate: Presence, identity: Purpose) -> bool:
    users = USERS.get(path, frozenset()) & IDENTIFIED.get(identity, USERS.get(path, frozenset()))
    shown = certificate is Presence.UNKNOWN or known.client_certificate == (certificate is Presence.SENT)
    return known.user in users and shown


def _some(files: tuple[str, ...]) -> Iterator[str]:
    for file in files:
        yield str(Evidence("configuration", "insecure-skip-tls-verify", "true, of one of several clients", file))


def _priors(inventory: Inventory, path: str, kubelet: Kubelet) -> Iterator[str]:
    components = inventory.components
    if path == KUBELET_PATH:
        yield from _kubelet(kubelet)
    for flag, value, unset in _authorities(components, path):
        if value is not UNSET:
            yield str(Evidence("configuration", flag, unset if value is None else str(value), "client"))


def _kubelet(kubelet: Kubelet) -> Iterator[str]:
    if kubelet.tls_cert_file is None and kubelet.server_tls_bootstrap is False:
        value = "neither tlsCertFile nor serverTLSBootstrap: by default made by itself, which nobody can verify"
        yield str(Evidence("configuration", "kubelet's serving certificate", value, "kubelet"))


def _authorities(components: Components, path: str) -> Iterator[tuple[str, Setting, str]]:
    """Flag, value, and what its being unset means."""
    if path == "konnectivity-agent-to-server":
        yield "--ca-cert", components.konnectivity_agent.ca_cert, "not set, so it does not connect"
    elif path == "etcd-client":
        yield "--etcd-cafile", components.kube_apiserver.etcd_cafile, "not set: the system's authorities"
    elif path == "apiserver-to-konnectivity-server":
        egress = _cluster(components.kube_apiserver.egress_selector)
        if egress is not None and egress.transport == "tcp":
            yield "egress selector's caBundle", egress.ca_bundle, "not set: the system's authorities"


def _cluster(selector: object) -> Egress | None:
    return selector.cluster if isinstance(selector, EgressSelector) else None


def _where(inventory: Inventory, fact: str, default: str) -> str:
    """Where a fact was read; of several hosts that agree the first is named."""
    places = [f"{host} {facts[fact]}" for host, facts in sorted(inventory.sources.items()) if fact in facts]
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more}" if places else default
