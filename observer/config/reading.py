"""Settings from their layers: defaults < file < environment < flags, each value with where it came from.

Knows no setting. ConfigurationError names the file and place, the variable or the flag that is wrong.
"""

import difflib
import ipaddress
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import msgspec

from observer import yaml
from observer.errors import ConfigurationError

T = TypeVar("T", bound=msgspec.Struct)
DEFAULT = "default"


class Location(str):
    """A file or folder (`-`: a standard stream), perhaps after `ROLE=`; in a settings file from where that file is."""

    __slots__ = ()

    def beside(self, folder: Path) -> Self:
        """The same, seen from `folder`."""
        before, separator, path = self.rpartition("=")
        return self if path == "-" else type(self)(f"{before}{separator}{folder / path}")


class Address(str):
    """An IP address in its canonical form."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The address in `text`; ValueError where there is none."""
        return super().__new__(cls, ipaddress.ip_address(text))


class Listen(str):
    """An address and a port to listen on: `127.0.0.1:9478`, `[::1]:9478`, or `:9478` for all addresses."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The same; ValueError where it is no such thing."""
        host, _, port = text.rpartition(":")
        if host:
            ipaddress.ip_address(host.strip("[]"))
        if not (port.isdecimal() and int(port) < 65536):
            raise ValueError(f"{text!r} does not end in a port, such as :9478")
        return super().__new__(cls, text)

    def parts(self) -> tuple[str, int]:
        """Host, empty for all, and port."""
        host, _, port = self.rpartition(":")
        return host.strip("[]"), int(port)


class Secret(str):
    """A value that is used and never shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Stars."""
        return "Secret('***')"


class Layered(Generic[T]):
    """Settings, and of each the layer that set it: `default`, `FILE:LINE`, a variable or a flag."""

    def __init__(self, value: T, origins: Mapping[str, str], doubts: tuple[str, ...]) -> None:
        self.value, self.origins = value, origins
        self.doubts = doubts
        """Variables that look like a misspelt setting, one sentence each."""


def load(
    wanted: type[T],
    *,
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    prefix: str = "OBSERVER_",
) -> Layered[T]:
    """The settings as all layers together say; `flags` holds those that were given, by field."""
    values: dict[str, Any] = {}
    origins = {field.name: DEFAULT for field in msgspec.structs.fields(wanted)}
    for layer in (_from_file(wanted, file), _from_environment(wanted, environment, prefix), _from_flags(wanted, flags)):
        for name, value, origin in layer:
            values[name], origins[name] = value, origin
    return Layered(wanted(**values), origins, tuple(_doubts(wanted, environment, prefix)))


def flag_of(field: msgspec.structs.FieldInfo) -> str:
    """The flag of a field: what its metadata say, else its name."""
    flag: str = metadata(field).get("flag") or "--" + field.name.replace("_", "-")
    return flag


def metadata(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """`flag`, `unit`: what is said of a field beside its type."""
    meta = meta_of(field)
    return (meta.extra or {}) if meta else {}


def meta_of(field: msgspec.structs.FieldInfo) -> msgspec.Meta | None:
    """The description and bounds of a field."""
    return next((one for one in getattr(field.type, "__metadata__", ()) if isinstance(one, msgspec.Meta)), None)


class Kind(msgspec.Struct, frozen=True):
    """What a field may hold: values of one type, perhaps several, perhaps none."""

    of: Any
    several: bool
    optional: bool


def kind_of(field: msgspec.structs.FieldInfo) -> Kind:
    """The same of a field, without its bounds."""
    wanted = typing.get_args(field.type)[0] if hasattr(field.type, "__metadata__") else field.type
    choices = [one for one in typing.get_args(wanted) if one is not type(None)]
    several = typing.get_origin(wanted) is tuple
    optional = not several and len(choices) < len(typing.get_args(wanted))
    return Kind(choices[0] if choices else wanted, several, optional)


Setting = tuple[str, Any, str]


def _from_file(wanted: type[T], file: Path | None) -> Iterator[Setting]:
    if file is None:
        return
    fields = msgspec.structs.fields(wanted)
    given = msgspec.defstruct(
        "Given", [(field.name, field.type | msgspec.UnsetType, msgspec.UNSET) for field in fields]
    )
    document = yaml.load(file, given)
    for field in fields:
        value = getattr(document.value, field.name)
        if value is not msgspec.UNSET:
            line = document.problem((field.name,), "").line
            yield field.name, _beside(value, file.parent), f"{file}:{line}"


def _beside(value: Any, folder: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_beside(one, folder) for one in value)
    return value.beside(folder) if isinstance(value, Location) else value


def _from_environment(wanted: type[T], environment: Mapping[str, str], prefix: str) -> Iterator[Setting]:
    for field in msgspec.structs.fields(wanted):
        variable = prefix + field.name.upper()
        if variable in environment:
            yield field.name, _from_text(environment[variable], field, variable), variable


def _from_flags(wanted: type[T], flags: Mapping[str, Any]) -> Iterator[Setting]:
    for field in msgspec.structs.fields(wanted):
        if field.name in flags:
            yield field.name, _checked(flags[field.name], field, flag_of(field)), flag_of(field)


def _from_text(text: str, field: msgspec.structs.FieldInfo, origin: str) -> Any:
    """Several values are parted by commas; no text at all is no value."""
    kind = kind_of(field)
    if kind.several:
        return _checked([part.strip() for part in text.split(",") if part.strip()], field, origin)
    return _checked(None if kind.optional and not text else text, field, origin)


def _checked(value: Any, field: msgspec.structs.FieldInfo, origin: str) -> Any:
    try:
        return msgspec.convert(value, field.type, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        message = str(error)
        raise ConfigurationError(f"{origin}: {message[:1].lower()}{message[1:]}") from None


def _decode(wanted: type, value: Any) -> Any:
    return wanted(value)


def _doubts(wanted: type[T], environment: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Other variables may begin like ours (Kubernetes makes some for each service), so only near misses are told."""
    known = [prefix + field.name.upper() for field in msgspec.structs.fields(wanted)]
    for variable in sorted(set(environment) - set(known)):
        if variable.startswith(prefix) and (close := difflib.get_close_matches(variable, known, n=1, cutoff=0.9)):
            yield f"{variable} is no setting; did you mean {close[0]}?"
