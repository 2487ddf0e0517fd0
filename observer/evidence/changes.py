"""Holds a certificate against others of its endpoint: what may be somebody between, and what is only a renewal.

Never a word about leaves of one authority, at once or one after the other: renewal and load balancers make those.
"""

from collections.abc import Iterable
from enum import StrEnum

from observer.evidence import certificates, extensions, reading
from observer.evidence.chains import Trust
from observer.evidence.paths import Chain
from observer.model import AnchorRole, Purpose, When


class Change(StrEnum):
    """What the certificates of an endpoint show together."""

    FOREIGN = "foreign-beside-trusted"
    """This one leads to no trust anchor, and another that was shown before or meanwhile does."""
    AT_ONCE = "authorities-at-once"
    """Another authority's was shown between two showings of this one, or the other way round."""
    CHANGED = "authority-changed"
    """All that were shown before are of another authority."""
    UNKNOWN = "unknown"


def change(own: Chain, others: Iterable[tuple[When, Chain]], trust: Trust, roles: tuple[AnchorRole, ...]) -> Change:
    """What is to be said of a chain beside the others of its endpoint; `roles`: whose anchors its clients trust."""
    if not own:
        return Change.UNKNOWN
    leads = trust.leads(own, roles)
    earlier = [(when, chain) for when, chain in others if when in (When.BEFORE, When.MEANWHILE)]
    strangers = [(when, chain) for when, chain in earlier if _stranger(own, chain, when)]
    if leads or not strangers:
        return Change.UNKNOWN
    if leads is False and any(trust.leads(chain, roles) for _, chain in strangers):
        return Change.FOREIGN
    if any(when is When.MEANWHILE for when, _ in strangers):
        return Change.AT_ONCE
    return Change.CHANGED if len(strangers) == len(earlier) else Change.UNKNOWN


def _stranger(own: Chain, other: Chain, when: When) -> bool:
    """Whether another authority stands behind the other chain; a kubelet makes a new one at each start."""
    made = (certificates.purpose(chain[0]) is Purpose.SELF_GENERATED for chain in (own, other))
    if all(made) and when is When.BEFORE:
        return False
    return not one_authority(own, other)


def one_authority(one: Chain, other: Chain) -> bool:
    """Whether one authority may stand behind both; where that cannot be told, it may."""
    if one[0] == other[0] or set(one[1:]) & set(other[1:]):
        return True
    first, second = one[0], other[0]
    names = [reading.canonical(reading.issuer(leaf) or "") for leaf in (first, second)]
    if names[0] != names[1]:
        return False
    ids = extensions.authority_key_id(first), extensions.authority_key_id(second)
    return None in ids or ids[0] == ids[1]
