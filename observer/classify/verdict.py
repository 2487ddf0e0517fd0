"""Says how safe a flow is: one small function per rule of the design, the first that answers wins.

Never `verified`: on the wire a client that checks and one that does not are the same. `unverified` is said only where a
client carried on although no client that checks could have, or where it is known not to check.
"""

from collections.abc import Callable

import msgspec

from observer.classify.alerts import told
from observer.classify.case import CLUSTER_AUTHORITY_PATHS, PROXY_PATHS, SEEN_WHERE, Case
from observer.classify.ciphers import grades
from observer.classify.configured import KUBELET_PATH
from observer.classify.unknown import unknown
from observer.evidence.chains import Time
from observer.model import Certainty, Confidence, Evidence, Fault, Outcome, Protocol, Purpose, State, Verdict

# With these, whether the name is the one dialled depends on the verifier.
MISNAMED = frozenset({Fault.ADDRESS_AS_NAME, Fault.ODD_NAME, Fault.NO_NAMES})
CONCLUSIVE = frozenset({State.VERIFIED, State.VERIFIABLE, State.UNVERIFIED})

Rule = Callable[[Case], Verdict | None]


def judge(case: Case) -> Verdict:
    """The verdict of the first rule that answers."""
    return next(verdict for rule in RULES if (verdict := rule(case)) is not None)


def plaintext(case: Case) -> Verdict | None:
    """Rule 1: readable bytes, neither TLS nor SSH."""
    if case.shape.http is not None:
        version = case.shape.http.version
        http = f"HTTP/{version}" if version else "HTTP"
        return _proven(State.PLAINTEXT, Evidence("packets", "readable", http, "payload"))
    if case.shape.readable:
        return _proven(State.PLAINTEXT, Evidence("packets", "readable", "text", "first bytes of the payload"))
    return None


def refused(case: Case) -> Verdict | None:
    """Rule 2: the client refused, which shows that it checks; also a refusal of the server's that can be read."""
    if case.shape.protocol is not Protocol.TLS:
        return None
    alert, outcome = case.tls.alert, case.tls.outcome
    if outcome is Outcome.CLIENT_REFUSED:
        return _proven(State.ABORTED, Evidence("packets", "client refused", told(alert), "TLS handshake"))
    if outcome is Outcome.SERVER_REFUSED and alert is not None and alert.description is not None:
        return _proven(State.ABORTED, Evidence("packets", "server refused", told(alert), "TLS handshake"))
    return None


def resumed(case: Case) -> Verdict | None:
    """Rule 4: no certificate is shown on resumption, so the earlier full handshakes speak, where they agree.

    What is known of the API server does not count here: its clients of kubelets and proxies never resume.
    """
    if not case.carried_on or not case.tls.resumed:
        return None
    # A session that was aborted cannot be resumed.
    earlier = set(case.shape.earlier) - {State.ABORTED}
    value = " ".join(sorted(earlier)) or "nothing that tells"
    evidence = Evidence(
        "packets", "session resumed, before it", value, "handshakes of the same client, server and name"
    )
    if len(earlier) == 1 and earlier <= CONCLUSIVE:
        return _inferred(next(iter(earlier)), evidence)
    return _inferred(State.RESUMED, evidence)


def unauthenticated(case: Case) -> Verdict | None:
    """Rule 5: an anonymous key exchange has no certificate that anybody could check."""
    if (
        not case.carried_on
        or not grades(case.tls.cipher) & {"anonymous", "null"}
        or "anonymous" not in grades(case.tls.cipher)
    ):
        return None
    return _proven(State.UNVERIFIED, Evidence("packets", "key exchange", "anonymous", "TLS ServerHello"))


def unverifiable(case: Case) -> Verdict | None:
    """Rule 5: the client carried on with a certificate that no client which checks could have accepted."""
    judgement = case.judgement
    if not case.carried_on or judgement is None or case.always_verifies:
        return None
    if judgement.time is Time.EXPIRED:
        return _accused(case, _certificate(case, "validity", judgement.time))
    if not judgement.usage:
        return _accused(case, _certificate(case, "extended key usage", "not for servers"))
    if judgement.anchored is False and (case.path in CLUSTER_AUTHORITY_PATHS or judgement.bound):
        whose = "given for this client" if judgement.bound else "given"
        return _accused(case, _certificate(case, "signature path", f"to none of the trust anchors {whose}"))
    return None


def self_generated(case: Case) -> Verdict | None:
    """Rule 5, without anchors: the authority of a kubelet's self-made certificate was thrown away when it was made."""
    on_kubelet = case.path in (KUBELET_PATH, "kubelet-other-client")
    if not case.carried_on or not on_kubelet or case.server_identity is not Purpose.SELF_GENERATED:
        return None
    if case.judgement is not None and case.judgement.anchored:
        return None
    evidence = _certificate(case, "issuer", "made by the kubelet itself, an anchor of nobody")
    return _noted(_inferred(State.UNVERIFIED, evidence), case)


def known_not_to_verify(case: Case) -> Verdict | None:
    """Rule 6: by the documentation or by its configuration this client does not check."""
    if case.shape.protocol is not Protocol.TLS or case.attribution.confidence is Confidence.TENTATIVE:
        return None
    if case.path in PROXY_PATHS and case.carried_on:
        page = "the API server's proxy never validates certificates"
        return _inferred(State.UNVERIFIED, Evidence("documentation", "client", page, str(case.attribution.reference)))
    told = case.configured
    if case.path == KUBELET_PATH and told.kubelet_authority is None and _session(case):
        flag = Evidence("configuration", "--kubelet-certificate-authority", "not set", told.authority_where)
        return _inferred(State.UNVERIFIED, flag)
    if told.skipping and not told.checking and _session(case):
        skips = (Evidence("configuration", "insecure-skip-tls-verify", "true", file) for file in told.skipping)
        return _inferred(State.UNVERIFIED, *skips)
    return None


def wrong_name(case: Case) -> Verdict | None:
    """Rule 7: the certificate does not bear the name that was dialled; weak, since a client may ask for another."""
    if not case.carried_on or case.judgement is None or case.judgement.name is not False or case.always_verifies:
        return None
    if case.path not in CLUSTER_AUTHORITY_PATHS | {"etcd-client", "etcd-peer", "apiserver-to-aggregated-api"}:
        return None
    return _noted(_inferred(State.UNVERIFIED, _certificate(case, "names", "not the one dialled")), case)


def verifiable(case: Case) -> Verdict | None:
    """Rule 8: the certificate would satisfy a client that checks. Whether this one did, the wire does not show."""
    judgement = case.judgement
    if not case.carried_on or judgement is None or not judgement.anchored:
        return None
    if judgement.time not in (Time.VALID, Time.EXPIRING) or not judgement.usage or judgement.name is False:
        return None
    if judgement.refused or (judgement.name is None and MISNAMED & set(judgement.faults)):
        return None
    evidence = _certificate(case, "signature path", "to a trust anchor given")
    if judgement.name is None:
        return _inferred(State.VERIFIABLE, evidence, _certificate(case, "names", "not to be held against an address"))
    return _inferred(State.VERIFIABLE, evidence) if case.chain_source.bound else _proven(State.VERIFIABLE, evidence)


RULES: tuple[Rule, ...] = (
    plaintext,
    refused,
    resumed,
    unauthenticated,
    unverifiable,
    self_generated,
    known_not_to_verify,
    wrong_name,
    verifiable,
    unknown,
)


def _session(case: Case) -> bool:
    """Whether application data can have flowed."""
    return case.tls.outcome in (Outcome.CARRIED_ON, Outcome.MIDSTREAM)


def _accused(case: Case, evidence: Evidence) -> Verdict:
    """Unverified: proven where no client that has just these anchors could have accepted."""
    say = _proven if case.anchors_known else _inferred
    return _noted(say(State.UNVERIFIED, evidence), case)


def _noted(verdict: Verdict, case: Case) -> Verdict:
    """The same, with a word on configuration that contradicts it: the packets have the last one."""
    told = case.configured
    if case.path == KUBELET_PATH and isinstance(told.kubelet_authority, str):
        flag = Evidence(
            "configuration", "--kubelet-certificate-authority", told.kubelet_authority, told.authority_where
        )
        note = f"{flag}; yet it carried on: a request with insecureSkipTLSVerifyBackend, or an interception"
    elif told.checking and not told.skipping:
        checks = Evidence("configuration", "kubeconfig", "verifies the server", ", ".join(told.checking))
        note = f"{checks}; yet it carried on: with an authority that was not given, or an interception"
    else:
        return verdict
    return msgspec.structs.replace(verdict, reasons=(*verdict.reasons, note))


def _certificate(case: Case, fact: str, value: str) -> Evidence:
    return Evidence("certificate", fact, value, SEEN_WHERE[case.chain_source])


def _proven(state: State, *evidence: Evidence) -> Verdict:
    return Verdict(state, Certainty.PROVEN, tuple(map(str, evidence)))


def _inferred(state: State, *evidence: Evidence) -> Verdict:
    return Verdict(state, Certainty.INFERRED, tuple(map(str, evidence)))
