"""A kubelet's settings: its flags, over its configuration file with drop-ins, over the defaults that then hold."""

from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from observer.inventory.components import Kubelet
from observer.inventory.host.commands import Command
from observer.inventory.host.document import Found, Plain, Tree, parse
from observer.inventory.host.flags import Argument, Flags
from observer.inventory.host.reading import UnreadableError, entries, read_first

# As in `kubelet --help` and in KubeletConfiguration v1beta1.
KEYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tls_cert_file": ("tls-cert-file", ("tlsCertFile",)),
    "server_tls_bootstrap": ("rotate-server-certificates", ("serverTLSBootstrap",)),
    "anonymous_auth": ("anonymous-auth", ("authentication", "anonymous", "enabled")),
    "client_ca_file": ("client-ca-file", ("authentication", "x509", "clientCAFile")),
    "authorization_mode": ("authorization-mode", ("authorization", "mode")),
    "read_only_port": ("read-only-port", ("readOnlyPort",)),
}
WITH_FILE: dict[str, Plain] = {
    "tls_cert_file": None,
    "server_tls_bootstrap": False,
    "anonymous_auth": False,
    "client_ca_file": None,
    "authorization_mode": "Webhook",
    "read_only_port": 0,
}
# Without a configuration file the kubelet keeps the defaults its flags once had.
WITHOUT_FILE: dict[str, Plain] = {
    **WITH_FILE,
    "anonymous_auth": True,
    "authorization_mode": "AlwaysAllow",
    "read_only_port": 10255,
}


class Configuration(msgspec.Struct, frozen=True):
    """A kubelet's configuration as far as it was read, the strongest file first; `whole`: no file is missing."""

    trees: tuple[Tree, ...]
    whole: bool
    missing: tuple[tuple[str, str], ...] = ()
    """Files that could not be read, each with the reason."""

    def find(self, *steps: str) -> Found | None:
        """The setting of the strongest file that has it."""
        return next((found for tree in self.trees if (found := tree.scalar(*steps)) is not None), None)


def configuration(command: Command) -> Configuration:
    """The files that a kubelet's flags name."""
    trees, missing = list[Tree](), list[tuple[str, str]]()
    for path in (*_drop_ins(command, missing), *_main_file(command)):
        try:
            trees += parse(read_first(command.places(path)), path)
        except UnreadableError as error:
            missing.append((path, str(error)))
    return Configuration(tuple(trees), not missing, tuple(missing))


def port(command: Command, files: Configuration) -> int | None:
    """The port it serves on, where that is told."""
    flag = command.flags.number("port")
    found = files.find("port")
    return flag if isinstance(flag, int) else found.number if found is not None else None


def stopped(file: str, root: Path) -> Command:
    """A kubelet of which nothing but its configuration file is known."""
    return Command("kubelet", Flags([Argument(f"--config={file}", file)]), f"{file}, no kubelet runs", (root,))


def _main_file(command: Command) -> list[str]:
    path = command.flags.text("config")
    return [path] if isinstance(path, str) else []


def _drop_ins(command: Command, missing: list[tuple[str, str]]) -> list[str]:
    """The files of --config-dir, the last one, which is the strongest, first."""
    folder = command.flags.text("config-dir")
    if not isinstance(folder, str):
        return []
    try:
        seen = next(filter(None, (entries(place) for place in command.places(folder))), [])
    except UnreadableError as error:
        missing.append((folder, str(error)))
        return []
    return [f"{folder.rstrip('/')}/{entry.name}" for entry in reversed(seen) if entry.suffix == ".conf"]


def settings(command: Command, files: Configuration) -> tuple[Kubelet, dict[str, str]]:
    """What is known, and where each fact stands."""
    known, sources = dict[str, Plain | UnsetType](), dict[str, str]()
    for fact, (flag, steps) in KEYS.items():
        known[fact], sources[fact] = _setting(command, files, fact, flag, steps)
    return msgspec.convert({key: value for key, value in known.items() if value is not UNSET}, Kubelet), {
        fact: where for fact, where in sources.items() if known[fact] is not UNSET
    }


def _setting(
    command: Command, files: Configuration, fact: str, flag: str, steps: tuple[str, ...]
) -> tuple[Plain | UnsetType, str]:
    default = WITH_FILE[fact]
    if flag in command.flags:
        return _of_flag(command, flag, default), command.source(flag)
    found = files.find(*steps)
    if found is not None:
        return _of_file(found, default), f"{found.where}: {'.'.join(steps)}"
    if not files.whole:
        return UNSET, ""
    default = WITH_FILE[fact] if "config" in command.flags else WITHOUT_FILE[fact]
    return default, f"{command.where}: default, {'.'.join(steps)} is not given"


def _of_flag(command: Command, flag: str, like: Plain) -> Plain | UnsetType:
    if isinstance(like, bool):
        return command.flags.switch(flag)
    return command.flags.number(flag) if isinstance(like, int) else command.flags.text(flag)


def _of_file(found: Found, like: Plain) -> Plain | UnsetType:
    if isinstance(like, bool):
        return UNSET if found.switch is None else found.switch
    if isinstance(like, int):
        return UNSET if found.number is None else found.number
    return found.text
