"""What strangers and broken senders may do to a collector: nothing."""

import base64
import http.server
import json
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import running
from authority import Authority

from collector.made import flow, lines
from observer.collector import tokens

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from backports import zstd

HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd", "Observer-Node": "node1"}
TIMEOUT_S = 3


class ApiServer:
    """Answers TokenReviews over TLS as an API server does, for the tokens that the test names."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "kubernetes-ca")
        self.users: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.down = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(review["spec"]["token"])
                user = outer.users.get(review["spec"]["token"])
                trusted = self.headers["Authorization"] == "Bearer collectors-own"
                status: dict[str, Any] = {"authenticated": False}
                if user:
                    status = {"authenticated": True, "user": user, "audiences": review["spec"]["audiences"]}
                body = json.dumps({"kind": "TokenReview", "status": status}).encode()
                self.send_response(500 if outer.down else 201 if trusted else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.issue(str(folder / "kubernetes"), "kubernetes", "127.0.0.1"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, name: str, user: str, node: str | None = None, audience: str = "observer") -> str:
        claims = {"aud": [audience], "exp": int(time.time()) + 600, "sub": name}
        made = f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{name}"
        extra = {"authentication.kubernetes.io/node-name": [node]} if node else {}
        self.users[made] = {"username": user, "extra": extra}
        return made


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    started = ApiServer(tmp_path_factory.mktemp("kubernetes"))
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("agents"), "agents-ca")


@pytest.fixture(scope="module")
def collector(
    tmp_path_factory: pytest.TempPathFactory, api_server: ApiServer, agents: Authority
) -> Iterator[running.Collector]:
    folder = tmp_path_factory.mktemp("collector")
    (folder / "own").write_text("collectors-own\n")
    options = ["--client-ca", str(agents.file), "--client-timeout", str(TIMEOUT_S)]
    options += ["--kubernetes", api_server.url, "--kubernetes-ca", str(api_server.authority.file)]
    options += ["--kubernetes-token", str(folder / "own"), "--service-account", "observer/agent=write"]
    with running.collector(folder, *options) as started:
        yield started


def post(collector: running.Collector, content: Any, scope: str = "write", **headers: str) -> httpx.Response:
    told = HEADERS | {"Observer-Batch": os.urandom(8).hex()} | headers
    with collector.client(scope) as client:
        return client.post("/api/v1/events", content=content, headers=told)


def test_no_operation_answers_without_authentication_but_health(collector: running.Collector) -> None:
    with collector.client("read") as client:
        paths = client.get("/api/v1/openapi.json").json()["paths"]
    operations = [(method, path) for path, methods in paths.items() for method in methods]
    assert len(operations) > 15
    with collector.client(None) as client:
        for method, path in operations:
            answer = client.request(method, path.replace("{key}", "x").replace("{id}", "x"))
            assert (method, path, answer.status_code) == (method, path, 401)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("write", "GET", "/api/v1/flows"),
        ("write", "GET", "/api/v1/stream"),
        ("read", "POST", "/api/v1/events"),
        ("read", "POST", "/api/v1/silences"),
        ("read", "GET", "/api/v1/dead-letters"),
    ],
)
def test_a_token_may_not_what_is_not_in_its_scope(
    collector: running.Collector, scope: str, method: str, path: str
) -> None:
    with collector.client(scope) as client:
        assert client.request(method, path).status_code == 403


def with_token(collector: running.Collector, token: str, path: str = "/api/v1/flows") -> int:
    with collector.client(None, Authorization=f"Bearer {token}") as client:
        return client.get(path).status_code


def test_unknown_expired_and_revoked_tokens_are_refused_while_the_collector_runs(collector: running.Collector) -> None:
    file = collector.folder / "tokens"
    known = tokens.read(file)
    secret, digest = tokens.created()
    read = frozenset({tokens.Scope.READ})
    assert with_token(collector, secret) == 401
    tokens.write(file, [*known, tokens.Token("new", read, digest)])
    assert with_token(collector, secret) == 200
    tokens.write(file, [*known, tokens.Token("new", read, digest, datetime(2020, 1, 1, tzinfo=UTC))])
    assert with_token(collector, secret) == 401
    tokens.write(file, known)
    assert with_token(collector, secret) == 401


def test_tokens_are_kept_as_hashes_that_only_their_owner_reads(collector: running.Collector) -> None:
    file = collector.folder / "tokens"
    text = file.read_text()
    assert all(token not in text for token in collector.tokens.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def certified(collector: running.Collector, certificate: tuple[Path, Path]) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(collector.authority.file))
    context.load_cert_chain(*certificate)
    return httpx.Client(base_url=collector.url, verify=context, headers=HEADERS, timeout=60)


def test_a_client_certificate_may_deliver_for_its_node_alone_and_read_nothing(
    collector: running.Collector, agents: Authority
) -> None:
    batch = {"content": zstd.compress(lines(flow(1, node="cert1")))}
    with certified(collector, agents.issue("cert1", "system:node:cert1")) as client:
        own = client.post("/api/v1/events", headers={"Observer-Node": "cert1", "Observer-Batch": "c1"}, **batch)
        other = client.post("/api/v1/events", headers={"Observer-Node": "cert2", "Observer-Batch": "c2"}, **batch)
        lying = zstd.compress(lines(flow(1, node="cert2")))
        within = client.post("/api/v1/events", headers={"Observer-Node": "cert1"}, content=lying)
        reading = client.get("/api/v1/flows")
    assert [answer.status_code for answer in (own, other, within, reading)] == [200, 403, 422, 403]


def test_a_certificate_of_another_authority_gets_no_answer(collector: running.Collector, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "agents-ca")
    with (
        certified(collector, stranger.issue("fake", "system:node:cert1")) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.get("/healthz")


def test_a_client_that_does_not_know_the_authority_does_not_connect(collector: running.Collector) -> None:
    with httpx.Client(base_url=collector.url) as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY"):
        client.get("/healthz")


def test_a_service_account_token_is_checked_by_the_api_server_and_bound_to_its_node(
    collector: running.Collector, api_server: ApiServer
) -> None:
    token = api_server.token("pod1", "system:serviceaccount:observer:agent", "node1")
    batch = zstd.compress(lines(flow(1, node="node1")))
    with collector.client(None, Authorization=f"Bearer {token}", **HEADERS) as client:
        answers = [
            client.post("/api/v1/events", headers={"Observer-Node": node}, content=batch).status_code
            for node in ("node1", "node1", "node2")
        ]
        assert client.get("/api/v1/flows").status_code == 403
    assert answers == [200, 200, 403]
    assert api_server.asked.count(token) == 1


@pytest.mark.parametrize("account", ["system:serviceaccount:default:agent", "system:admin", "observer:agent"])
def test_other_accounts_may_nothing(collector: running.Collector, api_server: ApiServer, account: str) -> None:
    assert with_token(collector, api_server.token(account.replace(":", "-"), account)) == 401


def test_a_token_for_another_audience_does_not_even_reach_the_api_server(
    collector: running.Collector, api_server: ApiServer
) -> None:
    token = api_server.token("vault", "system:serviceaccount:observer:agent", audience="vault")
    assert with_token(collector, token) == 401
    assert token not in api_server.asked


def test_where_the_api_server_is_down_the_answer_is_later_not_yes_or_no(
    collector: running.Collector, api_server: ApiServer
) -> None:
    token = api_server.token("pod2", "system:serviceaccount:observer:agent")
    api_server.down = True
    try:
        assert with_token(collector, token) == 503
    finally:
        api_server.down = False


def test_a_bomb_is_refused_before_it_unpacks(collector: running.Collector) -> None:
    bomb = zstd.compress(bytes(512 * 1024 * 1024), level=1)
    assert len(bomb) < 200_000
    answer = post(collector, bomb)
    assert (answer.status_code, "when unpacked" in answer.json()["error"]) == (413, True)


def test_a_frame_that_asks_for_a_huge_window_is_refused(collector: running.Collector) -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=options)
    text = lines(flow(1)) * 8000
    huge = compressor.compress(text) + compressor.flush()
    assert post(collector, huge).status_code == 400


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"not zstd", 400),
        (zstd.compress(lines(flow(1)))[:-5], 400),
        (zstd.compress(lines(flow(1))) + b"rest", 400),
        (zstd.compress(b"\n\n"), 400),
        (zstd.compress(b"{" * 100_000), 400),
        (zstd.compress(b'{"schema":"observer/1","kind":"flow","id":"\xff"}'), 400),
        (zstd.compress(b"[]"), 422),
        (zstd.compress(lines(flow(1) | {"schema": "observer/2"})), 422),
        (zstd.compress(lines(flow(1) | {"flow": {"start": "2026-13-01T00:00:00Z", "end": "x"}})), 422),
        (zstd.compress(lines(flow(1) | {"id": "x" * 300})), 422),
        (zstd.compress(lines(flow(1) | {"server": {"address": "a", "port": 70000}})), 422),
    ],
    ids=[
        "empty", "no zstd", "cut off", "with a rest", "no events", "deeply nested", "no utf-8", "no object",
        "another schema", "no month", "long id", "no port",
    ],
)  # fmt: skip
def test_malformed_batches_are_refused_and_hold_up_nothing(
    collector: running.Collector, content: bytes, status: int
) -> None:
    answer = post(collector, content)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert post(collector, zstd.compress(lines(flow(9)))).status_code == 200


def test_an_impossible_day_is_refused_and_not_tried_for_ever(collector: running.Collector) -> None:
    times = {"start": "2026-02-31T00:00:00Z", "end": "2026-02-31T00:00:00Z"}
    assert post(collector, zstd.compress(lines(flow(1, node="feb") | {"flow": times}))).status_code == 422
    assert post(collector, zstd.compress(lines(flow(9)))).status_code == 200


def test_wrong_clocks_fill_no_batch_of_others_with_faults(collector: running.Collector) -> None:
    far = [
        flow(year, node="skew") | {"flow": {"start": f"{year}-01-01T00:00:00Z", "end": f"{year}-01-01T00:00:01Z"}}
        for year in range(1970, 2200)
    ]
    assert post(collector, zstd.compress(lines(*far))).status_code == 200
    with collector.client("read") as client:
        sums = client.get("/api/v1/flows/sums", params={"node": "skew", "by": "node"}).json()["items"]
    assert sums[0]["flows"] == 230


def test_an_oversized_body_is_refused_by_its_declared_and_by_its_real_length(collector: running.Collector) -> None:
    large = bytes(9 * 1024 * 1024)

    def chunks() -> Iterator[bytes]:
        for _ in range(9):
            yield bytes(1024 * 1024)

    for content in (large, chunks()):
        try:
            status = post(collector, content).status_code
        except httpx.WriteError:
            status = 413  # the answer was there and the connection closed before all was sent
        assert status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Observer-Schema": "observer/2"}, 415),
        ({"Observer-Node": "n" * 200}, 400),
    ],
)
def test_what_is_no_batch_is_refused_by_its_headers(
    collector: running.Collector, headers: dict[str, str], status: int
) -> None:
    answer = post(collector, zstd.compress(lines(flow(1))), **headers)
    assert answer.status_code == status
    if "Observer-Schema" in headers:
        assert answer.headers["Observer-Accept"] == "observer/1"


def test_a_replayed_request_changes_nothing(collector: running.Collector) -> None:
    batch = zstd.compress(lines(flow(1, node="replayed"), flow(2, node="replayed")))
    answers = [post(collector, batch, **{"Observer-Batch": "replay"}).json() for _ in range(3)]
    assert [answer["accepted"] for answer in answers] == [2, 0, 0]
    with collector.client("read") as client:
        assert len(client.get("/api/v1/flows?node=replayed").json()["items"]) == 2


def connected(collector: running.Collector) -> ssl.SSLSocket:
    host, port = collector.url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=str(collector.authority.file))
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=30), server_hostname=host)


def ended(connection: ssl.SSLSocket) -> bytes:
    """All that comes until the other side ends the connection; it must."""
    told = b""
    try:
        while part := connection.recv(4096):
            told += part
    except (ConnectionError, ssl.SSLError):
        pass
    return told


@pytest.mark.parametrize(
    "head", [b"", b"GET /api/v1/flows HTTP/1.1\r\nHost: x\r\nX: "], ids=["says nothing", "never ends its head"]
)
def test_who_dawdles_with_a_head_is_dropped(collector: running.Collector, head: bytes) -> None:
    with connected(collector) as connection:
        connection.sendall(head)
        assert ended(connection) == b""


def test_who_dawdles_with_a_body_is_told_and_dropped(collector: running.Collector) -> None:
    fields = HEADERS | {"Authorization": f"Bearer {collector.tokens['write']}", "Content-Length": "1000", "Host": "x"}
    told = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with connected(collector) as connection:
        connection.sendall(f"POST /api/v1/events HTTP/1.1\r\n{told}\r\n12345".encode())
        assert ended(connection).startswith(b"HTTP/1.1 408 ")


def test_many_who_dawdle_keep_nobody_from_an_answer(collector: running.Collector) -> None:
    dawdling = [connected(collector) for _ in range(50)]
    try:
        assert post(collector, zstd.compress(lines(flow(9)))).status_code == 200
    finally:
        for connection in dawdling:
            connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/api/v1/../../etc/passwd",
        "/api/v1/findings/..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/dead-letters/%2e%2e%2ftokens",
        "/static/..%5c..%5ctokens",
    ],
)
def test_no_path_leads_to_a_file(collector: running.Collector, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    request += f"Authorization: Bearer {collector.tokens['admin']}\r\n\r\n"
    with connected(collector) as connection:
        connection.sendall(request.encode())
        told = ended(connection)
    assert told.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in told
    assert b"sha256=" not in told


INJECTIONS = ["' OR 1=1 --", "x') OR 1=1 --", "\\' OR 1=1 --", "{path:String}", "%", "\0", "'; DROP TABLE flows; --"]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("name", ["path", "node", "namespace", "address", "certificate", "text", "id"])
def test_values_never_become_sql(collector: running.Collector, name: str, value: str) -> None:
    assert post(collector, zstd.compress(lines(flow(9)))).status_code == 200
    with collector.client("read") as client:
        answer = client.get("/api/v1/flows", params={name: value})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    "query",
    [
        "by=path)",
        "by=event",
        "limit=0",
        "limit=1;",
        "cursor=' OR 1",
        "cursor=gqFh",
        "since=now()",
        "unknown=1",
        "port=x",
    ],
)
def test_what_is_no_parameter_is_refused(collector: running.Collector, query: str) -> None:
    with collector.client("read") as client:
        assert client.get(f"/api/v1/flows/sums?{query}").status_code == 400


def test_events_that_carry_sql_are_kept_as_they_are(collector: running.Collector) -> None:
    name = "'); DROP TABLE flows; --"
    event = flow(1, node="sql") | {"server": {"address": name, "port": 1, "name": "\\'\n\t\0"}}
    assert post(collector, zstd.compress(lines(event))).status_code == 200
    with collector.client("read") as client:
        assert client.get("/api/v1/flows", params={"address": name}).json()["items"] == [event]
