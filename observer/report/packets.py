"""What each packet of a flow told, in words, by what was known before it and after it."""

from collections.abc import Callable, Iterator

from observer import iana
from observer.model import Alert, HttpSeen, Learnt, Outcome, Presence, SshFacts, TlsFacts, TracedPacket

FIN, SYN, RST, ACK = 1, 2, 4, 16

OUTCOMES = {
    Outcome.CARRIED_ON: "application data: the client carried on",
    Outcome.CLIENT_REFUSED: "the client refuses",
    Outcome.SERVER_REFUSED: "the server refuses",
    Outcome.FINISHED_NO_DATA: "closed unused after the handshake",
    Outcome.PLAINTEXT_ANSWER: "the server answers in plain text",
}


def told(packets: tuple[TracedPacket, ...]) -> list[tuple[TracedPacket, str]]:
    """The packets that tell something: the opening, each new fact, the end, and the last."""
    known = Learnt()
    lines = []
    for packet in packets:
        words = [*_marks(packet), *_news(known, packet.learnt or known)]
        known = packet.learnt or known
        if packet is packets[-1] and not words:
            words = ["the last packet"]
        if words and not packet.copy:
            lines.append((packet, "; ".join(words)))
    return lines


def _marks(packet: TracedPacket) -> Iterator[str]:
    if packet.flags & SYN:
        yield "accepts (SYN ACK)" if packet.flags & ACK else "opens (SYN)"
    if packet.flags & RST:
        yield "resets (RST)"
    elif packet.flags & FIN:
        yield "closes (FIN)"


def _news(before: Learnt, now: Learnt) -> Iterator[str]:
    if now.tls:
        yield from _tls(before.tls or TlsFacts(), now.tls)
    if now.ssh:
        yield from _ssh(before.ssh or SshFacts(), now.ssh)
    if now.http:
        yield from _http(before.http or HttpSeen(), now.http)


def _tls(old: TlsFacts, new: TlsFacts) -> Iterator[str]:
    if new.ja4 and not old.ja4:
        yield "ClientHello" + (f" for {new.server_name}" if new.server_name else "")
    if new.version and not old.version:
        cipher = f" {iana.cipher_suite(new.cipher)}" if new.cipher is not None else ""
        yield f"ServerHello: TLS {new.version}{cipher}"
    if new.outcome is Outcome.MIDSTREAM:
        yield from () if old.outcome is Outcome.MIDSTREAM else ("data of a session that is under way",)
        return
    yield from (words for words, holds in MILESTONES if holds(new) and not holds(old))
    if new.alert and not old.alert:
        yield _alert(new.alert)
    if new.outcome is not old.outcome and new.outcome in OUTCOMES:
        yield OUTCOMES[new.outcome]


MILESTONES: tuple[tuple[str, Callable[[TlsFacts], bool]], ...] = (
    ("resumes an earlier session", lambda tls: tls.resumed is True),
    ("the server's certificate", lambda tls: tls.server_chain is not None),
    ("the server asks for a certificate", lambda tls: tls.certificate_requested is True),
    ("the client shows a certificate", lambda tls: tls.client_certificate is Presence.SENT),
    ("the handshake is complete", lambda tls: tls.established is True),
)
"""What a handshake passes, and how to see that it did."""


def _alert(alert: Alert) -> str:
    if alert.description is None:
        return f"an encrypted alert of the {alert.side}"
    return f"alert {alert.description} {iana.alert(alert.description)} of the {alert.side}"


def _ssh(old: SshFacts, new: SshFacts) -> Iterator[str]:
    for side, before, banner in (
        ("client", old.client_version, new.client_version),
        ("server", old.server_version, new.server_version),
    ):
        if banner and not before:
            yield f"the {side}'s banner: {banner}"
    if new.key_exchange and not old.key_exchange:
        yield f"agreed: {new.key_exchange}, {new.host_key}, {new.cipher}"
    if new.encrypted and not old.encrypted:
        yield "encrypted from here"


def _http(old: HttpSeen, new: HttpSeen) -> Iterator[str]:
    if new.method and not old.method:
        yield f"HTTP request {new.method}"
    if new.credentials and not old.credentials:
        yield f"{new.credentials} credentials in the clear"
    if new.status and not old.status:
        yield f"HTTP answer {new.status}"
    if new.upgrade and not old.upgrade:
        yield f"upgrade to {new.upgrade}"
