"""Judges a certificate chain in the laxest way that some client could: path, time, usage and name, each apart.

A strict verifier would call chains bad that real clients accept, and a wrong `unverified` is the worst mistake here;
what it would say is kept beside, as faults.
"""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from observer.evidence import certificates, conformity, extensions
from observer.evidence.conformity import REFUSED, for_servers, is_address
from observer.evidence.paths import CHAIN_LIMIT, Anchors, Chain
from observer.evidence.reading import CACHE_SIZE, parsed
from observer.model import AnchorRole, Fault


class Time(StrEnum):
    """Where an instant lies in a certificate's validity."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNKNOWN = "unknown"


class Wanted(msgspec.Struct, frozen=True):
    """The names a client may have asked for: the SNI it sent, else any address of the host it dialled.

    `translated` says that the address on the wire may not be the one that was dialled.
    """

    server_name: str | None = None
    addresses: frozenset[str] = frozenset()
    translated: bool = True


class Judgement(msgspec.Struct, frozen=True):
    """What was found; None where it cannot be told.

    `bound`: anchors were given for just this kind of client. `faults`: what a strict reading finds, in the best path.
    """

    anchored: bool | None
    time: Time
    usage: bool
    name: bool | None
    bound: bool = False
    faults: tuple[Fault, ...] = ()

    @property
    def refused(self) -> tuple[Fault, ...]:
        """The faults with which no verifier that was measured accepts."""
        return tuple(fault for fault in self.faults if fault in REFUSED)


class Trust:
    """The trust anchors given, each with the file it is from; `bound` ones count only for clients of their role."""

    def __init__(
        self,
        anchors: Iterable[bytes] = (),
        files: Collection[str] = (),
        bound: Mapping[AnchorRole, Iterable[bytes]] | None = None,
    ) -> None:
        self.anchors = tuple(dict.fromkeys(anchors))
        self.bound = {role: tuple(dict.fromkeys(given)) for role, given in (bound or {}).items()}
        self.files = frozenset(files)
        self._all = tuple(dict.fromkeys((*self.anchors, *(one for some in self.bound.values() for one in some))))
        self._edges = frozenset(_edges(self._all))
        self._anchors_for = functools.cache(self._bind)

    @property
    def size(self) -> int:
        """How many anchors were given."""
        return len(self._all)

    def judge(self, chain: Chain, wanted: Wanted, time_ns: int, roles: tuple[AnchorRole, ...] = ()) -> Judgement:
        """The judgement of a server's chain at an instant, for clients that trust the anchors of the first role given.

        Anchors that were bound to no role count for every client.
        """
        leaf = chain[0] if chain else b""
        anchors, bound = self._anchors_for(roles)
        anchored, faults = self._path(chain[: CHAIN_LIMIT + 1], anchors, time_ns)
        return Judgement(anchored, time_of(leaf, time_ns), for_servers(leaf), named(leaf, wanted), bound, faults)

    def leads(self, chain: Chain, roles: tuple[AnchorRole, ...] = ()) -> bool | None:
        """Whether any signature path leads to an anchor of the first role given; null where that cannot be told."""
        anchors, _ = self._anchors_for(roles)
        if not chain or not anchors or parsed(chain[0]) is None:
            return None
        paths, doubt = anchors.paths(chain[: CHAIN_LIMIT + 1])
        return True if paths else None if doubt else False

    def boundaries(self, chain: Sequence[bytes]) -> list[int]:
        """Instants (ns), in order, from which on a judgement of the chain may be another one."""
        return sorted({*certificates.boundaries(list(chain)), *_edges(chain[1:CHAIN_LIMIT]), *self._edges})

    def _bind(self, roles: tuple[AnchorRole, ...]) -> tuple[Anchors, bool]:
        own = next((self.bound[role] for role in roles if self.bound.get(role)), ())
        return Anchors((*own, *self.anchors)), bool(own)

    def _path(self, chain: Chain, anchors: Anchors, time_ns: int) -> tuple[bool | None, tuple[Fault, ...]]:
        """Whether any path leads to an anchor, and the faults of the one that has the fewest."""
        if not chain or parsed(chain[0]) is None:
            return None, ()
        if not anchors:
            return None, conformity.faults(chain[:1], anchored=False)
        paths, doubt = anchors.paths(chain)
        if not paths:
            return None if doubt else False, conformity.faults(chain[:1], anchored=False)
        readings = ((*conformity.faults(path, anchored=True), *_untimely(path, time_ns)) for path in paths)
        return True, min(readings, key=lambda found: (len(REFUSED & set(found)), len(found)))


def _edges(authorities: Iterable[bytes]) -> Iterator[int]:
    """Where each of them begins and ceases to count."""
    for times in map(certificates.validity, authorities):
        if times is not None:
            yield from (times[0] - certificates.CLOCK_SKEW_NS, times[1] + certificates.CLOCK_SKEW_NS)


def _untimely(path: Chain, time_ns: int) -> tuple[Fault, ...]:
    """Faults of authorities that are out of their time."""
    times = {time_of(authority, time_ns) for authority in path[1:]}
    expired = (Fault.AUTHORITY_EXPIRED,) if Time.EXPIRED in times else ()
    young = (Fault.AUTHORITY_NOT_YET_VALID,) if Time.NOT_YET_VALID in times else ()
    return expired + young


@functools.lru_cache(CACHE_SIZE)
def named(leaf: bytes, wanted: Wanted) -> bool | None:
    """Whether the certificate bears a name the client may have asked for; None also where verifiers differ."""
    if parsed(leaf) is None:
        return None
    if wanted.server_name is not None and not is_address(wanted.server_name):
        return _bears_name(leaf, wanted.server_name)
    addresses = wanted.addresses if wanted.server_name is None else frozenset({wanted.server_name})
    if addresses & set(extensions.names(leaf).addresses):
        return True
    borne = addresses_named(leaf)
    # A client that dialled an address sends no SNI; behind a translation it was another address than ours.
    return None if addresses & set(borne) or (wanted.translated and borne) else False


def addresses_named(leaf: bytes) -> tuple[str, ...]:
    """The addresses that the certificate bears, also those that it gives for names."""
    names = extensions.names(leaf)
    return (*names.addresses, *filter(is_address, _dns_names(leaf)))


def _dns_names(leaf: bytes) -> tuple[str, ...]:
    """OpenSSL takes the common name where no DNS name is given."""
    return extensions.names(leaf).dns or tuple(filter(None, [certificates.common_name(leaf)]))


def _bears_name(leaf: bytes, server_name: str) -> bool | None:
    names = _dns_names(leaf)
    if any(_matches(name, server_name) for name in names):
        return True
    return None if any(_matches(name.rstrip("."), server_name) for name in names) else False


def _matches(pattern: str, name: str) -> bool:
    """RFC 6125 6.4.3: a star stands for the first label or, as OpenSSL reads it, for a part of that."""
    pattern, name = pattern.lower(), name.lower().rstrip(".")
    first, dot, rest = pattern.partition(".")
    if first.count("*") != 1 or not dot:
        return pattern == name
    begin, _, end = first.partition("*")
    return re.fullmatch(rf"{re.escape(begin)}[^.]+{re.escape(end)}\.{re.escape(rest)}", name) is not None


def time_of(leaf: bytes, time_ns: int) -> Time:
    """Where the instant lies in the certificate's validity, give or take the skew of clocks."""
    times = certificates.validity(leaf)
    if times is None:
        return Time.UNKNOWN
    if time_ns < times[0] - certificates.CLOCK_SKEW_NS:
        return Time.NOT_YET_VALID
    if time_ns >= times[1] + certificates.CLOCK_SKEW_NS:
        return Time.EXPIRED
    return Time.EXPIRING if time_ns >= times[1] - certificates.EXPIRY_NOTICE_NS else Time.VALID
