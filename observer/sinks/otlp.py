"""Batches to an OpenTelemetry collector: an OTLP log record an event, protobuf over HTTP. Needs the extra `otel`."""

from http import HTTPStatus
from typing import Any

import orjson
import urllib3
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from urllib3.exceptions import HTTPError

from observer.results import nanoseconds
from observer.sinks.collector import ANSWER_BYTES, ANSWER_S, CONNECT_S, answer, endpoint
from observer.sinks.credentials import Credentials
from observer.sinks.transport import Answer, Failed, Refused, Taken
from observer.spool.batch import Batch

LOGS = "/v1/logs"
SEVERITIES = {
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
    "high": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "medium": SeverityNumber.SEVERITY_NUMBER_WARN,
    "low": SeverityNumber.SEVERITY_NUMBER_INFO2,
}


class OtlpTransport:
    """One OpenTelemetry collector. OTLP has no batch ids: a lost answer may bring an event twice, under one id."""

    name = "otlp"

    def __init__(self, url: str, node: str, credentials: Credentials) -> None:
        self._url, self._node, self._credentials = endpoint(url, LOGS), node, credentials
        credentials.check()
        timeout = urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S)
        context = credentials.context() if self._url.startswith("https:") else None
        self._pool = urllib3.PoolManager(num_pools=1, timeout=timeout, retries=False, ssl_context=context)

    def send(self, batch: Batch) -> Answer:
        """Post the batch."""
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            token = self._credentials.bearer()
        except (OSError, ValueError) as error:
            return Failed(f"credentials: {error}", lasting=True)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._pool.request(
                "POST", self._url, body=request(batch, self._node), headers=headers, redirect=False
            )
        except (HTTPError, OSError) as error:
            return Failed(str(error))
        if response.status == HTTPStatus.OK:
            return _taken(response.data[:ANSWER_BYTES])
        return answer(response.status, response.headers, response.data[:ANSWER_BYTES])

    def close(self) -> None:
        """Close connections."""
        self._pool.clear()


def request(batch: Batch, node: str) -> bytes:
    """The export request of a batch."""
    export = ExportLogsServiceRequest()
    logs = export.resource_logs.add()
    logs.resource.attributes.extend([_attribute("service.name", "observer"), _attribute("k8s.node.name", node)])
    records = logs.scope_logs.add()
    records.scope.name = "observer"
    records.log_records.extend(_record(line) for line in batch.lines())
    body: bytes = export.SerializeToString()
    return body


def _record(line: bytes) -> LogRecord:
    event: dict[str, Any] = orjson.loads(line)
    severity = (event.get("finding") or {}).get("severity", "")
    record = LogRecord(
        time_unix_nano=nanoseconds(event.get("time")),
        severity_number=SEVERITIES.get(severity, SeverityNumber.SEVERITY_NUMBER_INFO),
        severity_text=severity,
        event_name=f"observer.{event['kind']}",
        body=AnyValue(string_value=line.decode().rstrip("\n")),
    )
    named = {"observer.id": event.get("id"), "observer.path": (event.get("path") or {}).get("id")}
    record.attributes.extend(_attribute(name, value) for name, value in named.items() if value)
    return record


def _attribute(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=value))


def _taken(body: bytes) -> Answer:
    """A collector may say that it left records out, and will not take them later either."""
    response = ExportLogsServiceResponse()
    try:
        response.ParseFromString(body)
    except DecodeError:
        return Failed("200, but the answer is no OTLP collector's", lasting=True)
    partial = response.partial_success
    if partial.rejected_log_records:
        return Refused(f"{partial.rejected_log_records} records of the batch: {partial.error_message}")
    return Taken()
