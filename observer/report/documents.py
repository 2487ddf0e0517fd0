"""The machine-readable forms: the summary of a run, and the one JSON document that holds its flows too."""

from typing import Any

import msgspec
import orjson

from observer.analysis import Analysis, ByteSink, CertificateUse, FindingGroup, gravest_first
from observer.report.timestamps import rfc3339
from observer.results import SCHEMA


def summary(analysis: Analysis) -> bytes:
    """The `summary` event, without a line end."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "kind": "summary",
            "time": rfc3339(analysis.last_ns),
            "start": rfc3339(analysis.first_ns),
            "end": rfc3339(analysis.last_ns),
            "captures": msgspec.to_builtins(analysis.captures),
            "inventory": analysis.inventory,
            "trust_anchors": analysis.anchors,
            "flows": analysis.flows,
            "paths": msgspec.to_builtins(analysis.paths),
            "findings": [finding_fields(finding) for finding in gravest_first(analysis.findings)],
            "certificates": [_certificate(use) for use in analysis.certificates],
            "counters": dict(sorted(analysis.counters.items())),
        }
    )


def finding_fields(finding: FindingGroup) -> dict[str, Any]:
    """A finding as documents have it."""
    fields: dict[str, Any] = msgspec.to_builtins(finding)
    first_ns, last_ns = fields.pop("first_ns"), fields.pop("last_ns")
    return {**fields, "start": rfc3339(first_ns), "end": rfc3339(last_ns)}


def _certificate(use: CertificateUse) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(use.certificate)
    return {"side": use.side, "paths": use.paths, "flows": use.flows, **fields}


class Document:
    """One JSON document: takes flow events as lines, which become an array's elements, and ends with the summary.

    Nothing is written before the first event or the end, so that a run that fails leaves nothing half-written. Only
    line ends separate events (JSON escapes those inside strings), so each becomes a comma once another event is known
    to follow.
    """

    def __init__(self, out: ByteSink) -> None:
        self._out = out
        self._before = b'{"schema":"%s","kind":"analysis","flows":[\n' % SCHEMA.encode()

    def write(self, lines: bytes, /) -> int:
        """Write whole or partial lines."""
        if lines:
            body = lines.removesuffix(b"\n")
            self._out.write(self._before + body.replace(b"\n", b",\n"))
            self._before = b",\n" if len(body) != len(lines) else b""
        return len(lines)

    def close(self, analysis: Analysis) -> None:
        """End the document."""
        head = self._before.removeprefix(b",\n")
        self._out.write(head + b'\n],"summary":' + summary(analysis) + b"}\n")
