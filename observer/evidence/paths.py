"""Finds signature paths from a certificate to trust anchors, by names and signatures alone."""

import functools
from collections.abc import Collection, Iterator

from observer.evidence import reading
from observer.evidence.reading import CACHE_SIZE

Chain = tuple[bytes, ...]

# A handshake's certificates that are looked at, as many as the core keeps.
CHAIN_LIMIT = 16
# Partial paths followed at a time; the bound is for chains made to be expensive.
PATH_LIMIT = 64


class Anchors:
    """Trust anchors, ready to be searched; what was found is kept."""

    def __init__(self, certificates: Collection[bytes]) -> None:
        self.certificates = frozenset(certificates)
        self._by_subject = _by_subject(certificates)
        self.paths = functools.lru_cache(CACHE_SIZE)(self._paths)

    def __bool__(self) -> bool:
        return bool(self.certificates)

    def _paths(self, chain: Chain) -> tuple[tuple[Chain, ...], bool]:
        """Every path found, leaf first, and whether there may be others that could not be computed."""
        shown = chain[:CHAIN_LIMIT]
        by_subject = _by_subject(dict.fromkeys(shown))
        doubt = len(chain) > CHAIN_LIMIT or any(reading.subject(one) is None for one in shown)
        found, edge = list[Chain](), [shown[:1]]
        while edge:
            found += [path for path in edge if path[-1] in self.certificates]
            steps = list[Chain]()
            for path in edge:
                if path[-1] in self.certificates:
                    continue
                for authority, holds in self._signers(path[-1], by_subject):
                    doubt = doubt or holds is None
                    if holds and authority not in path:
                        steps.append((*path, authority))
            doubt = doubt or len(steps) > PATH_LIMIT
            edge = steps[:PATH_LIMIT]
        return tuple(found), doubt

    def _signers(self, child: bytes, shown: dict[str, list[bytes]]) -> Iterator[tuple[bytes, bool | None]]:
        name = reading.canonical(reading.issuer(child) or "")
        for authority in dict.fromkeys((*self._by_subject.get(name, ()), *shown.get(name, ()))):
            yield authority, reading.signature_holds(child, authority)


def _by_subject(certificates: Collection[bytes]) -> dict[str, list[bytes]]:
    found = dict[str, list[bytes]]()
    for certificate in certificates:
        found.setdefault(reading.canonical(reading.subject(certificate) or ""), []).append(certificate)
    return found
