use super::*;
use crate::side::Side::{self, Client, Server};
use proptest::prelude::*;

type Transcript = Vec<(Side, Vec<u8>)>;

fn conversation(steps: &[(Side, &[u8])]) -> HttpConversation {
    let mut conversation = HttpConversation::new();
    for (side, bytes) in steps {
        conversation.push(*side, bytes);
    }
    conversation
}

fn facts(steps: &[(Side, &[u8])]) -> HttpFacts {
    conversation(steps).into_facts()
}

#[test]
fn a_pod_proxy_request_shows_whose_it_is_without_its_token() {
    let facts = facts(&[
        (
            Client,
            b"GET /login?token=abc&x=1 HTTP/1.1\r\nHost: 10.240.0.10:6443\r\nUser-Agent: kubectl/v1.20.2 (linux)\r\n\
              authorization: Bearer my-token\r\nX-Forwarded-Uri: /api/v1/namespaces/default/pods/http:web:80/proxy/login?token=abc\r\n\r\n",
        ),
        (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ]);
    assert_eq!(facts.version, Some(Version::Http11));
    assert_eq!(facts.method.as_deref(), Some("GET"));
    assert_eq!(facts.path.as_deref(), Some("/login?token=REDACTED&x=1"));
    assert_eq!(facts.host.as_deref(), Some("10.240.0.10:6443"));
    assert_eq!(facts.user_agent.as_deref(), Some("kubectl/v1.20.2 (linux)"));
    assert_eq!(facts.agent.as_deref(), Some("kubectl"));
    assert_eq!(facts.status, Some(200));
    assert_eq!(facts.credentials.unwrap().token_hash.as_deref(), Some("fece50d2287f"));
    assert_eq!(facts.forwarded, Forwarded::Pod);
    let uri = "/api/v1/namespaces/default/pods/http:web:80/proxy/login?token=REDACTED";
    assert_eq!(facts.forwarded_uri.as_deref(), Some(uri));
    assert_eq!((facts.requests, facts.request_seen, facts.switched), (1, true, false));
}

#[test]
fn later_requests_add_credentials_and_kinds_but_not_show_only_fields() {
    let facts = facts(&[
        (Client, b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET / x\r\n"),
        (Server, b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"),
        (Client, b"PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\nAuthorization: Basic dTpw\r\n\r\n"),
        (Client, b"4;x=y\r\nab\r\n\r\n0\r\nTrailer: x\r\n\r\n"),
        (Server, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (Client, b"HEAD /c HTTP/1.1\r\nX-Forwarded-Uri: /api/v1/namespaces/d/services/s/proxy/\r\n\r\n"),
        (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"),
        (Client, b"GET /d HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n"),
        (Server, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n"),
    ]);
    assert_eq!((facts.method.as_deref(), facts.path.as_deref(), facts.status), (Some("POST"), Some("/a"), Some(204)));
    assert_eq!(facts.requests, 4);
    assert_eq!(facts.credentials.unwrap().kind, CredentialKind::Bearer);
    assert_eq!(facts.forwarded, Forwarded::Absent);
    assert!(facts.forwarded_kinds.contains(Forwarded::Service) && !facts.forwarded_kinds.contains(Forwarded::Pod));
}

#[test]
fn an_answered_upgrade_settles() {
    let conversation = conversation(&[
        (
            Client,
            b"GET /exec HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: \
              base64url.bearer.authorization.k8s.io.bXktdG9rZW4, v5.channel.k8s.io\r\n\r\n",
        ),
        (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-Websocket-Protocol: v4.channel.k8s.io\r\n\r\n\x82"),
    ]);
    assert!(conversation.settled());
    let facts = conversation.into_facts();
    assert_eq!((facts.upgrade.as_deref(), facts.switched, facts.status), (Some("websocket"), true, Some(101)));
    assert_eq!(facts.websocket_protocol.as_deref(), Some("v4.channel.k8s.io"));
    assert_eq!(facts.credentials.unwrap().token_hash.as_deref(), Some("fece50d2287f"));
}

#[test]
fn a_refused_upgrade_does_not_switch() {
    let facts = facts(&[
        (Client, b"POST /exec HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n\r\n"),
        (Server, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    ]);
    assert_eq!((facts.upgrade.as_deref(), facts.switched, facts.status), (Some("spdy/3.1"), false, Some(403)));
}

#[test]
fn a_connect_settles_when_it_is_granted() {
    let conversation = conversation(&[
        (Client, b"CONNECT 10.240.0.21:10250 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (Server, b"HTTP/1.1 200 OK\r\n\r\n"),
    ]);
    assert!(conversation.settled());
    let facts = conversation.into_facts();
    assert_eq!((facts.connect_target.as_deref(), facts.path), (Some("10.240.0.21:10250"), None));
}

#[test]
fn a_whole_uri_gives_host_and_path_without_the_user() {
    let facts = facts(&[(Client, b"GET http://u:p@web.default:80/x?key=1 HTTP/1.0\r\nHost: other\r\n\r\n")]);
    assert_eq!((facts.host.as_deref(), facts.path.as_deref()), (Some("web.default:80"), Some("/x?key=REDACTED")));
    assert_eq!(facts.version, Some(Version::Http10));
}

#[test]
fn a_response_first_is_a_connection_seen_from_its_middle() {
    let facts = facts(&[
        (Server, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
        (Client, b"\"}GET /b HTTP/1.1\r\n\r\n"),
        (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ]);
    assert_eq!((facts.path.as_deref(), facts.status), (Some("/b"), Some(200)));
}

#[test]
fn a_head_cut_by_the_snap_length_keeps_its_first_lines() {
    let mut conversation = HttpConversation::new();
    conversation.push(Client, b"GET /a HTTP/1.1\r\nHost: web\r\nAuthorization: Bearer my-to");
    conversation.skip(Client, 300);
    conversation.push(Server, b"HTTP/1.1 200 OK\r\n");
    let facts = conversation.facts();
    assert_eq!((facts.host.as_deref(), facts.status, facts.forwarded), (Some("web"), Some(200), Forwarded::Unknown));
    assert_eq!(facts.credentials, Some(Credentials { kind: CredentialKind::Bearer, token_hash: None }));
    conversation.push(Client, b"ken\r\nX-Forwarded-Uri: /\r\n\r\nbodyDELETE /b HTTP/1.1\r\n\r\n");
    let facts = conversation.facts();
    assert_eq!((facts.requests, facts.path.as_deref(), facts.forwarded), (2, Some("/a"), Forwarded::Absent));
}

#[test]
fn bytes_missing_in_a_body_do_not_lose_the_next_head() {
    let mut conversation = HttpConversation::new();
    conversation.push(Client, b"POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc");
    conversation.skip(Client, 997);
    conversation.push(Client, b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123");
    conversation.skip(Client, 14);
    conversation.push(Client, b"0\r\n\r\nGET /c HTTP/1.1\r\n");
    assert_eq!(conversation.facts().requests, 3);
}

#[test]
fn the_requests_read_are_bounded() {
    let mut conversation = HttpConversation::new();
    for _ in 0..REQUESTS_LIMIT {
        assert!(!conversation.settled());
        conversation.push(Client, b"GET / HTTP/1.1\r\n\r\n");
        conversation.push(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    assert!(conversation.settled());
}

#[test]
fn an_endless_line_is_given_up_in_bounded_memory() {
    let mut conversation = HttpConversation::new();
    conversation.push(Client, b"GET / HTTP/1.1\r\nX: ");
    for _ in 0..2000 {
        conversation.push(Client, &[b'a'; 1000]);
        conversation.push(Server, &[b'a'; 1000]);
    }
    assert!(conversation.settled());
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal that is added to the table.
fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0x40, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

fn agent_request() -> Vec<u8> {
    let block = [
        &[0x83, 0x86][..], // POST, http
        &literal(":path", "/AgentService/Connect"),
        &literal(":authority", "konnectivity:8132"),
        &literal("content-type", "application/grpc"),
        &literal("user-agent", "grpc-go/1.50.1"),
        &literal("agentid", "a1"),
        &literal("authorization", "Bearer my-token"),
    ]
    .concat();
    let (first, rest) = block.split_at(20);
    let padded = [&[3][..], &[0, 0, 0, 0, 9], first, &[0; 3]].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]),
        frame(1, 0x28, 1, &padded),
        frame(9, 0, 1, &rest[..30]),
        frame(9, 4, 1, &rest[30..]),
        frame(0, 0, 1, &[0; 3000]),
        frame(1, 5, 1, &literal("grpc-status", "0")),
        frame(1, 4, 3, &[0x82, 0x86, 0x84, 0xbf]), // GET / with the authorization of before
    ]
    .concat()
}

fn agent_answer() -> Vec<u8> {
    let settings = frame(4, 0, 0, &[0, 5, 0, 0, 0x40, 0]);
    let answers = [frame(1, 4, 3, &literal(":status", "503")), frame(1, 4, 1, &[0x88])];
    [settings, frame(4, 1, 0, &[]), answers.concat()].concat()
}

#[test]
fn a_konnectivity_agent_is_known_by_its_call() {
    let facts = facts(&[(Client, &agent_request()), (Server, &agent_answer())]);
    assert_eq!(facts.version, Some(Version::Http2));
    assert_eq!(facts.method.as_deref(), Some("POST"));
    assert_eq!(facts.path.as_deref(), Some("/AgentService/Connect"));
    assert_eq!(facts.host.as_deref(), Some("konnectivity:8132"));
    assert_eq!(facts.agent.as_deref(), Some("grpc-go"));
    assert_eq!((facts.grpc, facts.agent_id, facts.requests, facts.status), (true, true, 2, Some(200)));
    assert_eq!(facts.credentials.unwrap().token_hash.as_deref(), Some("fece50d2287f"));
    assert_eq!(facts.forwarded, Forwarded::Absent);
}

#[test]
fn http_2_survives_missing_data_but_not_missing_headers() {
    let block = |path| frame(1, 4, 1, &[&[0x82, 0x86][..], &literal(":path", path)].concat());
    let mut conversation = HttpConversation::new();
    conversation.push(Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    conversation.push(Client, &frame(0, 0, 1, &[0; 100])[..50]);
    conversation.skip(Client, 59);
    conversation.push(Client, &block("/a"));
    conversation.push(Client, &block("/b")[..15]);
    conversation.skip(Client, 3);
    conversation.push(Client, &block("/c"));
    let facts = conversation.facts();
    assert_eq!((facts.version, facts.path.as_deref(), facts.requests), (Some(Version::Http2), Some("/a"), 1));
}

#[test]
fn http_2_answered_by_an_error_of_http_1_keeps_both() {
    let facts = facts(&[
        (Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        (Server, b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"),
    ]);
    assert_eq!((facts.version, facts.status, facts.request_seen), (Some(Version::Http2), Some(400), false));
}

#[test]
fn an_upgrade_to_http_2_goes_on_with_frames() {
    let client = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(1, 4, 3, &[0x82, 0x84])].concat();
    let server = [&b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"[..], &agent_answer()].concat();
    let facts = facts(&[
        (Client, b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n"),
        (Server, &server),
        (Client, &client),
    ]);
    assert_eq!((facts.requests, facts.upgrade.as_deref(), facts.switched), (2, Some("h2c"), true));
}

fn transcripts() -> Vec<Transcript> {
    vec![
        vec![(Client, agent_request()), (Server, agent_answer())],
        vec![
            (
                Client,
                b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd\
                  GET /b?token=1 HTTP/1.1\r\nAuthorization: Bearer t\r\nX-Forwarded-Uri: /api/v1/nodes/n/proxy/\r\n\r\n\
                  garbage\r\nof some sort\nPUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n\
                  GET /d HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"
                    .to_vec(),
            ),
            (
                Server,
                [
                    &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n\
                       a\r\n0123456789\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n"[..],
                    &agent_answer(),
                ]
                .concat(),
            ),
            (Client, agent_request()),
        ],
    ]
}

proptest! {
    #[test]
    fn segmentation_does_not_change_the_facts(cuts in prop::collection::vec(1_usize..40, 1..200)) {
        for transcript in transcripts() {
            let (mut whole, mut pieces) = (HttpConversation::new(), HttpConversation::new());
            let mut sizes = cuts.iter().cycle();
            for (side, bytes) in &transcript {
                whole.push(*side, bytes);
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (head, tail) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                    pieces.push(*side, head);
                    rest = tail;
                }
            }
            prop_assert_eq!(whole.settled(), pieces.settled());
            prop_assert_eq!(whole.into_facts(), pieces.into_facts());
        }
    }

    #[test]
    fn odd_bytes_never_panic_and_settled_means_settled(
        start in 0_usize..2,
        from in 0_usize..400,
        steps in prop::collection::vec((any::<bool>(), 0_u8..10, prop::collection::vec(any::<u8>(), 0..60)), 0..40),
    ) {
        let mut conversation = HttpConversation::new();
        for (side, bytes) in &transcripts()[start] {
            conversation.push(*side, &bytes[..from.min(bytes.len())]);
        }
        for (is_client, action, bytes) in steps {
            let side = if is_client { Client } else { Server };
            let before = conversation.settled().then(|| conversation.facts());
            match action {
                0 => conversation.skip(side, bytes.len() as u32),
                1 => conversation.close(side),
                2 => conversation.push(side, b"\r\nGET /x HTTP/1.1\r\n\r\n"),
                3 => conversation.push(side, b"\r\nHTTP/1.1 200 OK\r\n\r\n"),
                _ => conversation.push(side, &bytes),
            }
            prop_assert!(before.is_none_or(|facts| facts == conversation.facts()));
        }
    }

    #[test]
    fn recognition_of_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = recognises(&bytes);
    }
}
