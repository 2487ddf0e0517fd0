"""From the body of a request to typed events: unpacked within bounds, each line checked; all of a batch or none."""

import io
from dataclasses import dataclass

import msgspec

from observer.collector.wire import SCHEMA, Event, Known, Report

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from backports import zstd

MIB = 1024 * 1024

WINDOW_LOG_MAX = 23
"""Windows of 8 MiB at most: what zstd itself recommends a decoder to take from strangers (RFC 8878 3.1.1.1.2)."""

KNOWN_KINDS = frozenset({"flow", "finding"})


class Refused(Exception):  # noqa: N818
    """A batch that can never be taken; the reason is for the person who reads the dead letters."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Limits:
    """What one request may be; larger than any batch an agent makes, small enough to hold several at once."""

    compressed_bytes: int = 8 * MIB
    bytes: int = 64 * MIB
    events: int = 50_000


@dataclass(frozen=True)
class Line:
    """An event and the bytes it came as."""

    event: Event
    raw: bytes


class _Kind(msgspec.Struct, frozen=True):
    kind: str
    schema: str


_known: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)
_report: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
_kind: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)


def unpacked(body: bytes, encoding: str, limits: Limits) -> bytes:
    """The text of a body; a body that would unpack to more than the limit is refused before it does."""
    if encoding in {"", "identity"}:
        text = body
    elif encoding == "zstd":
        text = _decompressed(body, limits.bytes)
    else:
        raise Refused(415, f"content encoding {encoding!r} is not taken: send zstd")
    if len(text) > limits.bytes:
        raise Refused(413, f"more than {limits.bytes} bytes when unpacked")
    return text


def _decompressed(body: bytes, most: int) -> bytes:
    options = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
    try:
        with zstd.ZstdFile(io.BytesIO(body), options=options) as file:
            return bytes(file.read(most + 1))
    except (zstd.ZstdError, EOFError) as error:
        raise Refused(400, f"not zstd: {error}") from error


def events(text: bytes, limits: Limits) -> list[Line]:
    """The events of a batch, in its order."""
    lines = [line for line in text.split(b"\n") if line]
    if len(lines) > limits.events:
        raise Refused(413, f"more than {limits.events} events")
    if not lines:
        raise Refused(400, "no events")
    return [Line(_decoded(line, number), line) for number, line in enumerate(lines, 1)]


def _decoded(line: bytes, number: int) -> Event:
    try:
        event = _event(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        status = 422 if isinstance(error, msgspec.ValidationError) else 400
        raise Refused(status, f"line {number}: {error}") from error
    if event.schema != SCHEMA:
        raise Refused(422, f"line {number}: schema {event.schema!r} is not {SCHEMA!r}")
    return event


def _event(line: bytes) -> Event:
    try:
        return _known.decode(line)
    except msgspec.ValidationError:
        if _kind.decode(line).kind in KNOWN_KINDS:
            raise
    return _report.decode(line)
