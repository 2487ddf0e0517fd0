"""Rule 9 of the verdict: why nothing can be said, and what documentation and configuration let expect."""

import msgspec

from observer.classify.case import Case
from observer.classify.configured import KUBELET_PATH
from observer.evidence.chains import Judgement, Time
from observer.model import Certainty, Doubt, Evidence, Fault, Outcome, Protocol, State, Verdict


def unknown(case: Case) -> Verdict:
    """The last answer; its first reason begins with a word to search for."""
    return Verdict(
        State.UNKNOWN, Certainty.UNKNOWN, (*_wire(case), *_doubts(case), *_prior(case), *case.configured.priors)
    )


def _doubts(case: Case) -> tuple[str, ...]:
    """Why what is known of the endpoint does not tell the certificate that a client which carried on was shown."""
    doubt = case.shape.remembered_doubt
    return (DOUBTS[doubt],) if case.carried_on and doubt in DOUBTS else ()


def _wire(case: Case) -> tuple[str, ...]:
    shape = case.shape
    if shape.protocol is Protocol.NONE:
        return ("no-payload: nothing but TCP was seen",)
    if shape.protocol is Protocol.SSH:
        negotiation = shape.ssh.negotiation if shape.ssh else "incomplete"
        return (f"ssh: whether the client checks the host key is not on the wire; negotiation {negotiation}",)
    if shape.protocol is not Protocol.TLS:
        return ("unrecognised: the bytes are neither TLS nor SSH nor readable HTTP",)
    return (OUTCOMES.get(case.tls.outcome) or _certificate_missing(case),)


OUTCOMES = {
    Outcome.MIDSTREAM: "midstream: the handshake is not in the capture",
    Outcome.INCOMPLETE: "incomplete: the handshake does not end in the capture",
    Outcome.NO_SERVER_HELLO: "no-server-hello: the server never answered the ClientHello",
    Outcome.PLAINTEXT_ANSWER: "plaintext-answer: the server answered the ClientHello in plain text, without a session",
    Outcome.SERVER_REFUSED: "server-refused: the server ended the handshake for a reason that is encrypted",
    # Kubelets close spare connections like this, curl one whose certificate bears another name: the wire is the same.
    Outcome.FINISHED_NO_DATA: "no-data: the connection was closed unused after a complete handshake",
    Outcome.UNKNOWN: "unknown-outcome: the handshake cannot be followed",
}


ENCRYPTED = "tls1.3-certificate-encrypted: the server's certificate is not readable in the capture"
NOT_SEEN = "certificate-not-seen: the server's certificate is not in the capture"
UNTIMELY = {
    Time.UNKNOWN: "certificate-unreadable: the server's certificate cannot be read",
    Time.NOT_YET_VALID: "not-yet-valid: the server's certificate is younger than the packets, so some clock is wrong",
}
DOUBTS = {
    Doubt.NONE_FITS: "certificate-not-known: none that is known of this endpoint has the length that is hidden here",
    Doubt.AMBIGUOUS: "certificate-ambiguous: several known of this endpoint have the length that is hidden here",
    Doubt.TOO_MANY: "certificate-ambiguous: this endpoint showed more certificates than are kept",
}


def _certificate_missing(case: Case) -> str:
    if case.judgement is None:
        return ENCRYPTED if case.tls.version == "1.3" else NOT_SEEN
    if case.judgement.time in UNTIMELY:
        return UNTIMELY[case.judgement.time]
    if case.judgement.anchored is None:
        return "no-trust-anchor: no certificate authority was given to judge the server's certificate by"
    if case.judgement.anchored:
        return _not_accepted(case.judgement)
    if case.always_verifies:
        return "anchor-not-given: this client always verifies, with an authority that was not given"
    return "anchor-not-known: which authorities this client trusts is not known"


def _not_accepted(judgement: Judgement) -> str:
    """A path leads to an anchor, and yet it is open whether the certificate would satisfy this client."""
    if judgement.refused:
        return f"non-conforming: no verifier measured accepts the certificate's path: {_words(judgement.refused)}"
    if judgement.name is False:
        return "name-not-known: the certificate bears other names, and which one this client asks for is not known"
    return f"non-conforming: verifiers differ about the certificate: {_words(judgement.faults)}"


def _words(faults: tuple[Fault, ...]) -> str:
    return ", ".join(faults)


def _prior(case: Case) -> tuple[str, ...]:
    """What documentation or configuration lets expect of the client, without proving it for the flow."""
    if case.always_verifies:
        return (str(Evidence("documentation", "client", "always verifies the server", "its source")),)
    authority = case.configured.kubelet_authority
    if case.path == KUBELET_PATH and isinstance(authority, str):
        where = case.configured.authority_where
        return (str(Evidence("configuration", "--kubelet-certificate-authority", authority, where)),)
    if case.path == KUBELET_PATH and authority is msgspec.UNSET:
        return ("documentation: by default an API server does not verify kubelets; its configuration is not known",)
    return ()
