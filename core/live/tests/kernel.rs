//! The filters on the kernel that runs this test: each is loaded, attached to the loopback interface and shown a
//! small conversation. Without the rights for that, the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test fails loudly.

use engine::flow::Limits;
use engine::judge::{Judge, Judgement, Surroundings};
use live::agent::Agent;
use live::capture::Wish;
use live::interface;
use live::select::Selection;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const RING_BYTES: usize = 4 << 20;

/// Answers nothing and keeps what is written.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Judge for Lines {
    type Error = io::Error;

    fn judge(&mut self, _: &[u8]) -> io::Result<Judgement> {
        let empty = || br#""x":0"#.to_vec();
        Ok(Judgement {
            client: empty(),
            server: empty(),
            before_http: empty(),
            after_http: empty(),
            ..Judgement::default()
        })
    }

    fn write(&mut self, events: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(events);
        Ok(())
    }
}

fn may_capture() -> bool {
    // SAFETY: no pointers are passed; a descriptor that is returned is closed.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
    if socket < 0 {
        eprintln!("skipped: no right to capture (CAP_NET_RAW)");
        return false;
    }
    // SAFETY: `socket` was just opened here.
    unsafe { libc::close(socket) };
    true
}

fn open(port: u16, wish: Wish) -> Agent {
    let interfaces = vec![interface::index("lo").unwrap()];
    let selection = Selection { ports: vec![port], addresses: vec![], interfaces };
    Agent::open(selection, Limits::default(), RING_BYTES, wish).unwrap()
}

/// One request and one answer of these sizes, then the end.
fn converse(listener: TcpListener, request: usize, answer: usize) {
    let to = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.read_exact(&mut vec![0; request]).unwrap();
        peer.write_all(&vec![b'a'; answer]).unwrap();
    });
    let mut client = TcpStream::connect(to).unwrap();
    client.write_all(&vec![b'G'; request]).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    server.join().unwrap();
}

fn events(agent: &mut Agent) -> Vec<serde_json::Value> {
    for _ in 0..6 {
        agent.poll(100).unwrap();
    }
    agent.finish();
    let mut lines = Lines::default();
    agent.judge(&Surroundings { events: true, ..Surroundings::default() }, &mut lines).unwrap();
    lines
        .0
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn counter(agent: &mut Agent, name: &str) -> u64 {
    agent.counters().iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
}

#[test]
fn a_conversation_on_loopback_is_one_flow_counted_whole_and_handed_over_in_part() {
    if !may_capture() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut agent = open(port, Wish::Ebpf);
    converse(listener, 1000, 20_000_000);
    let events = events(&mut agent);
    let last = events.last().unwrap();
    assert_eq!(last["final"], true);
    assert_eq!(last["flow"]["client_bytes"], 1000);
    assert!(last["flow"]["server_bytes"].as_u64().unwrap() >= 20_000_000, "{last}");
    assert_eq!(last["flow"]["state"], "closed");
    assert_eq!(counter(&mut agent, "duplicate_packets"), 0);
    assert_eq!(counter(&mut agent, "ring_dropped"), 0);
    let (passed, counted) = (counter(&mut agent, "kernel_passed"), counter(&mut agent, "kernel_counted_only"));
    assert!(passed < 200 && counted > passed, "passed {passed}, counted {counted}");
}

#[test]
fn ports_of_no_interest_are_not_handed_over() {
    if !may_capture() {
        return;
    }
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let mut agent = open(1, Wish::Ebpf);
    converse(listener, 10, 10);
    assert_eq!(events(&mut agent).len(), 0);
    assert_eq!(counter(&mut agent, "frames"), 0);
    assert!(counter(&mut agent, "kernel_other_traffic") >= 8);
}

#[test]
fn the_classic_filter_sees_the_same_flow_in_both_families() {
    if !may_capture() {
        return;
    }
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut agent = open(port, Wish::Classic);
        converse(listener, 1000, 100_000);
        let events = events(&mut agent);
        assert_eq!(agent.backend().0, "classic");
        assert_eq!(events.last().unwrap()["flow"]["server_bytes"], 100_000);
        assert_eq!(counter(&mut agent, "duplicate_packets"), 0);
    }
}

#[test]
fn ipv6_is_selected_by_ebpf_as_ipv4_is() {
    if !may_capture() {
        return;
    }
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut agent = open(port, Wish::Ebpf);
    converse(listener, 1000, 3000);
    let events = events(&mut agent);
    assert_eq!(events.last().unwrap()["flow"]["server_bytes"], 3000);
    assert_eq!(events.last().unwrap()["network"]["type"], "ipv6");
}
