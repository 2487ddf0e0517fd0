//! One direction's bytes in order: overlaps trimmed, late segments waited for, losses said aloud. Sequence
//! arithmetic only; what the bytes mean is not its concern.

use std::collections::VecDeque;

/// Pieces that may wait for an earlier one; a longer wait means that the capture lost it.
pub(super) const MAX_PENDING_PIECES: usize = 64;
/// Bytes that may wait in one direction: one receive window of a handshake, with room for offloaded super-segments.
pub(super) const MAX_PENDING_BYTES: usize = 256 * 1024;
/// After this long a gap that the peer has acknowledged is a loss of the capture, not reordering.
pub(super) const GAP_PATIENCE_NS: u64 = 200_000_000;

/// What comes out of a stream, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// So many bytes are not in the capture.
    Missing(u32),
}

/// Reassembles one direction.
#[derive(Debug, Default)]
pub struct Stream {
    next: Option<u32>,
    pending: VecDeque<Piece>,
    pending_bytes: usize,
    waiting_since_ns: u64,
    /// The sender is known to have come so far.
    known_end: Option<u32>,
    /// How often bytes were given up for lost.
    pub gaps: u32,
}

#[derive(Debug)]
struct Piece {
    start: u32,
    /// Bytes on the wire; more than `bytes` where the capture was cut by its snap length.
    length: u32,
    bytes: Vec<u8>,
}

impl Stream {
    /// A stream whose first byte has this sequence number, where it is known.
    pub fn starting_at(next: Option<u32>) -> Self {
        Self { next, ..Self::default() }
    }

    /// Whether segments wait for an earlier one.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Bytes held for an earlier segment.
    pub fn held_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Whether everything before this sequence number was delivered or given up.
    pub fn has_reached(&self, sequence: u32) -> bool {
        self.next.is_none_or(|next| distance(next, sequence) >= 0)
    }

    /// Takes one segment's payload: `bytes` of `length` on the wire, from sequence number `start`.
    pub fn insert(
        &mut self,
        time_ns: u64,
        start: u32,
        bytes: &[u8],
        length: u32,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        let next = *self.next.get_or_insert(start);
        let ahead = distance(start, next);
        if ahead > 0 {
            self.hold(time_ns, start, bytes, length);
        } else {
            self.advance(next, ahead.unsigned_abs(), bytes, length, deliver);
        }
        self.release(deliver);
        while self.pending.len() > MAX_PENDING_PIECES || self.pending_bytes > MAX_PENDING_BYTES {
            self.give_up(deliver);
        }
    }

    /// The peer has acknowledged up to `acknowledgment`: a gap before it that has stood too long is a loss.
    pub fn acknowledged(&mut self, time_ns: u64, acknowledgment: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
        let Some(next) = self.next else { return };
        let patient = time_ns.saturating_sub(self.waiting_since_ns) < GAP_PATIENCE_NS;
        if !patient && distance(acknowledgment, next) > 0 {
            self.give_up(deliver);
        }
    }

    /// The sender says itself that it has sent up to here: its FIN or RST stands there. The first word counts, since a
    /// FIN takes a number that is no byte, and a RST behind it stands one later.
    pub fn ends_at(&mut self, sequence: u32) {
        self.known_end.get_or_insert(sequence);
    }

    /// Nothing more will come: what waits is delivered, with its gaps and what is missing before the known end.
    pub fn flush(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        while self.is_waiting() {
            self.give_up(deliver);
        }
        let missing = self.next.zip(self.known_end).map_or(0, |(next, end)| distance(end, next));
        if missing > 0 {
            self.gaps = self.gaps.saturating_add(1);
            self.next = self.known_end;
            deliver(Delivery::Missing(missing.unsigned_abs()));
        }
    }

    fn advance(&mut self, next: u32, already: u32, bytes: &[u8], length: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
        if already >= length {
            return;
        }
        let new = bytes.get(already as usize..).unwrap_or_default();
        if !new.is_empty() {
            deliver(Delivery::Bytes(new));
        }
        let missing = length - already - new.len() as u32;
        if missing > 0 {
            self.gaps = self.gaps.saturating_add(1);
            deliver(Delivery::Missing(missing));
        }
        self.next = Some(next.wrapping_add(length - already));
    }

    fn hold(&mut self, time_ns: u64, start: u32, bytes: &[u8], length: u32) {
        if self.pending.is_empty() {
            self.waiting_since_ns = time_ns;
        }
        let at = self.pending.partition_point(|piece| distance(piece.start, start) <= 0);
        self.pending_bytes += bytes.len();
        self.pending.insert(at, Piece { start, length, bytes: bytes.to_vec() });
    }

    /// Delivers the pieces that are no longer ahead.
    fn release(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        while let (Some(next), Some(first)) = (self.next, self.pending.front()) {
            let ahead = distance(first.start, next);
            if ahead > 0 {
                return;
            }
            if let Some(piece) = self.pending.pop_front() {
                self.pending_bytes -= piece.bytes.len();
                self.advance(next, ahead.unsigned_abs(), &piece.bytes, piece.length, deliver);
            }
        }
    }

    /// Declares the bytes before the first waiting piece lost.
    fn give_up(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        if let (Some(next), Some(first)) = (self.next, self.pending.front()) {
            let missing = first.start.wrapping_sub(next);
            self.next = Some(first.start);
            self.gaps = self.gaps.saturating_add(1);
            deliver(Delivery::Missing(missing));
        }
        self.release(deliver);
    }
}

/// How far `a` lies after `b` on the circle of sequence numbers (RFC 9293 3.4).
#[inline]
pub(super) fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn collect(into: &mut Vec<u8>) -> impl FnMut(Delivery<'_>) + '_ {
        |delivery| match delivery {
            Delivery::Bytes(bytes) => into.extend_from_slice(bytes),
            Delivery::Missing(count) => into.extend(std::iter::repeat_n(b'?', count as usize)),
        }
    }

    #[test]
    fn a_late_segment_is_waited_for() {
        let mut stream = Stream::starting_at(Some(100));
        let mut out = Vec::new();
        stream.insert(0, 103, b"def", 3, &mut collect(&mut out));
        assert!(stream.is_waiting() && out.is_empty());
        stream.insert(1, 100, b"abc", 3, &mut collect(&mut out));
        assert_eq!(out, b"abcdef");
        assert!(!stream.is_waiting());
    }

    #[test]
    fn an_overlap_keeps_the_bytes_that_came_first() {
        let mut stream = Stream::starting_at(Some(0));
        let mut out = Vec::new();
        stream.insert(0, 0, b"abcd", 4, &mut collect(&mut out));
        stream.insert(0, 2, b"XXef", 4, &mut collect(&mut out));
        assert_eq!(out, b"abcdef");
    }

    #[test]
    fn a_segment_cut_by_the_snap_length_leaves_a_gap_of_known_size() {
        let mut stream = Stream::starting_at(Some(0));
        let mut out = Vec::new();
        stream.insert(0, 0, b"ab", 5, &mut collect(&mut out));
        stream.insert(0, 5, b"f", 1, &mut collect(&mut out));
        assert_eq!(out, b"ab???f");
        assert_eq!(stream.gaps, 1);
    }

    #[test]
    fn an_acknowledged_gap_is_given_up_only_after_patience() {
        let mut stream = Stream::starting_at(Some(0));
        let mut out = Vec::new();
        stream.insert(0, 2, b"cd", 2, &mut collect(&mut out));
        stream.acknowledged(1, 4, &mut collect(&mut out));
        assert!(out.is_empty());
        stream.acknowledged(GAP_PATIENCE_NS, 4, &mut collect(&mut out));
        assert_eq!(out, b"??cd");
    }

    #[test]
    fn what_is_missing_before_the_end_is_said_once() {
        let mut stream = Stream::starting_at(Some(0));
        let mut out = Vec::new();
        stream.insert(0, 0, b"ab", 2, &mut collect(&mut out));
        stream.ends_at(5);
        stream.flush(&mut collect(&mut out));
        stream.flush(&mut collect(&mut out));
        assert_eq!((out.as_slice(), stream.gaps), (b"ab???".as_slice(), 1));
    }

    proptest! {
        #[test]
        fn any_order_duplication_and_segmentation_gives_the_same_bytes(
            data in proptest::collection::vec(any::<u8>(), 1..2000),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
            shuffle in any::<u64>(),
            isn in any::<u32>(),
        ) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len())).collect();
            at.extend([0, data.len()]);
            at.sort_unstable();
            let mut pieces: Vec<(usize, usize)> = at.windows(2).map(|w| (w[0], w[1])).filter(|(a, b)| a < b).collect();
            pieces.extend(pieces.clone().iter().step_by(3));
            let mut state = shuffle | 1;
            for i in (1..pieces.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pieces.swap(i, (state >> 33) as usize % (i + 1));
            }
            let mut stream = Stream::starting_at(Some(isn));
            let mut out = Vec::new();
            for (a, b) in pieces {
                stream.insert(0, isn.wrapping_add(a as u32), &data[a..b], (b - a) as u32, &mut collect(&mut out));
            }
            stream.flush(&mut collect(&mut out));
            prop_assert_eq!(out, data);
        }
    }
}
