"""Asks the Kubernetes API server whose a service account token is (TokenReview), and remembers it for a while."""

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import orjson
import urllib3

from observer.collector.store import StoreUnavailable
from observer.collector.tokens import Principal, Scope, hashed

REMEMBERED_S = 60
"""A token of a deleted pod is taken so much longer at most."""

REMEMBERED = 20_000
TOKEN_BYTES = 8192
TIMEOUT_S = 5
ANSWER_BYTES = 1024 * 1024

NODE_KEY = "authentication.kubernetes.io/node-name"
"""Kubernetes 1.30 and later say on which node a pod's token is used."""

USER_PREFIX = "system:serviceaccount:"


class ReviewUnavailable(StoreUnavailable):
    """The API server cannot be asked now."""


class _Claims(msgspec.Struct, frozen=True):
    aud: str | tuple[str, ...] = ()
    exp: float = 0.0


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    extra: dict[str, list[str]] = {}


class _Status(msgspec.Struct, frozen=True):
    authenticated: bool = False
    user: _User = _User()
    audiences: tuple[str, ...] = ()


class _Review(msgspec.Struct, frozen=True):
    status: _Status = _Status()


@dataclass(frozen=True)
class Cluster:
    """The API server that is asked, how this collector shows who it is, and which service accounts may what."""

    server: str
    authority: Path
    token: Path
    audience: str
    scopes: Mapping[str, frozenset[Scope]]
    """By `namespace/name`."""


class TokenReview:
    """Knows service account tokens. Safe for several threads."""

    def __init__(self, cluster: Cluster, clock_ns: Callable[[], int]) -> None:
        self._cluster, self._clock_ns = cluster, clock_ns
        self._pool = urllib3.PoolManager(
            ca_certs=str(cluster.authority), cert_reqs="CERT_REQUIRED", retries=False, timeout=TIMEOUT_S
        )
        self._known: OrderedDict[str, tuple[int, Principal | None]] = OrderedDict()
        self._lock = threading.Lock()

    def principal(self, token: str) -> Principal | None:
        """Whose a token is; None where it is nobody's, or his who may nothing here."""
        if not self._plausible(token):
            return None
        now_ns, name = self._clock_ns(), hashed(token)
        with self._lock:
            until_ns, known = self._known.get(name, (0, None))
        if now_ns < until_ns:
            return known
        found = self._reviewed(token)
        with self._lock:
            self._known[name] = (now_ns + REMEMBERED_S * 1_000_000_000, found)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _plausible(self, token: str) -> bool:
        """Whether it is worth the API server's time: a token that is not for us or is past its time is not."""
        parts = token.split(".")
        if len(token) > TOKEN_BYTES or len(parts) != 3:
            return False
        try:
            told = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return False
        audiences = (told.aud,) if isinstance(told.aud, str) else told.aud
        return self._cluster.audience in audiences and told.exp * 1e9 > self._clock_ns()

    def _reviewed(self, token: str) -> Principal | None:
        status = self._status(token)
        if not status.authenticated or self._cluster.audience not in status.audiences:
            return None
        name = status.user.username
        if not name.startswith(USER_PREFIX):
            return None
        scopes = self._cluster.scopes.get(name.removeprefix(USER_PREFIX).replace(":", "/"))
        node = next(iter(status.user.extra.get(NODE_KEY, ())), None)
        return Principal(name, scopes, node) if scopes else None

    def _status(self, token: str) -> _Status:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._cluster.audience]},
        }
        try:
            answer = self._pool.request(
                "POST",
                f"{self._cluster.server.rstrip('/')}/apis/authentication.k8s.io/v1/tokenreviews",
                body=orjson.dumps(review),
                headers={"Authorization": f"Bearer {self._own_token()}", "Content-Type": "application/json"},
                redirect=False,
                preload_content=False,
            )
            body = answer.read(ANSWER_BYTES)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ReviewUnavailable(f"the API server cannot be asked whose a token is: {error}") from error
        if answer.status not in {200, 201}:
            raise ReviewUnavailable(f"the API server answered {answer.status} when asked whose a token is")
        try:
            return msgspec.json.decode(body, type=_Review).status
        except msgspec.DecodeError as error:
            raise ReviewUnavailable(f"the API server's answer is not a TokenReview: {error}") from error

    def _own_token(self) -> str:
        """Read anew each time: it is replaced every hour or so."""
        return self._cluster.token.read_text(encoding="ascii").strip()
