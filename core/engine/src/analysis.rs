//! The whole way of a capture: frames in, records kept, then surveyed and judged.

use crate::capture::{BATCH_FRAMES, CaptureError, CaptureFile, Cut, Input, LinkType};
use crate::facts::FactTable;
use crate::flow::Endpoint;
use crate::flow::{Limits, Tracker};
use crate::journal::Journal;
use crate::judge::{Judge, Known, Memory, Surroundings, Totals, judge};
use crate::packet::{Decoded, Skipped, decode};
use crate::survey::survey;
use crate::tls::Secrets;
use std::io;

/// Frames between two reports of progress.
const PROGRESS_FRAMES: u64 = 65_536;

/// Why reading a capture stopped.
#[derive(Debug)]
pub enum ReadError {
    /// The capture cannot be read.
    Capture(CaptureError),
    /// The journal's temporary file cannot be written.
    Journal(io::Error),
    /// The caller asked to stop.
    Stopped,
}

/// What was counted before flows.
#[derive(Debug, Default, Clone, Copy)]
pub struct PacketCounters {
    /// Frames of all captures.
    pub frames: u64,
    /// TCP segments among them.
    pub segments: u64,
    /// Frames of another network protocol.
    pub not_ip: u64,
    /// IP packets of another transport.
    pub not_tcp: u64,
    /// Later fragments of IP packets.
    pub fragments: u64,
    /// Frames cut before their headers end.
    pub truncated: u64,
    /// Frames of a link type that is not read.
    pub unknown_link: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
}

/// One analysis over one or more captures.
#[derive(Debug)]
pub struct Analysis {
    tracker: Tracker,
    journal: Journal,
    packets: PacketCounters,
    known: Memory,
    /// Of the last frame that was not read for its link type.
    unread_link: LinkType,
}

impl Analysis {
    /// Nothing read yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            tracker: Tracker::new(limits),
            journal: Journal::default(),
            packets: PacketCounters::default(),
            known: Memory::default(),
            unread_link: LinkType(0),
        }
    }

    /// Reads one capture to its end; `progress` gets bytes read and size, and may stop the reading with `false`.
    pub fn read(
        &mut self,
        input: Input,
        progress: &mut dyn FnMut(u64, Option<u64>) -> bool,
    ) -> Result<Option<Cut>, ReadError> {
        self.read_capture(CaptureFile::open(input).map_err(ReadError::Capture)?, progress)
    }

    /// The same for a capture that is open.
    pub fn read_capture(
        &mut self,
        mut file: CaptureFile,
        progress: &mut dyn FnMut(u64, Option<u64>) -> bool,
    ) -> Result<Option<Cut>, ReadError> {
        let before = self.packets;
        let mut until_progress = PROGRESS_FRAMES;
        while let Some(frames) = self.batch(&mut file)? {
            self.drain()?;
            until_progress = until_progress.saturating_sub(frames);
            if until_progress == 0 {
                until_progress = PROGRESS_FRAMES;
                let (read, size) = file.progress();
                if !progress(read, size) {
                    return Err(ReadError::Stopped);
                }
            }
        }
        let frames = self.packets.frames - before.frames;
        if frames > 0 && self.packets.unknown_link - before.unknown_link == frames {
            return Err(ReadError::Capture(CaptureError::LinkType(self.unread_link)));
        }
        Ok(file.cut())
    }

    /// Takes in the text of a TLS key log and says how many secrets it held. Conversations that began before the first
    /// secrets came, or agreed on their keys before theirs did, do not use them.
    pub fn add_secrets(&mut self, text: &[u8]) -> u64 {
        self.tracker.shared.secrets.get_or_insert_default().add(text)
    }

    /// Takes in the next frames of a file and says how many they were; `None` at its end.
    fn batch(&mut self, file: &mut CaptureFile) -> Result<Option<u64>, ReadError> {
        let mut segments = Vec::with_capacity(BATCH_FRAMES);
        let mut frames = 0;
        file.fill_batch().map_err(ReadError::Capture)?;
        for secrets in file.secrets() {
            self.add_secrets(&secrets);
        }
        for frame in file.batch() {
            frames += 1;
            match decode(frame.link, frame.bytes) {
                Decoded::Tcp(segment) => segments.push((frame.time_ns, segment)),
                Decoded::Skipped(reason) => {
                    self.packets.skipped(reason);
                    if reason == Skipped::UnknownLink {
                        self.unread_link = frame.link;
                    }
                }
            }
        }
        self.packets.frames += frames;
        self.packets.segments += segments.len() as u64;
        self.tracker.segments(&segments);
        Ok((frames > 0).then_some(frames))
    }

    /// Ends all flows: no more captures come.
    pub fn finish(&mut self) -> Result<(), ReadError> {
        self.tracker.finish();
        self.drain()
    }

    /// Who talks to whom, as JSON.
    pub fn survey(&mut self) -> io::Result<Vec<u8>> {
        survey(&mut self.journal, &self.tracker.facts)
    }

    /// Takes in a chain that an endpoint is known to show, to be given to the handshakes that hide theirs.
    pub fn know(&mut self, server: Endpoint, known: Known) {
        self.known.know(&mut self.tracker.facts, server, known);
    }

    /// Judges every flow.
    pub fn judge<J: Judge>(&mut self, surroundings: &Surroundings, by: &mut J) -> Result<Totals, J::Error> {
        judge(&mut self.journal, &self.tracker.facts, &self.known, surroundings, by)
    }

    /// What was said in the captures.
    pub fn facts(&self) -> &FactTable {
        &self.tracker.facts
    }

    /// Every counter by its name.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let (packets, flows, facts) = (self.packets, self.tracker.counters, &self.tracker.facts);
        let secrets = self.tracker.shared.secrets.as_ref().map(Secrets::counts).unwrap_or_default();
        vec![
            ("frames", packets.frames),
            ("tcp_segments", packets.segments),
            ("skipped_not_ip", packets.not_ip),
            ("skipped_not_tcp", packets.not_tcp),
            ("skipped_fragments", packets.fragments),
            ("skipped_truncated", packets.truncated),
            ("skipped_unknown_link", packets.unknown_link),
            ("skipped_malformed", packets.malformed),
            ("duplicate_packets", flows.duplicate_packets),
            ("flows", self.journal.len()),
            ("evicted_flows", flows.evicted_flows),
            ("unfollowed_conversations", flows.unfollowed_exchanges),
            ("abandoned_conversations", flows.abandoned_exchanges),
            ("facts_without_room", facts.overflowed),
            ("tls_secrets_without_room", secrets.without_room),
            ("tls_key_log_odd_lines", secrets.odd_lines),
            ("tls_keys_that_do_not_fit", facts.misfit_keys),
        ]
    }

    fn drain(&mut self) -> Result<(), ReadError> {
        for record in self.tracker.finished.drain(..) {
            self.journal.push(&record).map_err(ReadError::Journal)?;
        }
        Ok(())
    }
}

impl PacketCounters {
    /// Counts a frame that holds no segment.
    pub fn skipped(&mut self, reason: Skipped) {
        match reason {
            Skipped::NotIp => self.not_ip += 1,
            Skipped::NotTcp => self.not_tcp += 1,
            Skipped::Fragment => self.fragments += 1,
            Skipped::Truncated => self.truncated += 1,
            Skipped::UnknownLink => self.unknown_link += 1,
            Skipped::Malformed => self.malformed += 1,
        }
    }
}
