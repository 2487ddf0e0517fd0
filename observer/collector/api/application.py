"""The ASGI application: checks who asks and what for, before an operation sees a request."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from observer.collector.api.authentication import Authentication
from observer.collector.api.operations import Call, Fault, Operation, encoded
from observer.collector.store import StoreRefused, StoreUnavailable
from observer.collector.tokens import Principal

RETRY_AFTER_S = "2"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def application(
    operations: Iterable[Operation], authentication: Authentication, ready: Callable[[], bool]
) -> Starlette:
    """Routes for the operations, and health, which alone needs no authentication."""

    async def healthz(_: Request) -> Response:
        return encoded({"status": "ok"})

    async def readyz(_: Request) -> Response:
        good = await anyio.to_thread.run_sync(ready)
        return encoded({"status": "ok" if good else "the store does not answer"}, 200 if good else 503)

    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    for path, methods in by_path.items():
        routes.append(Route(path, _endpoint(methods, authentication), methods=[*methods]))
    handlers: Any = {HTTPException: _http_fault, Exception: _bug}
    return Starlette(routes=routes, exception_handlers=handlers)


def _endpoint(methods: dict[str, Operation], authentication: Authentication) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            operation = methods.get(request.method) or methods["GET"]
            principal = await _allowed(request, operation, authentication)
            query = _query(request, operation)
            response = await operation.handler(Call(request, principal, query, dict(request.path_params)))
        except Fault as fault:
            response = fault.response()
        except StoreRefused as error:
            response = Fault(422, str(error)).response()
        except StoreUnavailable as error:
            response = Fault(503, f"not now: {error}", {"Retry-After": RETRY_AFTER_S}).response()
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return endpoint


async def _allowed(request: Request, operation: Operation, authentication: Authentication) -> Principal:
    principal = await anyio.to_thread.run_sync(authentication.principal, request)
    if principal is None:
        raise Fault(401, "no valid token or client certificate", {"WWW-Authenticate": 'Bearer realm="observer"'})
    if not principal.may(operation.scope):
        raise Fault(403, f"{principal.name} has not the scope {operation.scope.value}")
    return principal


def _query(request: Request, operation: Operation) -> Any:
    """The parameters as the operation's struct; what it does not know is a fault, never left out quietly."""
    told = request.query_params
    fields = {field.name: field for field in msgspec.structs.fields(operation.query)} if operation.query else {}
    if unknown := told.keys() - fields.keys():
        raise Fault(400, f"unknown parameter {min(unknown)!r}")
    if not operation.query:
        return None
    for name in told:
        if not _several(fields[name]) and (len(told.getlist(name)) > 1 or told[name] == "null"):
            raise Fault(400, f"{name} takes one value")
    values = {name: told.getlist(name) if _several(fields[name]) else told[name] for name in told}
    try:
        return msgspec.convert(values, operation.query, strict=False)
    except msgspec.ValidationError as error:
        raise Fault(400, str(error)) from error


def _several(field: Any) -> bool:
    return isinstance(field.default, tuple)


async def _http_fault(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    return Fault(error.status_code, error.detail, dict(error.headers or {})).response()


async def _bug(_: Request, __: Exception) -> Response:
    return Fault(500, "a fault of the collector; its log has the trace").response()
