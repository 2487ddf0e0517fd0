//! Frames of real captures taken apart and put together again: TCP over IPv4 over Ethernet only.

use engine::capture::{CaptureFile, Input};
use std::path::Path;

const ETHERNET: usize = 14;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const TCP: u8 = 6;

/// Pieces of a run that are put into another order: fewer than may wait for an earlier one.
const REORDERED: usize = 60;
/// Payload of a frame put together from several: what a 16-bit length has room for.
const MOST_PAYLOAD: usize = 60_000;

/// One frame and when it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub time_ns: u64,
    pub bytes: Vec<u8>,
}

/// A source of choices, the same for the same seed.
pub struct Choice(pub u64);

impl Choice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// A capture of `pcaps/` as it is stored.
pub fn stored(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps").join(name)).unwrap()
}

/// The TCP frames of a capture of `pcaps/`.
pub fn frames(name: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps").join(name);
    let mut file = CaptureFile::open(Input::Path(path)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = file.next().unwrap() {
        let frame = Frame { time_ns: frame.time_ns, bytes: frame.bytes.to_vec() };
        frames.extend((frame.bytes[12..14] == [8, 0] && frame.bytes[ETHERNET + 9] == TCP).then_some(frame));
    }
    frames
}

impl Frame {
    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn set_u16(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    fn tcp(&self) -> usize {
        ETHERNET + usize::from(self.bytes[ETHERNET] & 15) * 4
    }

    fn flags(&self) -> u8 {
        self.bytes[self.tcp() + 13]
    }

    fn sequence(&self) -> u32 {
        let at = self.tcp() + 4;
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn payload_at(&self) -> usize {
        let tcp = self.tcp();
        tcp + usize::from(self.bytes[tcp + 12] >> 4) * 4
    }

    fn payload(&self) -> &[u8] {
        let end = ETHERNET + usize::from(self.u16(ETHERNET + 2));
        &self.bytes[self.payload_at()..end]
    }

    /// Both addresses and both ports: which way of which connection.
    fn way(&self) -> (&[u8], &[u8]) {
        (&self.bytes[ETHERNET + 12..ETHERNET + 20], &self.bytes[self.tcp()..self.tcp() + 4])
    }

    fn carries_data(&self) -> bool {
        !self.payload().is_empty() && self.flags() & (SYN | RST) == 0
    }

    /// The same frame with another part of the stream.
    fn with_payload(&self, sequence: u32, payload: &[u8], last: bool) -> Self {
        let mut frame = Self { time_ns: self.time_ns, bytes: self.bytes[..self.payload_at()].to_vec() };
        frame.bytes.extend(payload);
        let length = (frame.bytes.len() - ETHERNET) as u16;
        frame.set_u16(ETHERNET + 2, length);
        let tcp = frame.tcp();
        frame.bytes[tcp + 4..tcp + 8].copy_from_slice(&sequence.to_be_bytes());
        if !last {
            frame.bytes[tcp + 13] &= !FIN;
        }
        frame
    }

    /// The frame as another interface shows it: with a VLAN tag.
    pub fn tagged(&self) -> Self {
        let bytes = [&self.bytes[..12], &[0x81, 0, 0, 5], &self.bytes[12..]].concat();
        Self { time_ns: self.time_ns, bytes }
    }

    /// The frame of another connection between the same hosts: the ephemeral port differs.
    pub fn of_copy(&self, copy: u16) -> Self {
        let mut frame = self.clone();
        for at in [frame.tcp(), frame.tcp() + 2] {
            let port = frame.u16(at);
            if port >= 32_768 {
                frame.set_u16(at, port ^ copy << 8);
            }
        }
        frame
    }
}

/// The same bytes of each stream in other segments: neighbours joined, then all cut anew.
pub fn resegmented(frames: &[Frame], choice: &mut Choice) -> Vec<Frame> {
    let mut joined: Vec<Frame> = Vec::new();
    for frame in frames {
        match joined.last_mut() {
            Some(before) if follows(frame, before) && choice.below(2) == 0 => {
                let payload = [before.payload(), frame.payload()].concat();
                *before = frame.with_payload(before.sequence(), &payload, true);
            }
            _ => joined.push(frame.clone()),
        }
    }
    joined.iter().flat_map(|frame| cut(frame, choice)).collect()
}

fn follows(frame: &Frame, before: &Frame) -> bool {
    frame.way() == before.way()
        && frame.carries_data()
        && before.carries_data()
        && before.flags() & FIN == 0
        && before.sequence().wrapping_add(before.payload().len() as u32) == frame.sequence()
        && before.payload().len() + frame.payload().len() <= MOST_PAYLOAD
}

fn cut(frame: &Frame, choice: &mut Choice) -> Vec<Frame> {
    if !frame.carries_data() {
        return vec![frame.clone()];
    }
    let payload = frame.payload();
    let mut at = vec![0, payload.len()];
    at.extend((0..choice.below(6)).map(|_| choice.below(payload.len())));
    at.sort_unstable();
    at.dedup();
    at.windows(2)
        .map(|ends| {
            let sequence = frame.sequence().wrapping_add(ends[0] as u32);
            frame.with_payload(sequence, &payload[ends[0]..ends[1]], ends[1] == payload.len())
        })
        .collect()
}

/// Segments of one way that follow each other, in any order; times stay where they were.
pub fn reordered(frames: &[Frame], choice: &mut Choice) -> Vec<Frame> {
    let runs = frames.chunk_by(|a, b| a.way() == b.way() && a.carries_data() && b.carries_data());
    let mut reordered = Vec::new();
    for part in runs.flat_map(|run| run.chunks(REORDERED)) {
        let mut shuffled = part.to_vec();
        choice.shuffle(&mut shuffled);
        let times = part.iter().map(|frame| frame.time_ns);
        reordered.extend(shuffled.into_iter().zip(times).map(|(frame, time_ns)| Frame { time_ns, ..frame }));
    }
    reordered
}

/// Each run of one way once more behind it, as the next interface on its way shows it.
pub fn seen_twice(frames: &[Frame]) -> Vec<Frame> {
    let runs = frames.chunk_by(|a, b| a.way() == b.way() && (a.flags() | b.flags()) & (SYN | RST) == 0);
    runs.flat_map(|run| run.iter().cloned().chain(run.iter().map(Frame::tagged))).collect()
}

/// Some segments sent again, whole, right behind the first time and with the mark of another packet.
pub fn retransmitted(frames: &[Frame], choice: &mut Choice) -> Vec<Frame> {
    let mut all = Vec::new();
    for frame in frames {
        all.push(frame.clone());
        if frame.carries_data() && choice.below(3) == 0 {
            let mut again = frame.clone();
            again.set_u16(ETHERNET + 4, frame.u16(ETHERNET + 4) ^ 0x5555);
            all.push(again);
        }
    }
    all
}

/// Connections whose packets come in any order between them.
pub fn interleaved(mut connections: Vec<Vec<Frame>>, choice: &mut Choice) -> Vec<Frame> {
    for frames in &mut connections {
        frames.reverse();
    }
    let start = connections.iter().flatten().map(|frame| frame.time_ns).min().unwrap_or_default();
    let mut mixed = Vec::new();
    while !connections.is_empty() {
        let chosen = choice.below(connections.len());
        match connections[chosen].pop() {
            Some(frame) => mixed.push(Frame { time_ns: start + mixed.len() as u64 * 1000, ..frame }),
            None => drop(connections.swap_remove(chosen)),
        }
    }
    mixed
}

/// The frames as a classic capture with nanoseconds.
pub fn pcap(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1]);
    for Frame { time_ns, bytes: frame } in frames {
        let (seconds, rest) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
        bytes.extend(words(&[seconds as u32, rest as u32, frame.len() as u32, frame.len() as u32]));
        bytes.extend(frame);
    }
    bytes
}

/// The frames as a pcapng capture with nanoseconds; the second is the length of what precedes the first packet.
pub fn pcapng(frames: &[Frame]) -> (Vec<u8>, usize) {
    let mut bytes = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    bytes.extend(block(1, &words(&[1, 0, 0x0001_0009, 9, 0])));
    let before = bytes.len();
    for Frame { time_ns, bytes: frame } in frames {
        let length = frame.len() as u32;
        let mut body = words(&[0, (time_ns >> 32) as u32, *time_ns as u32, length, length]);
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        bytes.extend(block(6, &body));
    }
    (bytes, before)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32 + 12;
    [&words(&[kind, length])[..], body, &words(&[length])].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
