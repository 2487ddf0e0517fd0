"""Names a finding so that the same fault has the same key in every capture: without times, client ports or counts."""

import hashlib
import json
import re

import msgspec

from observer.analysis import Party

DIGITS = 16
"""Hexadecimal digits of a key: a cluster has some thousands of findings, so 64 bits do not collide."""

# Kubernetes draws its suffixes from an alphabet without vowels, 0, 1 and 3 (apimachinery's `rand.SafeEncodeString`).
REPLICA = re.compile(r"(-[bcdfghjklmnpqrstvwxz2456789]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$|-[0-9]{1,5}$")


class Kubernetes(msgspec.Struct, frozen=True):
    """What an event says of an endpoint in the cluster's own words, as far as a name needs it."""

    namespace: str | None = None


class Named(msgspec.Struct, frozen=True):
    """The members of an event's endpoint that name it."""

    name: str | None = None
    kubernetes: Kubernetes | None = None


def name_of(named: Named) -> str | None:
    """`namespace/name` for pods and services, else the name alone."""
    namespace = named.kubernetes.namespace if named.kubernetes else None
    return f"{namespace}/{named.name}" if named.name and namespace else named.name


def of(finding: str, cause: str, path: str, client: Party, server: Party) -> str:
    """The key of a finding of that cause on a path between two ends."""
    told = json.dumps([finding, cause, path, identity(client), identity(server), server.port])
    return hashlib.sha256(told.encode()).hexdigest()[:DIGITS]


def identity(party: Party) -> str:
    """The workload of a pod, the name of anything else, and the address of what has no name."""
    if not party.name:
        return party.address
    return REPLICA.sub("", party.name) if "/" in party.name else party.name
