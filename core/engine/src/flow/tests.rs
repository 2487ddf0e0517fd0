//! Flows as transcripts: segments in, records out.

use super::{FlowRecord, FlowState, Limits, Tracker};
use crate::facts::Protocol;
use crate::packet::{Address, Flags, Segment};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const SECOND: u64 = 1_000_000_000;

const NODE: (u8, u16) = (21, 40_000);
const API: (u8, u16) = (10, 6443);

fn segment(from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32, payload: &[u8]) -> Segment<'_> {
    Segment {
        source: Address::V4([10, 240, 0, from.0]),
        destination: Address::V4([10, 240, 0, to.0]),
        source_port: from.1,
        destination_port: to.1,
        sequence,
        acknowledgment: 0,
        flags: Flags(flags),
        window: 500,
        ip_id: sequence ^ u32::from(flags),
        timestamp: None,
        payload,
        payload_len: payload.len() as u32,
    }
}

/// Feeds segments one second apart and ends the capture.
fn follow(limits: Limits, segments: &[Segment<'_>]) -> (Vec<FlowRecord>, Tracker) {
    let mut tracker = Tracker::new(limits);
    for (number, segment) in segments.iter().enumerate() {
        tracker.segments(&[(number as u64 * SECOND, *segment)]);
    }
    tracker.finish();
    (std::mem::take(&mut tracker.finished), tracker)
}

fn records(segments: &[Segment<'_>]) -> Vec<FlowRecord> {
    follow(Limits::default(), segments).0
}

fn opening() -> Vec<Segment<'static>> {
    vec![segment(NODE, API, SYN, 100, b""), segment(API, NODE, SYN | ACK, 700, b""), segment(NODE, API, ACK, 101, b"")]
}

#[test]
fn the_sender_of_the_syn_is_the_client_and_both_directions_are_one_flow() {
    let flows = records(&opening());
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].client.port, flows[0].server.port, flows[0].packets), (40_000, 6443, [2, 1]));
    assert!(!flows[0].direction_guessed && !flows[0].midstream);
}

#[test]
fn the_receiver_of_a_lone_syn_ack_is_the_client() {
    let flows = records(&[segment((21, 10), (10, 50_000), SYN | ACK, 5, b"")]);
    assert_eq!((flows[0].client.port, flows[0].server.port), (50_000, 10));
}

#[test]
fn without_an_opening_the_known_or_lower_port_listens() {
    let flows = records(&[segment(API, NODE, ACK, 5, b""), segment((1, 30_000), (2, 31_000), ACK, 5, b"")]);
    assert_eq!((flows[0].server.port, flows[1].server.port), (6443, 30_000));
    assert!(flows.iter().all(|flow| flow.direction_guessed && flow.midstream));
}

#[test]
fn content_tells_the_client_where_the_opening_is_missing() {
    let flows = records(&[segment((1, 80), (2, 31_000), ACK, 5, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")]);
    assert_eq!((flows[0].client.port, flows[0].direction_guessed), (80, false));
}

#[test]
fn settings_behind_a_preface_that_is_not_in_the_capture_do_not_make_a_server() {
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let flows = records(&[segment(NODE, API, ACK, 101, settings), segment(API, NODE, ACK, 501, settings)]);
    assert_eq!(flows[0].client.port, NODE.1);
}

#[test]
fn how_a_connection_ended_is_told_by_its_flags() {
    let syn = segment(NODE, API, SYN, 100, b"");
    let state = |more: &[Segment<'static>]| records(&[&[syn], more].concat())[0].state;
    assert_eq!(state(&[]), FlowState::Attempted);
    assert_eq!(state(&[segment(API, NODE, RST | ACK, 0, b"")]), FlowState::Refused);
    assert_eq!(state(&opening()[1..]), FlowState::Open);
    let fins = [segment(NODE, API, FIN | ACK, 101, b""), segment(API, NODE, FIN | ACK, 701, b"")];
    assert_eq!(state(&[&opening()[1..], &fins].concat()), FlowState::Closed);
    assert_eq!(state(&[&opening()[1..], &[segment(NODE, API, RST, 101, b"")]].concat()), FlowState::Reset);
}

#[test]
fn a_new_syn_on_the_same_ports_is_another_flow_and_a_repeated_one_is_not() {
    let again = [segment(NODE, API, SYN, 100, b""), segment(NODE, API, SYN, 90_000, b"")];
    let flows = records(&[opening(), again.to_vec()].concat());
    assert_eq!(flows.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [[3, 1], [1, 0]]);
}

#[test]
fn a_packet_seen_on_a_second_interface_counts_once() {
    let hello = segment(NODE, API, ACK, 101, b"GET / HTTP/1.1\r\n\r\n");
    let mut seen = opening();
    seen.push(hello);
    let twice: Vec<_> = seen.iter().flat_map(|segment| [*segment, *segment]).collect();
    let (flows, tracker) = follow(Limits::default(), &twice);
    assert_eq!((flows[0].packets, flows[0].bytes), ([3, 1], [18, 0]));
    assert_eq!(tracker.counters.duplicate_packets, 4);
}

#[test]
fn a_burst_copied_behind_itself_counts_once_after_the_first_copy() {
    let mut seen = opening();
    seen.insert(1, seen[0]);
    let burst: Vec<_> = (0u32..10).map(|n| segment(NODE, API, ACK, 101 + n, b"x")).collect();
    let flows = records(&[seen, burst.clone(), burst].concat());
    assert_eq!(flows[0].packets, [12, 1]);
}

#[test]
fn a_retransmission_counts_as_a_packet() {
    let first = segment(NODE, API, ACK, 101, b"hello");
    let again = Segment { ip_id: 9999, ..first };
    assert_eq!(records(&[opening(), vec![first, again]].concat())[0].packets, [4, 1]);
}

#[test]
fn a_silent_flow_ends_and_a_later_segment_begins_another() {
    let limits = Limits { idle_timeout_ns: 2 * SECOND, ..Limits::default() };
    let other = |n: u16| segment((1, 1000 + n), (2, 80), SYN, 1, b"");
    let pause: Vec<_> = (0..6).map(other).collect();
    let (flows, _) = follow(limits, &[opening(), pause, vec![segment(NODE, API, ACK, 101, b"")]].concat());
    assert_eq!(flows.iter().filter(|flow| flow.client.port == 40_000).count(), 2);
}

#[test]
fn a_full_table_ends_a_flow_and_counts_it() {
    let limits = Limits { flows: 4, ..Limits::default() };
    let many: Vec<_> = (0..10).map(|n| segment((1, 1000 + n), (2, 80), SYN, 1, b"")).collect();
    let (flows, tracker) = follow(limits, &many);
    assert_eq!((flows.len(), tracker.counters.evicted_flows), (10, 6));
}

#[test]
fn conversations_beyond_the_bound_are_counted_and_not_followed() {
    let limits = Limits { open_exchanges: 1, ..Limits::default() };
    let half = b"GET / HTTP/1.1\r\nHost: a";
    let many: Vec<_> = (0..3).map(|n| segment((1, 41_000 + n), (2, 80), ACK, 1, half)).collect();
    let (flows, tracker) = follow(limits, &many);
    assert_eq!((flows.len(), tracker.counters.unfollowed_exchanges), (3, 2));
}

#[test]
fn late_segments_beyond_the_bound_cut_the_conversation_short() {
    let limits = Limits { held_bytes: 100, ..Limits::default() };
    let start = segment(NODE, API, ACK, 101, b"GET / HT");
    let (flows, tracker) =
        follow(limits, &[opening(), vec![start, segment(NODE, API, ACK, 500, &[b'x'; 200])]].concat());
    assert_eq!((flows.len(), tracker.counters.abandoned_exchanges), (1, 1));
}

/// A handshake message in one record.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16;
    let message = [&[kind, 0], &length.to_be_bytes()[..], body].concat();
    [&[0x16, 3, 3], &(length + 4).to_be_bytes()[..], &message].concat()
}

#[test]
fn a_reset_behind_the_senders_own_fin_misses_nothing() {
    let ends = [segment(NODE, API, FIN | ACK, 101, b""), segment(NODE, API, RST, 102, b"")];
    assert_eq!(records(&[opening(), ends.to_vec()].concat())[0].gaps, 0);
}

#[test]
fn a_reset_behind_a_lost_segment_is_no_refusal() {
    let client_hello = record(1, &[&[3, 3], &[7; 32][..], &[0, 0, 2, 0x13, 1, 1, 0]].concat());
    let extensions = [0, 43, 0, 2, 3, 4];
    let mut server_flight = record(2, &[&[3, 3], &[9; 32][..], &[0, 0x13, 1, 0, 0, 6], &extensions].concat());
    for length in [23, 200, 96, 53] {
        server_flight.extend([&[0x17, 3, 3, 0, length], &vec![5; usize::from(length)][..]].concat());
    }
    let data = [&[0x17, 3, 3, 0, 40], &[5; 40][..]].concat();
    let after_loss = 101 + client_hello.len() as u32 + 64;
    let said = [
        segment(NODE, API, ACK, 101, &client_hello),
        segment(API, NODE, ACK, 701, &server_flight),
        segment(NODE, API, ACK, after_loss, &data),
        segment(NODE, API, RST, 9_000, b""),
    ];
    let (flows, tracker) = follow(Limits::default(), &[&opening()[..], &said].concat());
    let facts = serde_json::to_string(tracker.facts.facts(flows[0].facts.shape)).unwrap();
    assert!(facts.contains(r#""version":"1.3""#) && !facts.contains("client-refused"), "{facts}");
}

#[test]
fn a_request_in_reversed_order_is_still_http() {
    let (head, tail) = (segment(NODE, API, ACK, 101, b"GET / HT"), segment(NODE, API, ACK, 109, b"TP/1.1\r\n\r\n"));
    let (flows, tracker) = follow(Limits::default(), &[opening(), vec![tail, head]].concat());
    assert_eq!(tracker.facts.facts(flows[0].facts.shape).protocol, Protocol::Http);
}

#[test]
fn what_no_parser_recognises_is_unknown_and_says_whether_it_reads_as_text() {
    let facts = |payload: &'static [u8]| {
        let (flows, tracker) =
            follow(Limits::default(), &[opening(), vec![segment(NODE, API, ACK, 101, payload)]].concat());
        let facts = tracker.facts.facts(flows[0].facts.shape).clone();
        (facts.protocol, facts.readable)
    };
    assert_eq!(facts(b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"), (Protocol::Unknown, true));
    assert_eq!(facts(&[0x80; 40]), (Protocol::Unknown, false));
}

#[test]
fn a_flow_is_reported_once_when_its_facts_settle_and_again_when_it_ends() {
    let mut tracker = Tracker::reporting_early(Limits::default());
    for (number, segment) in opening().iter().enumerate() {
        tracker.segments(&[(number as u64, *segment)]);
    }
    assert!(tracker.settled.is_empty());
    tracker.segments(&[(5, segment(NODE, API, ACK, 101, &[0xff; 40])), (6, segment(NODE, API, ACK, 141, &[0xff; 40]))]);
    assert_eq!((tracker.settled.len(), tracker.finished.len()), (1, 0));
    tracker.finish();
    let (early, last) = (tracker.settled[0], tracker.finished[0]);
    assert_eq!((early.facts, early.first_ns, early.client), (last.facts, last.first_ns, last.client));
    assert_eq!((early.bytes[0], last.bytes[0], tracker.settled.len()), (40, 80, 1));
}

#[test]
fn time_that_passes_without_segments_ends_silent_flows() {
    let mut tracker = Tracker::new(Limits { idle_timeout_ns: 10 * SECOND, ..Limits::default() });
    tracker.segments(&[(0, opening()[0])]);
    tracker.advance(9 * SECOND);
    assert_eq!(tracker.live(), 1);
    tracker.advance(10 * SECOND);
    assert_eq!((tracker.live(), tracker.finished.len()), (0, 1));
}

#[test]
fn a_conversation_in_the_clear_is_reported_when_it_is_answered_and_goes_on() {
    let mut tracker = Tracker::reporting_early(Limits::default());
    let request: &[u8] = b"GET /pods HTTP/1.1\r\nHost: n\r\n\r\n";
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let mut reported = vec![];
    for round in 0..2 {
        let (asked, answered) = (101 + round * request.len() as u32, 701 + round * answer.len() as u32);
        for segment in opening().into_iter().filter(|_| round == 0) {
            tracker.segments(&[(0, segment)]);
        }
        tracker.segments(&[(1, segment(NODE, API, ACK, asked, request))]);
        reported.push(tracker.settled.len());
        tracker.segments(&[(2, segment(API, NODE, ACK, answered, answer))]);
        reported.push(tracker.settled.len());
    }
    assert_eq!((reported, tracker.finished.len()), (vec![0, 1, 1, 1], 0));
    assert_eq!(tracker.facts.facts(tracker.settled[0].facts.shape).protocol, Protocol::Http);
}
