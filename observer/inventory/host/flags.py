"""Reads command lines as Go's flag packages do; knows which flags are switches, and nothing of what flags mean."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import UNSET, UnsetType

# Without `=` a switch takes no value: what follows it is the next flag.
SWITCHES = frozenset(
    {
        "anonymous-auth",
        "client-cert-auth",
        "peer-client-cert-auth",
        "rotate-server-certificates",
        "rotate-certificates",
        "authentication-token-webhook",
        "allow-privileged",
        "enable-bootstrap-token-auth",
        "leader-elect",
        "allocate-node-cidrs",
        "use-service-account-credentials",
        "profiling",
        "warn-on-agent-channel-limit",
        "sync-forever",
        "alsologtostderr",
        "logtostderr",
    }
)
TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class Argument(msgspec.Struct, frozen=True):
    """One word of a command line and where it stands: `process 12`, or `FILE:LINE`."""

    text: str
    where: str


class Flag(msgspec.Struct, frozen=True):
    """A flag's value and where it is given."""

    value: str
    where: str

    @property
    def known(self) -> bool:
        """Whether this is the value itself, not a reference that only the kubelet resolves."""
        return "$(" not in self.value


class Flags:
    """The flags of one command; where one is given several times the last counts, and `every` has all."""

    def __init__(self, arguments: Iterable[Argument]) -> None:
        self._given: dict[str, list[Flag]] = {}
        for name, flag in _pairs(list(arguments)):
            self._given.setdefault(name, []).append(flag)

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def __bool__(self) -> bool:
        return bool(self._given)

    def last(self, name: str) -> Flag | None:
        """The flag that counts."""
        return self._given[name][-1] if name in self._given else None

    def every(self, name: str) -> list[str]:
        """All values of a list flag."""
        return [part.strip() for flag in self._given.get(name, ()) for part in flag.value.split(",") if part.strip()]

    def text(self, name: str) -> str | UnsetType | None:
        """The value; null where it is not given or empty, UNSET where it is not readable."""
        flag = self.last(name)
        if flag is not None and not flag.known:
            return UNSET
        return flag.value if flag is not None and flag.value else None

    def switch(self, name: str) -> bool | UnsetType | None:
        """Yes or no; null where it is not given."""
        flag = self.last(name)
        if flag is None:
            return None
        return flag.value in TRUE if flag.value in TRUE | FALSE else UNSET

    def number(self, name: str) -> int | UnsetType | None:
        """A port; null where it is not given."""
        flag = self.last(name)
        if flag is None:
            return None
        plain = flag.value.isascii() and flag.value.isdigit() and len(flag.value) < 6
        return int(flag.value) if plain and int(flag.value) <= 65535 else UNSET

    def names(self) -> Mapping[str, list[Flag]]:
        """All that is given."""
        return self._given


def _pairs(arguments: list[Argument]) -> Iterator[tuple[str, Flag]]:
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if argument.text == "--":
            return
        if not argument.text.startswith("-") or argument.text.strip("-") == "":
            continue
        name, equals, value = argument.text.lstrip("-").partition("=")
        # Kubernetes takes both spellings.
        name = name.replace("_", "-")
        if not equals and name not in SWITCHES and position < len(arguments):
            following = arguments[position].text
            value, taken = ("true", 0) if following.startswith("--") else (following, 1)
            position += taken
        elif not equals:
            value = "true"
        yield name, Flag(value, argument.where)
