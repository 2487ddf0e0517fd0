"""Settings as a file of settings, with the origin of each value beside it. Secrets are left out of it."""

import typing
from typing import Any

import msgspec
import orjson

from observer.config.reading import Layered, Secret

COLUMN = 40


def as_yaml(layered: Layered[Any]) -> str:
    """One line for each setting; what is printed can be read again as a file, but for secrets."""
    return "".join(_line(name, getattr(layered.value, name), origin) for name, origin in layered.origins.items())


def as_json(layered: Layered[Any]) -> bytes:
    """An object of the same, with `value` (null for secrets) and `origin` for each setting."""
    shown = {
        name: {"value": _shown(getattr(layered.value, name)), "origin": origin}
        for name, origin in layered.origins.items()
    }
    return orjson.dumps(shown, option=orjson.OPT_INDENT_2) + b"\n"


def _line(name: str, value: Any, origin: str) -> str:
    if isinstance(value, Secret):
        return f"{f'# {name}: not shown':{COLUMN}} # {origin}\n"
    text = orjson.dumps(_shown(value)).decode()
    return f"{f'{name}: {text}':{COLUMN}} # {origin}\n"


def _shown(value: Any) -> typing.Any:
    return None if isinstance(value, Secret) else msgspec.to_builtins(value, enc_hook=str)
