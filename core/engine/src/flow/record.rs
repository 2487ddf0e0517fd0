//! The summary of one flow: numbers and interned facts, the object every later stage works on.

use super::key::Endpoint;
use super::state::FlowState;
use crate::facts::FactIds;

/// One flow, when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRecord {
    /// The end that opened the connection.
    pub client: Endpoint,
    /// The end that was called.
    pub server: Endpoint,
    /// Time of the first packet, ns since 1970.
    pub first_ns: u64,
    /// Time of the last packet.
    pub last_ns: u64,
    /// Packets `[client, server]` sent; copies count once.
    pub packets: [u64; 2],
    /// TCP payload bytes `[client, server]` sent on the wire, retransmissions included.
    pub bytes: [u64; 2],
    /// How the connection ended.
    pub state: FlowState,
    /// The capture has no SYN of it.
    pub midstream: bool,
    /// Neither opening nor content told who the client is; the ports did.
    pub direction_guessed: bool,
    /// The sequence numbers of both SYNs `[client, server]`, told by the answer to the first, which no translation of addresses changes.
    pub sequences: Option<[u32; 2]>,
    /// How often bytes were missing while the conversation was followed.
    pub gaps: u32,
    /// What was said.
    pub facts: FactIds,
}

impl FlowRecord {
    /// The same flow seen from the other end.
    #[must_use]
    pub fn reversed(self) -> Self {
        let ([client_packets, server_packets], [client_bytes, server_bytes]) = (self.packets, self.bytes);
        Self {
            client: self.server,
            server: self.client,
            packets: [server_packets, client_packets],
            bytes: [server_bytes, client_bytes],
            sequences: self.sequences.map(|[client, server]| [server, client]),
            ..self
        }
    }
}
