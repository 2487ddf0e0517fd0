"""The OpenAPI 3.1 document, made from the table of operations."""

from collections.abc import Iterable
from typing import Any

import msgspec

from observer.collector.api.operations import JSON, Error, Operation

FAULTS = {
    400: "The request is malformed",
    401: "Nobody known asks",
    403: "The sender may not do this",
    404: "There is no such thing",
    408: "The body took too long",
    409: "There is such a thing already",
    413: "The body is too large",
    415: "The media type, encoding or schema is not taken",
    422: "The content can never be taken",
    429: "Too often; see Retry-After",
    503: "Not now; see Retry-After",
}
ALWAYS = (401, 403, 503)
REFERENCE = "#/components/schemas/{name}"


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The description of the interface."""
    table = tuple(operations)
    types = [Error, *(kind for one in table for kind in (one.query, one.body, one.answer) if kind is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for one in table:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "observer collector",
            "version": version,
            "summary": "What passes between a cluster's nodes and its control plane, and whether it is safe.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
            },
        },
        "security": [{"token": []}],
    }


def _operation(one: Operation, schema_of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method.lower()}{one.path.removeprefix('/api/v1').replace('/', '-')}".replace(
            "{", ""
        ).replace("}", ""),
        "description": f"Needs the scope `{one.scope.value}`.",
        "parameters": [
            *_path_parameters(one.path),
            *_query_parameters(one, schema_of, components),
            *({"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in one.headers),
        ],
        "responses": _responses(one, schema_of),
    }
    if one.body is not None:
        content = {one.takes: {"schema": schema_of[repr(one.body)]}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(one: Operation, schema_of: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = components[schema_of[repr(one.query)]["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(told)}
        for name, told in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is null to us; in a query string there is no null."""
    others = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return others[0] if len(others) == 1 else {name: value for name, value in schema.items() if value is not None}


def _responses(one: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": schema_of[repr(one.answer)] if one.answer is not None else {"type": "string"}}
    responses: dict[str, Any] = {"200": {"description": "Done", "content": {one.media: content}}}
    fault = {JSON: {"schema": {"$ref": REFERENCE.format(name="Error")}}}
    always = (*ALWAYS, *((400,) if one.query or one.body else ()), *one.faults)
    return responses | {str(code): {"description": FAULTS[code], "content": fault} for code in sorted(set(always))}
