"""Where a list goes on: a position as a word that clients hand back unread."""

import base64
import binascii

import msgspec

from observer.collector.api.operations import Fault
from observer.collector.store import Position

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Position)


def written(position: Position) -> str:
    """The cursor of a position."""
    return base64.urlsafe_b64encode(_encoder.encode(position)).decode().rstrip("=")


def read(cursor: str) -> Position:
    """The position of a cursor."""
    try:
        position = _decoder.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Fault(400, "the cursor is none that was given out") from error
    if not 0 <= position.time_ns < 2**63:
        raise Fault(400, "the cursor is none that was given out")
    return position
