"""What a verdict rests on, and what is known beforehand of the clients of each path."""

import msgspec

from observer.classify.configured import KUBELET_PATH, Configured
from observer.evidence.chains import Judgement
from observer.model import AnchorRole, Attribution, ChainSource, Outcome, Protocol, Purpose, Shape, TlsFacts

PROXY_PATHS = frozenset({"apiserver-to-node-proxy", "apiserver-to-pod-proxy", "apiserver-to-service-proxy"})
# Whose anchors the clients of each path trust, the first role for which some were given.
KUBELET_ANCHORS = (AnchorRole.KUBELET_SERVING, AnchorRole.CLUSTER)
KONNECTIVITY_ANCHORS = (AnchorRole.KONNECTIVITY, AnchorRole.CLUSTER)
ANCHORS = {
    "node-to-apiserver": (AnchorRole.CLUSTER,),
    "pod-to-apiserver": (AnchorRole.CLUSTER,),
    "controlplane-to-apiserver": (AnchorRole.CLUSTER,),
    "external-to-apiserver": (AnchorRole.CLUSTER,),
    KUBELET_PATH: KUBELET_ANCHORS,
    "kubelet-other-client": KUBELET_ANCHORS,
    "konnectivity-agent-to-server": KONNECTIVITY_ANCHORS,
    "apiserver-to-konnectivity-server": KONNECTIVITY_ANCHORS,
    "etcd-client": (AnchorRole.ETCD,),
    "etcd-peer": (AnchorRole.ETCD,),
}
# Clients of these trust the cluster's authority, which is what a user hands in with --ca. The anchors of others (the
# caBundle of a webhook, etcd's own authority, a pod's private one) are not known to us.
CLUSTER_AUTHORITY_PATHS = frozenset(
    {
        "node-to-apiserver",
        "pod-to-apiserver",
        "controlplane-to-apiserver",
        "external-to-apiserver",
        KUBELET_PATH,
        "kubelet-other-client",
    }
)
# By their source these clients always verify, so a certificate that looks wrong only shows that we lack their anchor.
ALWAYS_VERIFYING_PATHS = frozenset(
    {"konnectivity-agent-to-server", "apiserver-to-konnectivity-server", "apiserver-to-webhook"}
)
# How a certificate is known; one that is bound by its length is likely and never proof.
SEEN_WHERE = {
    ChainSource.CLEAR: "server's certificate",
    ChainSource.DECRYPTED: "server's certificate, decrypted by the key log",
    ChainSource.REMEMBERED: "shown at this endpoint by another flow, of the length that this one hides",
    ChainSource.PROBED: "probed at this endpoint, of the length that this flow hides",
    ChainSource.EARLIER: "shown at this endpoint in an earlier run, of the length that this flow hides",
}
# What an API server calls itself on loopback; it trusts just the certificate it made for that at its start.
LOOPBACK_NAME = "apiserver-loopback-client"


class Case(msgspec.Struct, frozen=True):
    """Everything a verdict rests on. `judgement` is null where the server's certificate was not seen.

    `authority_given`: the anchors of the very file of --kubelet-certificate-authority were given.
    `chain_source`: how the certificate is known.
    """

    shape: Shape
    attribution: Attribution
    server_identity: Purpose = Purpose.UNKNOWN
    judgement: Judgement | None = None
    configured: Configured = Configured()
    authority_given: bool = False
    chain_source: ChainSource = ChainSource.UNKNOWN

    @property
    def tls(self) -> TlsFacts:
        """The TLS facts; those of nothing where it is no TLS."""
        return self.shape.tls or TlsFacts()

    @property
    def carried_on(self) -> bool:
        """Whether the client went on to use the connection after it had seen the server's side."""
        return self.shape.protocol is Protocol.TLS and self.tls.outcome is Outcome.CARRIED_ON

    @property
    def anchors_known(self) -> bool:
        """Whether the anchors of just this client were given, and the certificate is the one it was shown."""
        return self.path == KUBELET_PATH and self.authority_given and not self.chain_source.bound

    @property
    def path(self) -> str:
        """The path's id."""
        return self.attribution.path

    @property
    def always_verifies(self) -> bool:
        """Whether this client cannot but verify, by its source."""
        return self.path in ALWAYS_VERIFYING_PATHS or self.tls.server_name == LOOPBACK_NAME
