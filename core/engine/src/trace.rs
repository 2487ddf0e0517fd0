//! Finds the packets of one flow in a capture, with their numbers and what each one told.

use crate::capture::{CaptureError, CaptureFile, Input};
use crate::facts::Facts;
use crate::flow::{Endpoint, FlowKey, Trace};
use crate::packet::{Decoded, Segment, decode};
use serde::Serialize;

/// Packets that are listed; a handshake is over long before. Those that open and end the flow are listed beyond it.
const MAX_LISTED: usize = 4096;

/// The flow that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Who called.
    pub client: Endpoint,
    /// Who was called.
    pub server: Endpoint,
    /// Time of its first packet, ns since 1970: the same ports may be used again.
    pub first_ns: u64,
    /// Time of its last packet.
    pub last_ns: u64,
}

/// One packet of the flow.
#[derive(Debug, Serialize)]
pub struct TracedFrame {
    /// Its place in the capture, counted from 1 as other programs do.
    pub number: u64,
    /// When it was captured, ns since 1970.
    pub time_ns: u64,
    /// The client sent it.
    pub from_client: bool,
    /// TCP flags, as in the header.
    pub flags: u8,
    /// Payload bytes on the wire.
    pub payload: u32,
    /// The same packet was captured before.
    pub copy: bool,
    /// What is known of the conversation with it, where that is more than before.
    pub learnt: Option<Facts>,
}

/// The packets that tell something, in their order: those of the handshake, of the opening and the end, and the last.
/// Reads the capture to the flow's end.
pub fn trace(input: Input, wanted: Wanted) -> Result<Vec<TracedFrame>, CaptureError> {
    let mut file = CaptureFile::open(input)?;
    let mut tracing = Tracing::new(wanted);
    let mut number = 0;
    while let Some(frame) = file.next()? {
        number += 1;
        if (wanted.first_ns..=wanted.last_ns).contains(&frame.time_ns)
            && let Decoded::Tcp(segment) = decode(frame.link, frame.bytes)
        {
            tracing.segment(number, frame.time_ns, &segment);
        }
    }
    Ok(tracing.end())
}

struct Tracing {
    wanted: Wanted,
    key: FlowKey,
    trace: Trace,
    frames: Vec<TracedFrame>,
    last: Option<TracedFrame>,
}

impl Tracing {
    fn new(wanted: Wanted) -> Self {
        let (client, server) = (wanted.client, wanted.server);
        let key = FlowKey { ends: if client <= server { [client, server] } else { [server, client] } };
        Self { wanted, key, trace: Trace::new(key, wanted.first_ns), frames: Vec::new(), last: None }
    }

    fn segment(&mut self, number: u64, time_ns: u64, segment: &Segment<'_>) {
        if FlowKey::of(segment).0 != self.key {
            return;
        }
        let open = !self.trace.settled() && self.frames.len() < MAX_LISTED;
        let (original, learnt) = self.trace.segment(time_ns, segment);
        let source = Endpoint { address: segment.source, port: segment.source_port };
        let frame = TracedFrame {
            number,
            time_ns,
            from_client: source == self.wanted.client,
            flags: segment.flags.0,
            payload: segment.payload_len,
            copy: !original,
            learnt,
        };
        let flags = segment.flags;
        let marks = flags.syn() || flags.fin() || flags.rst();
        if open || marks && self.frames.len() < 2 * MAX_LISTED {
            self.frames.push(frame);
            self.last = None;
        } else {
            self.last = Some(frame);
        }
    }

    fn end(mut self) -> Vec<TracedFrame> {
        self.frames.extend(self.last.take());
        if let (Some(facts), Some(last)) = (self.trace.finish(), self.frames.last_mut()) {
            last.learnt = Some(facts);
        }
        self.frames
    }
}
