"""OTLP logs, decoded from the protobuf that a real HTTP server got."""

import time

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from observer.model import EventClass
from observer.sinks.credentials import Credentials
from observer.sinks.otlp import OtlpTransport
from observer.sinks.transport import Failed, Refused, Taken
from observer.spool.batch import Batch, packed

from .far_end import far_end
from .generator import event

TAKEN = (200, {"Content-Type": "application/x-protobuf"}, ExportLogsServiceResponse().SerializeToString())
NS = 1_764_000_000_123_456_789


def batch() -> Batch:
    return Batch(1, "a", EventClass.FINDING, time.time_ns(), 2, packed(event("node1", 6, NS) + event("node1", 7, NS)))


def test_each_event_is_a_log_record_of_its_time_and_severity() -> None:
    with far_end(TAKEN) as end:
        transport = OtlpTransport(end.url, "node1", Credentials())
        answer = transport.send(batch())
        transport.close()

    export = ExportLogsServiceRequest.FromString(end.posts[0].body)
    (logs,) = export.resource_logs
    finding, flow = logs.scope_logs[0].log_records
    assert answer == Taken()
    assert end.posts[0].path == "/v1/logs"
    assert {one.key: one.value.string_value for one in logs.resource.attributes}["k8s.node.name"] == "node1"
    assert orjson.loads(finding.body.string_value) == orjson.loads(event("node1", 6, NS))
    assert (finding.time_unix_nano, finding.severity_number) == (NS, SeverityNumber.SEVERITY_NUMBER_ERROR)
    assert {one.key: one.value.string_value for one in flow.attributes} == {
        "observer.id": "node1-7",
        "observer.path": "apiserver-to-kubelet",
    }


def test_records_that_were_left_out_are_told_and_strange_answers_are_no_receipt() -> None:
    partial = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=1, error_message="too old")
    )
    with far_end((200, {}, partial.SerializeToString()), (200, {}, b"<html>"), (503, {"Retry-After": "3"}, b"")) as end:
        transport = OtlpTransport(end.url, "node1", Credentials())
        answers = [transport.send(batch()) for _ in range(3)]
        transport.close()

    assert answers[0] == Refused("1 records of the batch: too old")
    assert isinstance(answers[1], Failed)
    assert isinstance(answers[2], Failed)
    assert answers[2].retry_after_s == 3
