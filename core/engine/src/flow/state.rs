//! One TCP connection as the table keeps it: counters, progress and how it began and ended.

use super::exchange::Exchange;
use super::key::{End, FlowKey};
use super::stream::distance;
use crate::facts::FactIds;
use crate::packet::Segment;

/// Fingerprints of recent packets kept for a flow that is captured more than once: more than a burst that passes
/// one interface before it shows on the next.
const COPY_WINDOW: usize = 64;

/// How a connection ended, or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowState {
    /// Opened, and nobody answered.
    Attempted,
    /// Opened, and answered by a reset.
    Refused,
    /// Still open at the end of the capture, or silent for too long.
    Open,
    /// Both ends said that they are done.
    Closed,
    /// One end tore it down.
    Reset,
}

impl FlowState {
    /// The word of the event format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Refused => "refused",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Reset => "reset",
        }
    }
}

/// One direction of a flow.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Half {
    /// Payload bytes on the wire, retransmissions included, copies not.
    pub(super) bytes: u64,
    pub(super) packets: u32,
    /// Sequence number after the highest byte seen.
    highest: u32,
    /// Sequence number of the SYN.
    isn: u32,
    last_fingerprint: u32,
}

const STARTED: u8 = 1;
const SYN: u8 = 2;
const FIN: u8 = 4;
const RST: u8 = 8;

/// One connection. Its fields stand in the order of their use: a packet touches the first two cache lines, and only
/// beginning and end touch the third.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Flow {
    pub(super) key: FlowKey,
    pub(super) last_ns: u64,
    pub(super) facts: Option<FactIds>,
    marks: [u8; 2],
    pub(super) client: Option<End>,
    pub(super) closing: bool,
    pub(super) halves: [Half; 2],
    pub(super) exchange: Option<Box<Exchange>>,
    copies: Option<Box<Copies>>,
    pub(super) first_ns: u64,
    pub(super) gaps: u32,
    pub(super) generation: u32,
    /// The sequence numbers of both SYNs `[client, server]`, as the answer to the first tells them.
    pub(super) sequences: Option<[u32; 2]>,
    /// Its facts were told before its end.
    pub(super) told: bool,
}

const _: () = assert!(std::mem::offset_of!(Flow, halves) == 64 && std::mem::offset_of!(Flow, first_ns) == 128);

/// The last packets of a flow that was seen twice.
#[derive(Debug)]
struct Copies {
    recent: [u32; COPY_WINDOW],
    at: usize,
}

impl Flow {
    pub(super) fn new(key: FlowKey, time_ns: u64, generation: u32) -> Self {
        Self {
            key,
            last_ns: time_ns,
            facts: None,
            marks: [0; 2],
            client: None,
            closing: false,
            halves: [Half::default(); 2],
            exchange: None,
            copies: None,
            first_ns: time_ns,
            gaps: 0,
            generation,
            sequences: None,
            told: false,
        }
    }

    /// Reads a bit of each cache line that a packet touches.
    #[inline]
    pub(super) fn touch(&self) -> u64 {
        let [low, _] = self.halves;
        self.last_ns ^ low.bytes
    }

    fn has(&self, end: End, mark: u8) -> bool {
        end.of(&self.marks) & mark != 0
    }

    /// Per end the sequence number of its first payload byte, where its SYN was seen.
    pub(super) fn first_bytes(&self) -> [Option<u32>; 2] {
        [End::Low, End::High].map(|end| self.has(end, SYN).then(|| end.of(&self.halves).isn.wrapping_add(1)))
    }

    /// Whether a segment opens another connection between the same ports: a SYN that is not this one's.
    #[inline]
    pub(super) fn is_reopened_by(&self, end: End, segment: &Segment<'_>) -> bool {
        if !segment.flags.syn() || segment.flags.ack() {
            return false;
        }
        !self.has(end, SYN) || end.of(&self.halves).isn != segment.sequence
    }

    /// Counts a segment; false for another copy of a packet that was already counted.
    #[inline]
    pub(super) fn count(&mut self, end: End, time_ns: u64, segment: &Segment<'_>) -> bool {
        let fingerprint = fingerprint(segment);
        if self.is_copy(end, segment, fingerprint) {
            return false;
        }
        self.last_ns = self.last_ns.max(time_ns);
        self.mark(end, segment);
        let started = self.has(end, STARTED);
        *end.of_mut(&mut self.marks) |= STARTED;
        let half = end.of_mut(&mut self.halves);
        half.last_fingerprint = fingerprint;
        half.packets = half.packets.saturating_add(1);
        half.bytes += u64::from(segment.payload_len);
        let after = segment.sequence.wrapping_add(segment.payload_len);
        if !started || distance(after, half.highest) > 0 {
            half.highest = after;
        }
        true
    }

    #[inline]
    fn is_copy(&mut self, end: End, segment: &Segment<'_>, fingerprint: u32) -> bool {
        let half = end.of(&self.halves);
        let after = segment.sequence.wrapping_add(segment.payload_len);
        let brings_nothing = self.has(end, STARTED) && distance(after, half.highest) <= 0;
        if let Some(copies) = &mut self.copies {
            let known = brings_nothing && copies.recent.contains(&fingerprint);
            if !known {
                copies.remember(fingerprint);
            }
            return known;
        }
        let known = brings_nothing && half.packets > 0 && half.last_fingerprint == fingerprint;
        if known {
            let mut copies = Box::new(Copies { recent: [0; COPY_WINDOW], at: 0 });
            copies.remember(fingerprint);
            self.copies = Some(copies);
        }
        known
    }

    fn mark(&mut self, end: End, segment: &Segment<'_>) {
        let flags = segment.flags;
        if flags.syn() {
            end.of_mut(&mut self.halves).isn = segment.sequence;
            self.client = self.client.or(Some(if flags.ack() { end.other() } else { end }));
            if flags.ack() {
                self.sequences = Some([segment.acknowledgment.wrapping_sub(1), segment.sequence]);
            }
        }
        let told = [(flags.syn(), SYN), (flags.fin(), FIN), (flags.rst(), RST)];
        *end.of_mut(&mut self.marks) |= told.iter().fold(0, |all, (is_so, mark)| all | if *is_so { *mark } else { 0 });
    }

    /// Whether both ends are done.
    pub(super) fn is_over(&self) -> bool {
        let [low, high] = self.marks;
        (low | high) & RST != 0 || low & high & FIN != 0
    }

    /// Whether neither end's SYN is in the capture.
    pub(super) fn is_midstream(&self) -> bool {
        let [low, high] = self.marks;
        (low | high) & SYN == 0
    }

    /// How the connection stands.
    pub(super) fn state(&self, client: End) -> FlowState {
        let (client_half, server_half) = (client.of(&self.halves), client.other().of(&self.halves));
        let (opened, answered) = (self.has(client, SYN), self.has(client.other(), SYN));
        let [low, high] = self.marks;
        if (low | high) & RST != 0 {
            let unopened = opened && !answered && server_half.bytes + client_half.bytes == 0;
            return if unopened { FlowState::Refused } else { FlowState::Reset };
        }
        if low & high & FIN != 0 {
            return FlowState::Closed;
        }
        if opened && server_half.packets == 0 && client_half.bytes == 0 {
            FlowState::Attempted
        } else {
            FlowState::Open
        }
    }
}

impl Copies {
    fn remember(&mut self, fingerprint: u32) {
        if let Some(slot) = self.recent.get_mut(self.at) {
            *slot = fingerprint;
        }
        self.at = (self.at + 1) % COPY_WINDOW;
    }
}

/// What two copies of one packet share and a retransmission does not: the IP identification and the time stamp.
/// A mix, not a digest: it only has to tell neighbours apart.
#[inline]
fn fingerprint(segment: &Segment<'_>) -> u32 {
    let flags = u32::from(segment.flags.0) << 24 | u32::from(segment.window);
    let mut mix = segment.sequence.wrapping_mul(0x9e37_79b1) ^ segment.acknowledgment.rotate_left(16);
    mix = (mix ^ segment.ip_id.rotate_left(8) ^ segment.timestamp.unwrap_or(0)).wrapping_mul(0x85eb_ca6b);
    mix ^ flags ^ segment.payload_len.rotate_left(12)
}
