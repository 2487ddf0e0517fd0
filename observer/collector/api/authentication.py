"""Who asks: a bearer token of the file, a service account token that the API server knows, or a client certificate."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from starlette.requests import Request

from observer.collector.tokens import Principal, Scope, TokenFile

NODE_PREFIX = "system:node:"
"""Of the common name of a kubelet's client certificate; such a client speaks for its node alone."""

BEARER = "bearer "


class Reviewer(Protocol):
    """Knows tokens that others gave out."""

    def principal(self, token: str) -> Principal | None:
        """Who bears the token, None where nobody. Raises `StoreUnavailable` where that cannot be told now."""


class Authentication:
    """Tries each way that is set up; the first that knows the caller wins."""

    def __init__(self, tokens: TokenFile, reviewer: Reviewer | None, now: Callable[[], datetime]) -> None:
        self._tokens, self._reviewer, self._now = tokens, reviewer, now

    def principal(self, request: Request) -> Principal | None:
        """Who asks, None where nobody known. May ask another server, so it runs in a thread."""
        told = request.headers.get("authorization", "")
        if told[: len(BEARER)].lower() == BEARER:
            return self._bearer(told[len(BEARER) :].strip())
        return _certified(request)

    def _bearer(self, token: str) -> Principal | None:
        known = self._tokens.principal(token, self._now())
        return known or (self._reviewer.principal(token) if self._reviewer else None)


def _certified(request: Request) -> Principal | None:
    """The bearer of a certificate that the connection's own authorities signed: an agent."""
    name = request.scope.get("state", {}).get("peer")
    if not name:
        return None
    node = name.removeprefix(NODE_PREFIX) if name.startswith(NODE_PREFIX) else None
    return Principal(name, frozenset({Scope.WRITE}), node)
