"""The table of operations: what the interface offers, to whom, and who answers."""

from collections.abc import Callable

from observer.collector.api import cluster, findings, parameters, questions, stream
from observer.collector.api.events import CONTENT_TYPE, Bounds, Events
from observer.collector.api.operations import Operation
from observer.collector.ingest import Answer, Ingest
from observer.collector.live import Live
from observer.collector.store import Store
from observer.collector.tokens import Scope

READ, ADMIN = Scope.READ, Scope.ADMIN


def operations(
    store: Store, ingest: Ingest, live: Live, bounds: Bounds, clock_ns: Callable[[], int]
) -> list[Operation]:
    """The interface, each operation bound to what answers it."""
    events, flows = Events(ingest, bounds, clock_ns), questions.Questions(store, clock_ns)
    found = findings.FindingQuestions(store, clock_ns)
    told = cluster.ClusterQuestions(store, ingest, clock_ns)
    streamed = stream.Stream(live)
    p, v1 = parameters, "/api/v1"
    return [
        Operation(
            "POST",
            f"{v1}/events",
            Scope.WRITE,
            events.take,
            "Deliver events",
            Answer,
            body=str,
            takes=CONTENT_TYPE,
            headers=("Content-Encoding", "Observer-Schema", "Observer-Batch", "Observer-Node", "Observer-Class"),
            faults=DELIVERY,
        ),
        Operation("GET", f"{v1}/flows", READ, flows.flows, "Flows, newest first", questions.Events, p.FlowPage),
        Operation("GET", f"{v1}/flows/sums", READ, flows.sums, "Flows counted", questions.Groups, p.Aggregate),
        Operation(
            "GET", f"{v1}/flows/export", READ, flows.export, "Flows as lines", query=p.Flows, media=questions.NDJSON
        ),
        Operation(
            "GET",
            f"{v1}/conversations",
            READ,
            flows.conversations,
            "Flows that several nodes saw, joined",
            questions.ConversationPage,
            p.Conversations,
        ),
        Operation("GET", f"{v1}/findings", READ, found.findings, "Findings", findings.Findings, p.FindingList),
        Operation("GET", f"{v1}/findings/{{key}}", READ, found.finding, "A finding", findings.Finding, faults=(404,)),
        Operation("GET", f"{v1}/findings/{{key}}/events", READ, found.events, "Its events", questions.Events, p.Listed),
        Operation("GET", f"{v1}/silences", READ, found.silences, "Silences", findings.Silences),
        Operation(
            "POST",
            f"{v1}/silences",
            ADMIN,
            found.silence,
            "Silence findings",
            findings.ShownSilence,
            body=findings.NewSilence,
            faults=(413,),
        ),
        Operation(
            "DELETE",
            f"{v1}/silences/{{id}}",
            ADMIN,
            found.end_silence,
            "End a silence",
            findings.ShownSilence,
            faults=(404,),
        ),
        Operation(
            "GET",
            f"{v1}/certificates",
            READ,
            told.certificates,
            "Certificates by endpoint",
            cluster.Certificates,
            p.CertificateList,
        ),
        Operation(
            "GET",
            f"{v1}/certificates/changes",
            READ,
            told.issuer_changes,
            "Endpoints that changed their issuer",
            cluster.Changes,
            p.Count,
        ),
        Operation("GET", f"{v1}/nodes", READ, told.nodes, "Who reports, what was lost", cluster.Nodes, p.Since),
        Operation("GET", f"{v1}/dead-letters", ADMIN, told.dead_letters, "Refused batches", cluster.Letters, p.Listed),
        Operation(
            "GET",
            f"{v1}/dead-letters/{{id}}",
            ADMIN,
            told.dead_letter,
            "A refused batch",
            cluster.Letter,
            faults=(404,),
        ),
        Operation(
            "POST",
            f"{v1}/dead-letters/{{id}}/retry",
            ADMIN,
            told.retry_dead_letter,
            "Try a refused batch again",
            Answer,
            faults=(404, 409, 422),
        ),
        Operation(
            "GET", f"{v1}/stream", READ, streamed.stream, "What happens now", query=stream.Wanted, media=stream.MEDIA
        ),
    ]


DELIVERY = (400, 408, 413, 415, 422, 429)
"""What a delivery can be answered with."""
