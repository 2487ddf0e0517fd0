"""Names that IANA gives to TLS numbers; a number without a name is shown in hexadecimal."""

import functools
from pathlib import Path

import msgspec


def cipher_suite(number: int) -> str:
    """The suite's name, such as `TLS_AES_128_GCM_SHA256`."""
    return _name("cipher_suites", number)


def group(number: int) -> str:
    """The key-exchange group's name, such as `x25519`."""
    return _name("groups", number)


def alert(number: int) -> str:
    """The alert's name, such as `unknown_ca`."""
    return _name("alerts", number)


def _name(table: str, number: int) -> str:
    return _table(table).get(number) or f"{number:#06x}"


@functools.cache
def _table(name: str) -> dict[int, str]:
    return msgspec.json.decode(Path(__file__).with_name(f"{name}.json").read_bytes(), type=dict[int, str])
