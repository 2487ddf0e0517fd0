"""Flags of the control plane's and Konnectivity's programs as facts; the files they name are read elsewhere."""

from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from observer.inventory.components import EtcdSettings
from observer.inventory.host.commands import Command

SWITCHES = frozenset({"anonymous_auth", "client_cert_auth", "peer_client_cert_auth"})
NUMBERS = frozenset({"insecure_port"})
# Made of files that flags name.
NOT_FLAGS = frozenset({"egress_selector"})

S = TypeVar("S", bound=msgspec.Struct)
Sources = dict[str, str]


def settings(command: Command, kind: type[S]) -> tuple[S, Sources]:
    """What a program's flags say, and where each fact stands."""
    known, sources = dict[str, object](), Sources()
    for fact in kind.__struct_fields__:
        flag = fact.replace("_", "-")
        value = UNSET if fact in NOT_FLAGS else _value(command, fact, flag, kind)
        if value is not UNSET:
            known[fact], sources[fact] = value, command.source(flag)
    return msgspec.convert(known, kind), sources


def _value(command: Command, fact: str, flag: str, kind: type[S]) -> str | bool | int | UnsetType | None:
    if kind is EtcdSettings and (flag not in command.flags or "config-file" in command.flags):
        # Its environment and its configuration file, which overrides flags, may say otherwise.
        return UNSET
    if fact in SWITCHES:
        return command.flags.switch(flag)
    return command.flags.number(flag) if fact in NUMBERS else command.flags.text(flag)
