"""What would change a verdict: for each state and each reason, the fact that is missing or that must become another."""

from collections.abc import Iterable

from observer.model import State

BY_REASON = {
    "certificate: validity": "a certificate that is valid at the time, or the right clock on the capturing host",
    "certificate: extended key usage": "a certificate whose extended key usage allows servers (serverAuth)",
    "certificate: signature path to none": (
        "a certificate that one of the given authorities signed; or, where the client really trusts another authority, "
        "that authority given with --ca FILE"
    ),
    "certificate: signature path to a trust anchor": (
        "another server certificate. Whether this client checks is not on the wire: its configuration tells "
        "(no insecure-skip-tls-verify, an authority set)"
    ),
    "certificate: issuer made by the kubelet": (
        "a serving certificate from the cluster's authority (`serverTLSBootstrap`), or proof that the client was given "
        "exactly this certificate's authority (--ca FILE)"
    ),
    "certificate: names": "a certificate for the address or name the client dials; an SNI would tell which that is",
    "documentation: client the API server's proxy": (
        "nothing on this path: the proxy never checks. Only another way (port-forward, Konnectivity) helps"
    ),
    "documentation: client always verifies": "nothing is wrong: this client cannot but verify",
    "documentation: by default an API server": (
        "the API server's configuration: write its --kubelet-certificate-authority (or null) into the inventory under "
        "`components`, then the verdict rests on it"
    ),
    "configuration: --kubelet-certificate-authority not set": (
        "the flag set on every kube-apiserver, and the inventory's `kubelet_certificate_authority` corrected"
    ),
    "configuration: --kubelet-certificate-authority": "that authority's file given with --ca",
    "packets: key exchange anonymous": "a cipher suite with authentication; an anonymous one can never be verified",
    "packets: session resumed": "a capture that begins before the session's first, full handshake",
    "packets: readable": "TLS on the same connection; nothing else changes it",
    "packets: client refused": "a server certificate that the client accepts; the refusal itself shows that it checks",
    "packets: server refused": "credentials that the server accepts; of the server's own certificate this says nothing",
    "no-payload": "a capture in which the two exchange data",
    "ssh": "the client's known hosts: whether host keys are checked is its configuration alone",
    "unrecognised": "a capture that holds the beginning of the connection, or a protocol that is understood",
    "midstream": "a capture that begins before the connection does; restart the client while capturing",
    "incomplete": "a capture that holds the whole handshake: no loss, a snap length of at least 262144",
    "no-server-hello": "an answer of the server; the port may be filtered or not speak TLS",
    "plaintext-answer": "a server that speaks TLS on this port, or a client that asks without it",
    "server-refused": "the server's log, which names the reason that is encrypted here",
    "no-data": "a connection that is used: a client that checks and one that does not part only after the handshake",
    "unknown-outcome": "a capture without loss",
    "tls1.3-certificate-encrypted": (
        "the certificate by another way (the client's key log, a capture limited to TLS 1.2), or the client's "
        "configuration"
    ),
    "certificate-not-seen": "a capture with whole packets from both directions",
    "no-trust-anchor": "the authority that the client trusts, given with --ca FILE",
    "not-yet-valid": "the right clock on server, client or capturing host",
    "anchor-not-given": "the authority that the client trusts, given with --ca FILE",
    "anchor-not-known": "the authority that the client trusts, given with --ca FILE or in the inventory",
}
"""By the beginning of the reason; the longest beginning that fits counts."""

BY_STATE = {
    State.PLAINTEXT: "TLS on the same connection; nothing else changes it",
    State.ABORTED: "a handshake that both ends accept",
    State.RESUMED: "a capture that begins before the session's first, full handshake",
    State.UNVERIFIED: "evidence that the client checks what the server shows, and a certificate that it can accept",
    State.VERIFIABLE: "another server certificate; whether the client checks is not on the wire",
    State.VERIFIED: "a client that stops checking",
    State.UNKNOWN: "a capture of the whole connection, and the inventory's `components` for what no capture shows",
}


def changes(state: State, reasons: Iterable[str]) -> list[str]:
    """One line for each reason that is known, else one for the state."""
    told = [line for reason in reasons if (line := _of(reason))]
    return list(dict.fromkeys(told)) or [BY_STATE[state]]


def _of(reason: str) -> str | None:
    return BY_REASON.get(max((start for start in BY_REASON if reason.startswith(start)), key=len, default=""))
