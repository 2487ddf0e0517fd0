"""What endpoints showed, and when: the lines that a probe and a run write and the next run reads. Judges nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from observer.errors import ConfigurationError, Problem
from observer.evidence import certificates
from observer.evidence.conformity import is_address
from observer.model import Certificate, ChainSource

# Chains remembered per endpoint and name, those seen last; the core keeps some more, for what a run shows itself.
KEPT_CHAINS = 24

Place = tuple[str, int, str | None, tuple[bytes, ...], bool]


class Shown(msgspec.Struct, frozen=True):
    """A chain (DER, leaf first) that an endpoint showed to clients that asked for one name; null: for none.

    `source` is how this run knows it: shown in these captures (`remembered`), asked for (`probed`) or seen by an
    earlier run (`earlier`). Times are nanoseconds since 1970.
    """

    address: str
    port: int
    server_name: str | None
    source: ChainSource
    first_seen_ns: int
    last_seen_ns: int
    chain: tuple[bytes, ...]
    flows: int = 0


class Line(msgspec.Struct, frozen=True):
    """One line of a memory: `chain` is DER in base64, `certificate_length` what TLS 1.3 must show of it.

    `source` is `probed` or `seen`; `took_ms` and `error` are a probe's, `flows` how many flows showed the chain.
    """

    address: str
    port: int
    server_name: str | None
    source: str
    first_seen_ns: int
    last_seen_ns: int
    took_ms: float | None = None
    certificate_length: int | None = None
    flows: int = 0
    chain: tuple[bytes, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    error: str | None = None


class _Read(msgspec.Struct, frozen=True):
    """What is read of a line again; what else stands there is for people."""

    address: str
    port: int
    source: str
    first_seen_ns: int
    last_seen_ns: int
    server_name: str | None = None
    flows: int = 0
    chain: tuple[bytes, ...] = ()


def read(file: str) -> Iterator[Shown]:
    """The chains of a memory, or of a probe's result; ConfigurationError says which line is wrong."""
    decoder = msgspec.json.Decoder(_Read)
    try:
        lines = Path(file).read_bytes().splitlines()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or 'cannot be read'}") from None
    for number, line in enumerate(lines, 1):
        try:
            told = decoder.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise ConfigurationError.of([Problem(file, number, 1, "", f"is no line of a memory: {error}")]) from None
        if told.chain and not is_address(told.address):
            raise ConfigurationError.of([Problem(file, number, 1, "address", f"{told.address!r} is no IP address")])
        if told.chain:
            source = ChainSource.PROBED if told.source == ChainSource.PROBED else ChainSource.EARLIER
            times = told.first_seen_ns, told.last_seen_ns
            yield Shown(told.address, told.port, told.server_name, source, *times, told.chain, told.flows)


def joined(shown: Iterable[Shown]) -> list[Shown]:
    """Each chain of an endpoint and name once, in the order of endpoints; of many the ones seen last."""
    merged: dict[Place, Shown] = {}
    for one in shown:
        probed = one.source is ChainSource.PROBED
        place = (one.address, one.port, one.server_name, one.chain, probed)
        merged[place] = _merged(merged[place], one) if place in merged else one
    of_name: dict[tuple[str, int, str], list[Shown]] = {}
    for one in merged.values():
        of_name.setdefault((one.address, one.port, one.server_name or ""), []).append(one)
    newest = (sorted(of_name[name], key=_by_age)[-KEPT_CHAINS:] for name in sorted(of_name))
    return [one for some in newest for one in some]


def line(shown: Shown) -> Line:
    """A chain as it is written."""
    return Line(
        shown.address,
        shown.port,
        shown.server_name,
        "probed" if shown.source is ChainSource.PROBED else "seen",
        shown.first_seen_ns,
        shown.last_seen_ns,
        certificate_length=message_length(shown.chain),
        flows=shown.flows,
        chain=shown.chain,
        certificates=tuple(map(certificates.describe, shown.chain)),
    )


def written(shown: Iterable[Shown]) -> Iterator[bytes]:
    """The lines of a memory."""
    encode = msgspec.json.Encoder().encode
    return (encode(line(one)) + b"\n" for one in joined(shown))


def message_length(chain: Iterable[bytes]) -> int:
    """Length of the TLS 1.3 Certificate message for a chain, with its header and without extensions.

    RFC 8446 4 and 4.4.2: 4 bytes of header, an empty context, the list's length; per certificate its length and its
    empty extensions.
    """
    return 4 + 1 + 3 + sum(3 + len(certificate) + 2 for certificate in chain)


def _merged(old: Shown, new: Shown) -> Shown:
    return msgspec.structs.replace(
        old,
        first_seen_ns=min(old.first_seen_ns, new.first_seen_ns),
        last_seen_ns=max(old.last_seen_ns, new.last_seen_ns),
        flows=old.flows + new.flows,
    )


def _by_age(shown: Shown) -> tuple[int, int, str, tuple[bytes, ...]]:
    return shown.last_seen_ns, shown.first_seen_ns, shown.source, shown.chain
