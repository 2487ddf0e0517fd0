"""From filters to SQL conditions. Values never become SQL: they travel beside it as typed parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

from observer.collector.store import CertificateFilter, FindingFilter, FlowFilter, Page, Span

Conditions = tuple[str, dict[str, Any]]
"""A WHERE clause, empty where nothing is asked, and its parameters."""

_COLUMNS = {
    "path": "path IN {path:Array(String)}",
    "verdict": "verdict IN {verdict:Array(String)}",
    "certainty": "certainty IN {certainty:Array(String)}",
    "protocol": "protocol IN {protocol:Array(String)}",
    "finding": "hasAny(findings, {finding:Array(String)})",
    "node": "node IN {node:Array(String)}",
    "cluster": "cluster IN {cluster:Array(String)}",
    "namespace": "(client_namespace IN {namespace:Array(String)} OR server_namespace IN {namespace:Array(String)})",
    "address": "(client_address IN {address:Array(String)} OR server_address IN {address:Array(String)})",
    "port": "server_port IN {port:Array(UInt16)}",
    "certificate": "certificate IN {certificate:Array(String)}",
    "community_id": "community_id IN {community_id:Array(String)}",
    "id": "id IN {id:Array(String)}",
}


def of_flows(wanted: FlowFilter, page: Page | None = None) -> Conditions:
    """Conditions on `flows`."""
    parts, values = spanned(wanted.span, "start")
    _add_columns(wanted, _COLUMNS, parts, values)
    _add_weight_and_text(wanted, parts, values)
    if page:
        parts += after(page, "start", "id", values)
    return where(parts), values


_FINDING_COLUMNS = {
    "status": "status IN {status:Array(String)}",
    "rule": "rule IN {rule:Array(String)}",
    "path": "path IN {path:Array(String)}",
    "node": "hasAny(nodes, {node:Array(String)})",
    "cluster": "cluster IN {cluster:Array(String)}",
    "namespace": "(client_namespace IN {namespace:Array(String)} OR server_namespace IN {namespace:Array(String)})",
    "address": "(client_address IN {address:Array(String)} OR server_address IN {address:Array(String)})",
    "key": "key IN {key:Array(String)}",
}


def of_findings(wanted: FindingFilter, page: Page) -> Conditions:
    """Conditions on `finding_states`."""
    parts, values = spanned(wanted.span, "last_seen")
    _add_columns(wanted, _FINDING_COLUMNS, parts, values)
    _add_weight_and_text(wanted, parts, values)
    parts += after(page, "last_seen", "key", values)
    return where(parts), values


_CERTIFICATE_COLUMNS = {
    "address": "address IN {address:Array(String)}",
    "port": "port IN {port:Array(UInt16)}",
    "certificate": "certificate IN {certificate:Array(String)}",
    "node": "node IN {node:Array(String)}",
    "cluster": "cluster IN {cluster:Array(String)}",
}


def of_certificates(wanted: CertificateFilter) -> Conditions:
    """Conditions on `endpoint_certificates`."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    _add_columns(wanted, _CERTIFICATE_COLUMNS, parts, values)
    if wanted.expires_before_ns is not None:
        parts.append("not_after < fromUnixTimestamp64Nano({expires:Int64}, 'UTC')")
        values["expires"] = wanted.expires_before_ns
    if wanted.text:
        parts.append("positionCaseInsensitiveUTF8(concat(name, ' ', subject, ' ', issuer), {text:String}) > 0")
        values["text"] = wanted.text
    return where(parts), values


def having_after(page: Page, values: dict[str, Any]) -> str:
    """The condition that continues a list of grouped rows."""
    if page.after is None:
        return ""
    values["after"], values["after_name"] = page.after.time_ns, page.after.name
    return "HAVING (last_ns, place) < ({after:Int64}, {after_name:String})"


def spanned(span: Span, column: str) -> tuple[list[str], dict[str, Any]]:
    """Conditions that hold a time column in a span."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    if span.since_ns is not None:
        parts.append(f"{column} >= fromUnixTimestamp64Nano({{since:Int64}}, 'UTC')")
        values["since"] = span.since_ns
    if span.until_ns is not None:
        parts.append(f"{column} < fromUnixTimestamp64Nano({{until:Int64}}, 'UTC')")
        values["until"] = span.until_ns
    return parts, values


def after(page: Page, time: str, name: str, values: dict[str, Any]) -> Iterator[str]:
    """The condition that continues a list of falling times where the last page ended."""
    if page.after:
        yield f"({time}, {name}) < (fromUnixTimestamp64Nano({{after:Int64}}, 'UTC'), {{after_name:String}})"
        # The tuple alone does not let the engine skip parts.
        yield f"{time} <= fromUnixTimestamp64Nano({{after:Int64}}, 'UTC')"
        values["after"], values["after_name"] = page.after.time_ns, page.after.name


def where(parts: list[str]) -> str:
    """A WHERE clause."""
    return f"WHERE {' AND '.join(parts)}" if parts else ""


def _add_columns(
    wanted: FlowFilter | FindingFilter | CertificateFilter,
    columns: Mapping[str, str],
    parts: list[str],
    values: dict[str, Any],
) -> None:
    """A condition for each column of which values are wanted."""
    for name, condition in columns.items():
        if value := getattr(wanted, name):
            parts.append(condition)
            values[name] = list(value)


def _add_weight_and_text(wanted: FlowFilter | FindingFilter, parts: list[str], values: dict[str, Any]) -> None:
    """How severe it must at least be, and what its event must say."""
    if wanted.severity:
        parts.append("severity >= {severity:UInt8}")
        values["severity"] = wanted.severity
    if wanted.text:
        parts.append("positionCaseInsensitiveUTF8(event, {text:String}) > 0")
        values["text"] = wanted.text
