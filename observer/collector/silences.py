"""Silences: findings that somebody chose not to be told of, why and until when. They are still kept and shown."""

from typing import Annotated

import msgspec

from observer.collector.lifecycle import Seen

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which findings; every field that is given must be equal. `namespace` is that of either end."""

    key: Word | None = None
    rule: Word | None = None
    path: Word | None = None
    namespace: Word | None = None
    client: Word | None = None
    server: Word | None = None
    cluster: Word | None = None

    @property
    def fields(self) -> dict[str, str]:
        """What is asked for."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}

    def matches(self, seen: Seen) -> bool:
        """Whether a finding is meant."""
        told = {
            "key": {seen.key},
            "rule": {seen.rule},
            "path": {seen.path},
            "namespace": {seen.client_namespace, seen.server_namespace},
            "client": {seen.client_address},
            "server": {seen.server_address},
            "cluster": {seen.cluster},
        }
        return all(value in told[name] for name, value in self.fields.items())


class Silence(msgspec.Struct, frozen=True):
    """Findings that nobody is told of for a time."""

    id: str
    owner: str
    comment: str
    matcher: Matcher
    created_ns: int
    starts_ns: int
    ends_ns: int

    def holds(self, seen: Seen, now_ns: int) -> bool:
        """Whether it silences a finding now."""
        return self.starts_ns <= now_ns < self.ends_ns and self.matcher.matches(seen)
