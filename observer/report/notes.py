"""What a reader must know beside the verdicts: what was cut, left out, lost or guessed."""

from observer.analysis import Analysis
from observer.model import State
from observer.report.words import printable


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
    kept = [f"{printable(name)} {number:,}" for name, number in sorted(counters.items()) if number]
    return [f"left out or lost, by stage: {', '.join(kept)}"] if kept else []
