//! The engine on a live capture: packets in, flows reported when their facts are known and again when they end.

use crate::capture::{Capture, Wish};
use crate::load::give_memory_back;
use crate::select::{Selection, Selector};
use crate::shared::{Direction, Tally};
use crate::sockets::Sockets;
use crate::translation::Translations;
use engine::analysis::PacketCounters;
use engine::capture::{BATCH_FRAMES, Frame};
use engine::facts::FactTable;
use engine::flow::{Endpoint, FlowRecord, Limits, Tracker};
use engine::judge::{Circumstances, Judge, Known, Report, Shown, Standing, Surroundings};
use engine::packet::{Address, Decoded, Segment, decode};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Packets may lie in the ring for so long before they are read: time-outs wait for them.
const RING_DELAY: Duration = Duration::from_secs(1);

/// Follows the connections of running interfaces.
pub struct Agent {
    capture: Capture,
    sockets: Result<Sockets, String>,
    translations: Translations,
    selection: Selection,
    tracker: Tracker,
    packets: PacketCounters,
    standing: Standing,
    reports: Vec<Report>,
    renewals: u64,
}

impl Agent {
    /// Begins to capture; the message says what is missing.
    pub fn open(selection: Selection, limits: Limits, ring_bytes: usize, wish: Wish) -> Result<Self, String> {
        // Before the first packet, so that every connection whose opening is seen was watched, too.
        let sockets = match wish {
            Wish::Classic => Err("a classic filter was asked for".to_owned()),
            Wish::Best | Wish::Ebpf => Sockets::open(&selection),
        };
        let capture = Capture::open(&selection, ring_bytes, wish)?;
        give_memory_back();
        Ok(Self {
            capture,
            sockets: sockets
                .map_err(|reason| format!("processes cannot be told (CAP_BPF, CAP_PERFMON, BTF): {reason}")),
            translations: Translations::default(),
            selection,
            tracker: Tracker::reporting_early(limits),
            packets: PacketCounters::default(),
            standing: Standing::default(),
            reports: Vec::new(),
            renewals: 0,
        })
    }

    /// Waits at most so long for packets and takes them in.
    pub fn poll(&mut self, timeout_ms: u32) -> io::Result<()> {
        let Self { capture, selection, tracker, packets, translations, .. } = self;
        let chosen = capture.selector().is_some();
        capture.ring().receive(timeout_ms, |frames| {
            let mut segments = Vec::with_capacity(BATCH_FRAMES);
            for frame in frames {
                packets.frames += 1;
                segments.extend(
                    segment(&frame, packets)
                        .filter(|segment| chosen || wants(selection, &frame, segment))
                        .inspect(|segment| translations.note(segment))
                        .map(|segment| (frame.time_ns, segment)),
                );
                if segments.len() == BATCH_FRAMES {
                    tracker.segments(&segments);
                    segments.clear();
                }
            }
            tracker.segments(&segments);
        })?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.tracker.advance(now.saturating_sub(RING_DELAY).as_nanos() as u64);
        self.drain();
        Ok(())
    }

    /// Changes what is of interest while packets come. Flows that are followed go on.
    pub fn watch(&mut self, ports: &[u16], addresses: &[Address]) -> Result<(), String> {
        self.selection.ports = ports.to_vec();
        self.selection.addresses = addresses.to_vec();
        self.capture.watch(&self.selection)?;
        self.sockets.as_mut().map_or(Ok(()), |sockets| sockets.watch(ports, addresses))
    }

    /// Why processes are not told, where they are not.
    pub fn processes_hindrance(&self) -> Option<&str> {
        self.sockets.as_ref().err().map(String::as_str)
    }

    /// Ends all flows: no more packets are taken in.
    pub fn finish(&mut self) {
        self.tracker.finish();
        self.drain();
    }

    /// How many reports wait to be judged.
    pub fn pending(&self) -> usize {
        self.reports.len()
    }

    /// Judges what was reported since the last time. True where what is no longer needed was forgotten after it: the
    /// numbers of certificate chains are others from then on.
    pub fn judge<J: Judge>(&mut self, surroundings: &Surroundings, by: &mut J) -> Result<bool, J::Error> {
        let reports = std::mem::take(&mut self.reports);
        self.standing.judge(&reports, &self.tracker.facts, surroundings, by)?;
        let renewed = self.standing.renew(&mut self.tracker);
        self.renewals += u64::from(renewed);
        Ok(renewed)
    }

    /// Takes in a chain that an endpoint is known to show, to be given to the handshakes that hide theirs.
    pub fn know(&mut self, server: Endpoint, known: Known) {
        self.standing.memory().know(&mut self.tracker.facts, server, known);
    }

    /// What endpoints showed here so far, as far as it is remembered.
    pub fn shown(&mut self) -> Vec<(Endpoint, Shown)> {
        self.standing.memory().shown().into_iter().map(|(server, shown)| (server, shown.clone())).collect()
    }

    /// The inventory or the rules are others now: all is judged anew.
    pub fn forget_judgements(&mut self) {
        self.standing.forget_judgements();
    }

    /// What was said on the wire.
    pub fn facts(&self) -> &FactTable {
        &self.tracker.facts
    }

    /// The name of the filter in use, and why it is not a better one.
    pub fn backend(&self) -> (&'static str, Option<&str>) {
        (self.capture.backend(), self.capture.hindrance.as_deref())
    }

    /// Every counter by its name.
    pub fn counters(&mut self) -> Vec<(&'static str, u64)> {
        let (ring, packets, flows) = (self.capture.counters(), self.packets, self.tracker.counters);
        let mut counters = self.capture.selector().map_or_else(Vec::new, Selector::fates);
        counters.extend([
            ("ring_received", ring.received),
            ("ring_dropped", ring.dropped),
            ("ring_overruns", ring.overruns),
            ("frames", packets.frames),
            ("tcp_segments", packets.segments),
            ("skipped_not_tcp", packets.not_ip + packets.not_tcp),
            ("skipped_fragments", packets.fragments),
            ("skipped_malformed", packets.malformed + packets.truncated + packets.unknown_link),
            ("duplicate_packets", flows.duplicate_packets),
            ("live_flows", self.tracker.live() as u64),
            ("evicted_flows", flows.evicted_flows),
            ("unfollowed_conversations", flows.unfollowed_exchanges),
            ("abandoned_conversations", flows.abandoned_exchanges),
            ("facts_without_room", self.tracker.facts.overflowed),
            ("facts_renewed", self.renewals),
            ("translations_forgotten", self.translations.forgotten),
        ]);
        counters
    }

    fn drain(&mut self) {
        let Self { capture, sockets, translations, tracker, reports, .. } = self;
        let mut report = |mut record: FlowRecord, is_final| {
            if let Some(selector) = capture.selector() {
                let ways = [(record.client, record.server), (record.server, record.client)];
                let [client, server] = ways.map(|(from, to)| selector.tally(Direction::new(from, to)));
                count_all(&mut record, [client, server]);
            }
            let processes = sockets.as_mut().map_or_else(|_| [None, None], |sockets| sockets.processes(&record));
            let circumstances = Circumstances { processes, translated: translations.other(&record) };
            if is_final {
                translations.end(&record);
            }
            Report { record, is_final, circumstances }
        };
        reports.extend(tracker.settled.drain(..).map(|record| report(record, false)));
        reports.extend(tracker.finished.drain(..).map(|record| report(record, true)));
    }
}

/// The kernel counts what it does not hand over, too.
fn count_all(record: &mut FlowRecord, tallies: [Option<Tally>; 2]) {
    let [client, server] = tallies.map(Option::unwrap_or_default);
    let most = |[seen_client, seen_server]: [u64; 2], [client, server]: [u64; 2]| {
        [seen_client.max(client), seen_server.max(server)]
    };
    record.packets = most(record.packets, [client.packets, server.packets]);
    record.bytes = most(record.bytes, [client.bytes, server.bytes]);
}

fn segment<'a>(frame: &Frame<'a>, packets: &mut PacketCounters) -> Option<Segment<'a>> {
    match decode(frame.link, frame.bytes) {
        Decoded::Tcp(segment) => {
            packets.segments += 1;
            Some(segment)
        }
        Decoded::Skipped(reason) => {
            packets.skipped(reason);
            None
        }
    }
}

/// The choice that a classic filter leaves to us.
fn wants(selection: &Selection, frame: &Frame<'_>, segment: &Segment<'_>) -> bool {
    let here = selection.interfaces.is_empty() || selection.interfaces.contains(&frame.interface);
    let port = [segment.source_port, segment.destination_port].iter().any(|port| selection.ports.contains(port));
    here && (port || [segment.source, segment.destination].iter().any(|end| selection.addresses.contains(end)))
}
