//! One direction of HTTP/2: frames, and the header blocks in them; bodies are passed over.

use super::hpack::Decoder;
use super::ledger::Ledger;
use crate::bytes::{Parsed, Reader, Stop};
use crate::side::Side;

/// What a client of HTTP/2 says first (RFC 9113 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags and stream.
pub(super) const FRAME_HEADER_LEN: usize = 9;
/// Largest header block kept; grpc-go and Go's servers accept 16 KiB to 1 MiB, the requests seen take under 2 KiB.
const BLOCK_LIMIT: usize = 64 * 1024;
/// Most settings in one frame that is taken for a server's first words; there are under ten.
const SETTINGS_LIMIT: u32 = 64;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Payload {
        left: usize,
        frame: Frame,
    },
    /// Bytes are missing or wrong: neither frames nor the table of headers can be followed.
    Lost,
}

/// One direction's place in the stream.
pub(super) struct Http2 {
    side: Side,
    stage: Stage,
    /// The frame header or the payload being read.
    pending: Vec<u8>,
    block: Vec<u8>,
    /// The frame whose header block CONTINUATION frames go on with.
    open: Option<Frame>,
    decoder: Decoder,
}

impl Http2 {
    pub(super) fn new(side: Side) -> Self {
        let (pending, block) = (Vec::new(), Vec::new());
        Self { side, stage: Stage::Header, pending, block, open: None, decoder: Decoder::new() }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], ledger: &mut Ledger) {
        while !bytes.is_empty() && !ledger.is_complete() {
            bytes = match self.stage {
                Stage::Header => self.read_header(bytes, ledger),
                Stage::Payload { left, frame } => self.read_payload(bytes, left, frame, ledger),
                Stage::Lost => return,
            };
        }
    }

    pub(super) fn skip(&mut self, missing: u32) {
        match self.stage {
            Stage::Payload { left, frame } if missing as usize <= left && !frame.carries_headers() => {
                let left = left - missing as usize;
                self.stage = if left == 0 { Stage::Header } else { Stage::Payload { left, frame } };
            }
            _ => self.lose(),
        }
    }

    pub(super) fn lose(&mut self) {
        *self = Self { stage: Stage::Lost, ..Self::new(self.side) };
    }

    /// Nothing that this side says can still change the facts.
    pub(super) fn finished(&self) -> bool {
        self.stage == Stage::Lost
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8], ledger: &mut Ledger) -> &'a [u8] {
        let (head, rest) = bytes.split_at(bytes.len().min(FRAME_HEADER_LEN.saturating_sub(self.pending.len())));
        self.pending.extend_from_slice(head);
        if self.pending.len() >= FRAME_HEADER_LEN {
            let header = std::mem::take(&mut self.pending);
            match Frame::read(&header) {
                Ok((left, frame)) if self.expects(frame, left) => self.pass(left, frame, ledger),
                _ => self.lose(),
            }
        }
        rest
    }

    /// RFC 9113 6.10: nothing comes between the frames of one header block.
    fn expects(&self, frame: Frame, length: usize) -> bool {
        let in_order = match self.open {
            Some(open) => frame.kind == CONTINUATION && frame.stream == open.stream,
            None => frame.kind != CONTINUATION,
        };
        in_order && (!frame.carries_headers() || self.block.len() + length <= BLOCK_LIMIT)
    }

    fn read_payload<'a>(&mut self, bytes: &'a [u8], left: usize, frame: Frame, ledger: &mut Ledger) -> &'a [u8] {
        let (payload, rest) = bytes.split_at(bytes.len().min(left));
        if frame.carries_headers() {
            self.pending.extend_from_slice(payload);
        }
        self.pass(left - payload.len(), frame, ledger);
        rest
    }

    /// Goes on in a frame of which `left` bytes are still to come.
    fn pass(&mut self, left: usize, frame: Frame, ledger: &mut Ledger) {
        if left > 0 {
            self.stage = Stage::Payload { left, frame };
            return;
        }
        self.stage = Stage::Header;
        let payload = std::mem::take(&mut self.pending);
        if frame.carries_headers() && self.take_headers(frame, &payload, ledger).is_err() {
            self.lose();
        }
    }

    fn take_headers(&mut self, frame: Frame, payload: &[u8], ledger: &mut Ledger) -> Parsed<()> {
        self.block.extend_from_slice(frame.fragment(payload)?);
        let first = *self.open.get_or_insert(frame);
        if frame.flags & END_HEADERS == 0 {
            return Ok(());
        }
        self.open = None;
        let block = std::mem::take(&mut self.block);
        match self.side {
            _ if first.kind == PUSH_PROMISE => self.decoder.decode(&block, |_, _| ()),
            Side::Client => self.take_request(first.stream, &block, ledger),
            Side::Server => self.take_response(first.stream, &block, ledger),
        }
    }

    /// A block without pseudo-header fields is the trailers of an earlier request.
    fn take_request(&mut self, stream: u32, block: &[u8], ledger: &mut Ledger) -> Parsed<()> {
        let mut begun = false;
        self.decoder.decode(block, |name, value| {
            if name.starts_with(b":") && !std::mem::replace(&mut begun, true) {
                ledger.begin_request(super::facts::Version::Http2);
            }
            match name {
                b":method" => ledger.method(value),
                b":path" => ledger.target(value),
                _ if begun => ledger.request_field(name, value, false),
                _ => {}
            }
        })?;
        ledger.end_stream_request(stream);
        Ok(())
    }

    fn take_response(&mut self, stream: u32, block: &[u8], ledger: &mut Ledger) -> Parsed<()> {
        let mut status = None;
        self.decoder.decode(block, |name, value| {
            if name == b":status" {
                status = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            }
        })?;
        if let Some(status) = status {
            ledger.stream_response(stream, status);
        }
        Ok(())
    }
}

impl Frame {
    /// The payload's length and what it is.
    fn read(header: &[u8]) -> Parsed<(usize, Self)> {
        let mut reader = Reader::new(header);
        let length = reader.u24()? as usize;
        Ok((length, Self { kind: reader.u8()?, flags: reader.u8()?, stream: reader.u32()? & 0x7fff_ffff }))
    }

    fn carries_headers(self) -> bool {
        matches!(self.kind, HEADERS | PUSH_PROMISE | CONTINUATION)
    }

    /// What a payload holds of a header block (RFC 9113 6.2, 6.6).
    fn fragment(self, payload: &[u8]) -> Parsed<&[u8]> {
        let mut reader = Reader::new(payload);
        if self.kind == CONTINUATION {
            return Ok(payload);
        }
        let padding = if self.flags & PADDED == 0 { 0 } else { usize::from(reader.u8()?) };
        let before = match self.kind {
            PUSH_PROMISE => 4,
            _ if self.flags & PRIORITY != 0 => 5,
            _ => 0,
        };
        reader.skip(before)?;
        let length = reader.len().checked_sub(padding).ok_or(Stop::Invalid)?;
        reader.take(length)
    }
}

/// Whether a server's first bytes are the SETTINGS frame with which it opens HTTP/2.
pub(super) fn is_settings(first: &[u8]) -> bool {
    let Ok((length, frame)) = Frame::read(first) else { return false };
    let plausible = length % 6 == 0 && length <= 6 * SETTINGS_LIMIT as usize;
    plausible && frame == Frame { kind: SETTINGS, flags: 0, stream: 0 }
}
