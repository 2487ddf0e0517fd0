"""Says which path a flow is on: the first path rule that matches. How safe the path is, is said in `verdict`."""

from collections.abc import Iterator

from observer.classify.facts import Facts
from observer.classify.matching import asked, holds
from observer.model import Attribution, Confidence, Evidence, Listener, Role
from observer.ruleset import UNATTRIBUTED, Alternative, PathRule

# Which role is told of a host that holds several, where the rule does not say.
PREFERENCE = (
    Role.APISERVER,
    Role.KONNECTIVITY_SERVER,
    Role.ETCD,
    Role.NODE,
    Role.POD,
    Role.SERVICE,
    Role.EXTERNAL,
    Role.UNKNOWN,
)
ROLE_OF_LISTENER = {
    Listener.APISERVER: Role.APISERVER,
    Listener.APISERVER_INSECURE: Role.APISERVER,
    Listener.CONTROLPLANE_METRICS: Role.APISERVER,
    Listener.KUBELET: Role.NODE,
    Listener.KUBELET_READONLY: Role.NODE,
    Listener.ETCD_CLIENT: Role.ETCD,
    Listener.ETCD_PEER: Role.ETCD,
    Listener.KONNECTIVITY_SERVER: Role.KONNECTIVITY_SERVER,
    Listener.KONNECTIVITY_AGENT: Role.KONNECTIVITY_SERVER,
    Listener.KONNECTIVITY_ADMIN: Role.KONNECTIVITY_SERVER,
    Listener.KONNECTIVITY_HEALTH: Role.KONNECTIVITY_SERVER,
}
# Facts that are told as reasons where a rule asked for them, and where each is seen.
TOLD = {
    "forwarded": ("X-Forwarded-Uri", "HTTP request"),
    "upgrade": ("upgrade", "HTTP request"),
    "agent": ("user agent", "HTTP request"),
    "server_name": ("server name", "TLS ClientHello"),
    "client_certificate": ("client certificate", "TLS handshake"),
    "client_identity": ("client identity", "client certificate"),
    "next_protocol": ("application protocol", "TLS handshake"),
    "offers": ("protocols offered", "TLS ClientHello"),
    "ssh_client": ("client software", "SSH banner"),
}
NO_RULE = "no path rule matches these roles, this port and this content"


def attribute(rules: tuple[PathRule, ...], facts: Facts, inferred: bool) -> Attribution:
    """The path of a flow; with roles that were `inferred` from traffic nothing is certain."""
    for rule, alternative in _alternatives(rules):
        if holds(alternative.when, facts):
            return _attribution(rule, alternative, facts, inferred)
    client, server = _role("client", (), facts), _server_role((), facts)
    reasons = (_roles(client, server, facts, inferred), NO_RULE)
    return Attribution(UNATTRIBUTED, False, None, Confidence.UNKNOWN, reasons, client, server)


def _alternatives(rules: tuple[PathRule, ...]) -> Iterator[tuple[PathRule, Alternative]]:
    return ((rule, alternative) for rule in rules for alternative in rule.match)


def _attribution(rule: PathRule, alternative: Alternative, facts: Facts, inferred: bool) -> Attribution:
    client = _role("client", alternative.when.client or (), facts)
    server = _server_role(alternative.when.server or (), facts)
    confidence = alternative.confidence
    if inferred and confidence is Confidence.CERTAIN:
        confidence = Confidence.LIKELY
    reasons = (alternative.reason, _roles(client, server, facts, inferred), *_told(alternative, facts))
    return Attribution(rule.id, rule.documented, rule.reference, confidence, reasons, client, server, alternative.via)


def _server_role(listed: tuple[Role, ...], facts: Facts) -> Role:
    listener = Listener(str(next(iter(facts["listener"]))))
    role = ROLE_OF_LISTENER.get(listener)
    if role is not None and str(role) in facts["server"]:
        return role
    return _role("server", listed, facts)


def _role(end: str, listed: tuple[Role, ...], facts: Facts) -> Role:
    return next((role for role in (*listed, *PREFERENCE) if str(role) in facts[end]), Role.UNKNOWN)


def _roles(client: Role, server: Role, facts: Facts, inferred: bool) -> str:
    port = next(iter(facts["port"]))
    where = f"addresses, port {port}" if port else "addresses"
    return str(Evidence("traffic" if inferred else "inventory", "roles", f"{client} to {server}", where))


def _told(alternative: Alternative, facts: Facts) -> Iterator[str]:
    for name, _ in asked(alternative.when):
        value = " ".join(sorted(map(str, facts[name])))
        if name in TOLD and value != "unknown":
            yield str(Evidence("packets", TOLD[name][0], value, TOLD[name][1]))
