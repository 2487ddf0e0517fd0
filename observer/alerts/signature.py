"""Signs a message after Standard Webhooks: who has the secret knows who sent it, when, and that nothing was changed."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

VERSION = "v1"


def headers(message_id: str, time_s: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """The three headers; one signature for each key, so that receivers may change theirs at their own time."""
    signed = f"{message_id}.{time_s}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(time_s),
        "webhook-signature": " ".join(f"{VERSION},{_signature(key, signed)}" for key in keys),
    }


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
