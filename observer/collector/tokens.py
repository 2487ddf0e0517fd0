"""Bearer tokens in a file: names, scopes and hashes, one a line. What is read again when the file changes.

    name=ci scopes=read expires=2027-01-01T00:00:00Z sha256=…
    name=agents scopes=write sha256=…
    name=agent-node1 scopes=write node=node1 sha256=…

A token has 256 random bits, so one round of SHA-256 is as good as any slow hash.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from observer.errors import ConfigurationError, Problem

PREFIX = "obs_"
"""Makes a token that leaked into a repository easy to find."""


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    """Ask: flows, findings, certificates, nodes."""
    WRITE = "write"
    """Deliver events; not read any."""
    ADMIN = "admin"
    """Everything, silences and dead letters included."""


class Principal(msgspec.Struct, frozen=True):
    """Who asks, and what for; `node`: speaks for that node alone."""

    name: str
    scopes: frozenset[Scope]
    node: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class Token(msgspec.Struct, frozen=True):
    """A line of the file."""

    name: str
    scopes: frozenset[Scope]
    sha256: str
    expires: datetime | None = None
    node: str | None = None

    def line(self) -> str:
        """As the file has it."""
        told = [f"name={self.name}", f"scopes={','.join(sorted(self.scopes))}"]
        if self.expires:
            told.append(f"expires={self.expires:%Y-%m-%dT%H:%M:%SZ}")
        if self.node:
            told.append(f"node={self.node}")
        return " ".join([*told, f"sha256={self.sha256}"])


def created() -> tuple[str, str]:
    """A new token, and the hash that the file keeps of it."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, hashed(token)


def hashed(token: str) -> str:
    """What the file keeps."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(file: Path) -> tuple[Token, ...]:
    """The tokens of a file; none where there is no file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from error
    tokens, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            tokens.append(_parsed(line))
        except (ValueError, msgspec.ValidationError) as error:
            problems.append(Problem(str(file), number, 1, "", str(error)))
    if problems:
        raise ConfigurationError.of(problems)
    return tuple(tokens)


def _parsed(line: str) -> Token:
    fields = dict(word.partition("=")[::2] for word in line.split())
    if unknown := fields.keys() - {"name", "scopes", "expires", "node", "sha256"}:
        raise ValueError(f"unknown field {min(unknown)!r}")
    if missing := {"name", "scopes", "sha256"} - fields.keys():
        raise ValueError(f"no {min(missing)}")
    if len(fields["sha256"]) != 64:
        raise ValueError("sha256 has not 64 digits")
    return msgspec.convert({**fields, "scopes": fields["scopes"].split(",")}, Token)


def write(file: Path, tokens: Iterable[Token]) -> None:
    """Replace the file at once, readable by its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".tokens-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.writelines(f"{token.line()}\n" for token in tokens)
        out.flush()
        os.fsync(out.fileno())
    Path(name).replace(file)


class TokenFile:
    """The tokens of a file, read again when it changes; a file that went bad leaves the last good tokens in force."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = self._now()
        self._by_hash = {token.sha256: token for token in read(file)}
        self.problem: str | None = None

    def principal(self, token: str, now: datetime) -> Principal | None:
        """Who bears the token, None where nobody (any more)."""
        self._renew()
        # A look-up by hash tells nothing about a token through its time.
        found = self._by_hash.get(hashed(token))
        if found is None or (found.expires and found.expires <= now):
            return None
        return Principal(found.name, found.scopes, found.node)

    def _renew(self) -> None:
        stamp = self._now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._by_hash = {token.sha256: token for token in read(self._file)}
            self.problem = None
        except ConfigurationError as error:
            self.problem = str(error)

    def _now(self) -> tuple[int, int, int]:
        try:
            stat = self._file.stat()
        except OSError:
            return 0, 0, 0
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
