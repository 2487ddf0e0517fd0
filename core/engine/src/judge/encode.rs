//! Writes one flow event: the flow's own numbers between the fragments that its shape shares with others.

use super::{Circumstances, Judgement, Process};
use crate::flow::{Endpoint, FlowRecord};
use crate::packet::Address;
use base64::Engine as _;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::io::Write as _;

/// Hexadecimal digits of an event's id: 96 bits, so that a billion flows do not collide.
const ID_DIGITS: usize = 24;
/// RFC 9293's protocol number, part of the community id.
const TCP: u8 = 6;
/// The community id's default seed.
const SEED: [u8; 2] = [0, 0];

/// Says whose flows these are; part of every id.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The cluster's name.
    pub cluster: String,
    /// The node that captured, empty for files.
    pub node: String,
}

/// Everything of one event that is not the record's own.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose flow it is.
    pub origin: &'a Origin,
    /// Whether the flow has ended.
    pub is_final: bool,
    /// The shape's fragments.
    pub judgement: &'a Judgement,
    /// The client's name members.
    pub client_name: &'a [u8],
    /// The server's name members.
    pub server_name: &'a [u8],
    /// What a live capture knows beside the packets.
    pub circumstances: Option<&'a Circumstances>,
    /// The event's `http` value.
    pub http: &'a [u8],
}

/// Appends the event and a line feed.
pub fn flow_event(record: &FlowRecord, context: &Context<'_>, out: &mut Vec<u8>) {
    let processes = context.circumstances.map(|known| &known.processes);
    let [client, server] = processes.map_or([None; 2], |processes| processes.each_ref().map(Option::as_ref));
    out.extend_from_slice(br#"{"schema":"observer/1","kind":"flow","id":""#);
    id(record, context.origin, out);
    out.extend_from_slice(br#"","time":""#);
    timestamp(record.last_ns, out);
    let so_far: &[u8] = if context.is_final { br#"","final":true"# } else { br#"","final":false"# };
    out.extend_from_slice(so_far);
    out.extend_from_slice(br#","client":{"address":""#);
    endpoint(record.client.address, record.client.port, out);
    members([&context.judgement.client, context.client_name], out);
    process(client, out);
    out.extend_from_slice(br#"},"server":{"address":""#);
    endpoint(record.server.address, record.server.port, out);
    members([&context.judgement.server, context.server_name], out);
    process(server, out);
    network(record, out);
    translated(context.circumstances.and_then(|known| known.translated), out);
    flow(record, out);
    out.extend_from_slice(&context.judgement.before_http);
    out.extend_from_slice(br#","http":"#);
    out.extend_from_slice(context.http);
    out.push(b',');
    out.extend_from_slice(&context.judgement.after_http);
    out.extend_from_slice(b"}\n");
}

fn members(fragments: [&[u8]; 2], out: &mut Vec<u8>) {
    for fragment in fragments {
        out.push(b',');
        out.extend_from_slice(fragment);
    }
}

fn process(process: Option<&Process>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#","process":"#);
    // Writing to a vector cannot fail, and every string is text.
    let _ = serde_json::to_writer(out, &process);
}

fn translated(ends: Option<[Endpoint; 2]>, out: &mut Vec<u8>) {
    let Some([client, server]) = ends else { return out.extend_from_slice(br#"","translated":null"#) };
    out.extend_from_slice(br#"","translated":{"client":{"address":""#);
    endpoint(client.address, client.port, out);
    out.extend_from_slice(br#"},"server":{"address":""#);
    endpoint(server.address, server.port, out);
    out.extend_from_slice(br#"},"community_id":"1:"#);
    community_id([client, server], out);
    out.extend_from_slice(br#""}"#);
}

fn network(record: &FlowRecord, out: &mut Vec<u8>) {
    let family = if matches!(record.client.address, Address::V4(_)) { "ipv4" } else { "ipv6" };
    out.extend_from_slice(br#"},"network":{"transport":"tcp","type":""#);
    out.extend_from_slice(family.as_bytes());
    out.extend_from_slice(br#"","community_id":"1:"#);
    community_id([record.client, record.server], out);
}

fn community_id(ends: [Endpoint; 2], out: &mut Vec<u8>) {
    let digest = community_digest(ends);
    let start = out.len();
    // The base64 of the 20 bytes of a SHA-1 has 28 characters.
    out.resize(start + 28, 0);
    if let Some(place) = out.get_mut(start..) {
        let _ = base64::engine::general_purpose::STANDARD.encode_slice(digest, place);
    }
}

fn flow(record: &FlowRecord, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"},"flow":{"start":""#);
    timestamp(record.first_ns, out);
    out.extend_from_slice(br#"","end":""#);
    timestamp(record.last_ns, out);
    out.extend_from_slice(br#"","state":""#);
    out.extend_from_slice(record.state.as_str().as_bytes());
    out.push(b'"');
    let ([client_packets, server_packets], [client_bytes, server_bytes]) = (record.packets, record.bytes);
    member(br#","client_packets":"#, client_packets, out);
    member(br#","client_bytes":"#, client_bytes, out);
    member(br#","server_packets":"#, server_packets, out);
    member(br#","server_bytes":"#, server_bytes, out);
    let midstream: &[u8] = if record.midstream { br#","midstream":true"# } else { br#","midstream":false"# };
    out.extend_from_slice(midstream);
    member(br#","gaps":"#, u64::from(record.gaps), out);
    out.extend_from_slice(b"},");
}

fn member(name: &[u8], value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn endpoint(address: Address, port: u16, out: &mut Vec<u8>) {
    text_address(address, out);
    member(br#"","port":"#, u64::from(port), out);
}

/// Appends an address in its usual text form.
pub fn text_address(address: Address, out: &mut Vec<u8>) {
    match address {
        Address::V4(octets) => {
            for (position, octet) in octets.into_iter().enumerate() {
                if position > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        Address::V6(octets) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{}", std::net::Ipv6Addr::from(octets));
        }
    }
}

/// Hash of cluster, node, flow key and first time stamp: the same flow has the same id wherever it is computed.
fn id(record: &FlowRecord, origin: &Origin, out: &mut Vec<u8>) {
    let mut hasher = Sha256::new();
    for text in [&origin.cluster, &origin.node] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    for end in [record.client, record.server] {
        hasher.update(octets(&end.address));
        hasher.update(end.port.to_be_bytes());
    }
    hasher.update(record.first_ns.to_be_bytes());
    let digest = hasher.finalize();
    for byte in digest.iter().take(ID_DIGITS / 2) {
        for digit in [byte >> 4, byte & 15] {
            out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
}

/// Community ID flow hash, version 1: SHA-1 over seed, ordered endpoints and protocol.
fn community_digest([client, server]: [Endpoint; 2]) -> [u8; 20] {
    let (first, second) = if client <= server { (client, server) } else { (server, client) };
    let mut hasher = Sha1::new();
    hasher.update(SEED);
    hasher.update(octets(&first.address));
    hasher.update(octets(&second.address));
    hasher.update([TCP, 0]);
    hasher.update(first.port.to_be_bytes());
    hasher.update(second.port.to_be_bytes());
    hasher.finalize().into()
}

fn octets(address: &Address) -> &[u8] {
    match address {
        Address::V4(octets) => octets,
        Address::V6(octets) => octets,
    }
}

/// Appends RFC 3339 with nanoseconds, UTC.
pub fn timestamp(time_ns: u64, out: &mut Vec<u8>) {
    let (seconds, nanoseconds) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    digits(year, 4, out);
    for (mark, value) in
        [(b'-', month), (b'-', day), (b'T', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)]
    {
        out.push(mark);
        digits(value, 2, out);
    }
    out.push(b'.');
    digits(nanoseconds, 9, out);
    out.push(b'Z');
}

fn digits(value: u64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10u64.pow(place) % 10) as u8);
    }
}

/// The proleptic Gregorian date of a day since 1970-01-01, by 400-year eras that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FactIds;
    use crate::flow::{Endpoint, FlowState};

    fn text(time_ns: u64) -> String {
        let mut out = Vec::new();
        timestamp(time_ns, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_are_rfc_3339_with_nanoseconds() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(951_782_400_000_000_001), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(text(1_700_000_000_123_456_789), "2023-11-14T22:13:20.123456789Z");
        assert_eq!(text(4_107_542_399_000_000_000), "2100-02-28T23:59:59.000000000Z");
    }

    #[test]
    fn the_community_id_agrees_with_the_published_example() {
        let record = FlowRecord {
            client: Endpoint { address: Address::V4([128, 232, 110, 120]), port: 34855 },
            server: Endpoint { address: Address::V4([66, 35, 250, 204]), port: 80 },
            first_ns: 0,
            last_ns: 0,
            packets: [0; 2],
            bytes: [0; 2],
            state: FlowState::Open,
            midstream: false,
            direction_guessed: false,
            sequences: None,
            gaps: 0,
            facts: FactIds { shape: 0, detail: 0 },
        };
        let mut out = Vec::new();
        network(&record, &mut out);
        assert!(String::from_utf8(out).unwrap().ends_with("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
        let ends = [record.client, record.server];
        assert_eq!(community_digest(ends), community_digest([record.server, record.client]));
    }
}
