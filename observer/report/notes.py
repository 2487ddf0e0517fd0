"""What a reader must know beside the verdicts: what was cut, left out, lost or guessed."""

from observer.analysis import Analysis
from observer.model import State
from observer.report.words import printable

SIZES = frozenset({"frames", "tcp_segments", "flows"})
"""Counters of what was read, not of what was lost."""

BESIDE = frozenset({"skipped_not_ip", "skipped_not_tcp", "duplicate_packets"})
"""Counters of what says nothing about TCP connections."""

WORDS = {
    "skipped_not_ip": "frames other than IP",
    "skipped_not_tcp": "packets other than TCP",
    "duplicate_packets": "copies of packets",
    "skipped_fragments": "later fragments of IP packets",
    "skipped_truncated": "frames cut before their headers end",
    "skipped_unknown_link": "frames of an unknown link type",
    "skipped_malformed": "frames with contradicting headers",
    "evicted_flows": "flows ended early for want of room",
    "unfollowed_conversations": "conversations not followed for want of room",
    "abandoned_conversations": "conversations given up for want of room",
    "facts_without_room": "conversations without room for their facts",
    "tls_secrets_without_room": "TLS secrets without room",
    "tls_key_log_odd_lines": "lines of key logs that are no secret",
    "tls_keys_that_do_not_fit": "conversations that their TLS secrets did not open",
}
"""Counters of the core in a reader's words."""


def notes(analysis: Analysis) -> list[str]:
    """One sentence each, the ones that weigh most first."""
    lines = [
        f"{printable(capture.name)} ends early: {printable(capture.cut)}"
        for capture in analysis.captures
        if capture.cut
    ]
    if not analysis.flows:
        lines.append("no TCP flow was found")
    if not analysis.inventory:
        lines.append("no inventory was given; who is who was inferred from the traffic (--inventory FILE says it)")
    if not analysis.anchors:
        lines.append("no trust anchor was given, so no certificate could be checked (--ca FILE gives the cluster's)")
    if any(State.VERIFIABLE in totals.states for totals in analysis.paths):
        lines.append("verifiable: the certificate would pass; the wire does not show whether the client checked it")
    return lines + _left_out(analysis.counters)


def _left_out(counters: dict[str, int]) -> list[str]:
    """What was counted and is not just the size of the run, in words where there are some."""
    kept = {name: number for name, number in sorted(counters.items()) if number and name not in SIZES}
    beside = [_told(name, number) for name, number in kept.items() if name in BESIDE]
    lost = [_told(name, number) for name, number in kept.items() if name not in BESIDE]
    return [f"{what}: {', '.join(parts)}" for what, parts in (("not looked at", beside), ("lost", lost)) if parts]


def _told(name: str, number: int) -> str:
    return f"{number:,} {WORDS.get(name, printable(name))}"
