"""What an operation of the interface is: a method, a path, who may, what it takes and gives."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from observer.collector.tokens import Principal, Scope

JSON = "application/json"


class Fault(Exception):  # noqa: N818
    """An answer that is no success."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}

    def response(self) -> Response:
        """As the client gets it."""
        return encoded({"error": self.message}, self.status, self.headers)


class Error(msgspec.Struct, frozen=True):
    """Says why a request was not answered."""

    error: str


@dataclass(frozen=True)
class Call:
    """A request that may be answered: its sender is known and its parameters are checked."""

    request: Request
    principal: Principal
    query: Any
    path: dict[str, str]


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One line of the interface; `query`, `body` and `answer` are the structs of what goes in and out."""

    method: str
    path: str
    scope: Scope
    handler: Handler
    summary: str
    answer: Any = None
    query: Any = None
    body: Any = None
    media: str = JSON
    headers: tuple[str, ...] = ()
    """Headers that a request may have, for the document."""
    takes: str = JSON
    """Media type of the body, where there is one."""
    faults: tuple[int, ...] = ()


def encoded(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document as JSON, written by orjson; structs become objects."""
    content = orjson.dumps(document, default=msgspec.to_builtins)
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, media_type=JSON)
