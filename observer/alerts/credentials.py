"""Secrets from files and the environment, read anew for each use, so that they may change; never logged or stored."""

import base64
import binascii
import os
from pathlib import Path

from observer.alerts.configuration import Secret

LONGEST = 16_384
"""Bytes of a secret file; more is the wrong file."""

PREFIX = "whsec_"
FEWEST, MOST = 24, 64
"""Bytes of a signing key, by Standard Webhooks."""


class UnusableError(Exception):
    """A secret cannot be read or is none; the message does not show it."""


def read(secret: Secret) -> str:
    """The secret without white space around it. UnusableError where it cannot be had."""
    text = os.environ.get(secret.env, "") if secret.env else _of_file(secret.file or "")
    text = text.strip()
    if not text:
        raise UnusableError(f"the environment has no {secret.env}" if secret.env else f"{secret.file} is empty")
    if not text.isascii() or not text.isprintable():
        raise UnusableError(f"{secret.env or secret.file} has characters that no secret has")
    return text


def signing_key(text: str) -> bytes:
    """The key in `whsec_<base64>`, whose padding may be left out."""
    encoded = text.removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise UnusableError(f"is no {PREFIX}<base64>") from None
    if not FEWEST <= len(key) <= MOST:
        raise UnusableError(f"must have {FEWEST} to {MOST} bytes, has {len(key)}")
    return key


def _of_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise UnusableError(f"{name}: {error.strerror or 'cannot be read'}") from None
    if len(content) > LONGEST:
        raise UnusableError(f"{name} is longer than {LONGEST} bytes")
    return content.decode("ascii", "replace")
