"""Flags made of the fields of a settings type, so that file, environment and command line know the same words."""

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from observer.config.reading import Layered, flag_of, kind_of, load, meta_of, metadata

T = TypeVar("T", bound=msgspec.Struct)
Function = TypeVar("Function", bound=Callable[..., Any])

CONFIG_VARIABLE = "OBSERVER_CONFIG"


def options(settings: type[msgspec.Struct]) -> Callable[[Function], Function]:
    """A flag for each field of the type, and `--config`."""

    def decorate(command: Function) -> Function:
        for field in reversed(msgspec.structs.fields(settings)):
            command = _option(field)(command)
        told = "Settings (YAML); the environment and flags take precedence."
        return click.option("--config", metavar="FILE", envvar=CONFIG_VARIABLE, help=told)(command)

    return decorate


def layered(settings: type[T], config: str | None, flags: Mapping[str, Any]) -> Layered[T]:
    """The settings of a command whose flags were made by `options`; flags that were not given hold nothing."""
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    return load(settings, file=Path(config) if config else None, environment=os.environ, flags=given)


def _option(field: msgspec.structs.FieldInfo) -> Callable[[Function], Function]:
    kind, meta = kind_of(field), meta_of(field)
    least = meta.ge if meta else None
    told = (meta.description or "") if meta else ""
    default = "" if field.default in (None, "", ()) else f"  [default: {_text(field.default)}]"
    return click.option(
        flag_of(field) + (f"/--no-{flag_of(field)[2:]}" if kind.of is bool else ""),
        field.name,
        metavar=metadata(field).get("unit", None if issubclass(kind.of, (StrEnum, bool)) else _unit(kind.of)),
        multiple=kind.several,
        default=None,
        type=_type(kind.of, least),
        help=told + default,
    )


def _type(kind: Any, least: Any) -> "click.ParamType[Any] | None":
    if issubclass(kind, StrEnum):
        return click.Choice([one.value for one in kind])
    if kind is bool:
        return None
    if kind is int:
        return click.IntRange(min=least)
    return click.FloatRange(min=least) if kind is float else click.STRING


def _text(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)


def _unit(kind: Any) -> str:
    return {"Location": "FILE", "Address": "ADDRESS", "int": "NUMBER", "float": "NUMBER"}.get(kind.__name__, "TEXT")
