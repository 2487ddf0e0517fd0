//! Judges flows one by one while they come: what earlier flows told is remembered, within bounds. The same shapes
//! and answers as those of a whole capture; only what a later flow would have told is missing.

use super::history::History;
use super::memory::{Memory, Recollections};
use super::process::Circumstances;
use super::{Bench, Judge, Judgement, ShapeKey, Surroundings, Telling, UNKNOWN};
use crate::facts::FactTable;
use crate::flow::{Endpoint, FlowRecord, Tracker};
use crate::map::{HashMap, HashSet};
use crate::packet::Address;

/// Listeners and forwarders remembered; a cluster's nodes and services stay far below.
const MAX_REMEMBERED: usize = 65_536;

/// Judgements kept, a KiB each; beyond it all are forgotten and made anew.
const MAX_JUDGEMENTS: usize = 16_384;

/// A flow as it stands.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its numbers and facts.
    pub record: FlowRecord,
    /// Whether it has ended.
    pub is_final: bool,
    /// What is known beside its packets.
    pub circumstances: Circumstances,
}

/// What was learned and judged so far.
#[derive(Debug, Default)]
pub struct Standing {
    listeners: HashSet<Endpoint>,
    forwarders: HashSet<(Address, u16)>,
    history: History,
    memory: Memory,
    recollections: Recollections,
    known: HashMap<ShapeKey, u32>,
    judgements: Vec<Judgement>,
}

impl Standing {
    /// Judges flows and writes their events.
    pub fn judge<J: Judge>(
        &mut self,
        reports: &[Report],
        facts: &FactTable,
        surroundings: &Surroundings,
        judge: &mut J,
    ) -> Result<(), J::Error> {
        for report in reports {
            self.learn(facts, &report.record, u64::from(report.is_final));
        }
        if self.judgements.len() >= MAX_JUDGEMENTS {
            self.forget_judgements();
        }
        let mut bench = Bench {
            facts,
            surroundings,
            listeners: std::mem::take(&mut self.listeners),
            forwarders: std::mem::take(&mut self.forwarders),
            memory: std::mem::take(&mut self.memory),
            recollections: std::mem::take(&mut self.recollections),
            known: std::mem::take(&mut self.known),
            judgements: std::mem::take(&mut self.judgements),
            out: Vec::new(),
        };
        let result = reports.iter().try_for_each(|report| bench.report(report, &mut self.history, judge));
        let out = std::mem::take(&mut bench.out);
        let Bench { listeners, forwarders, memory, recollections, known, judgements, .. } = bench;
        (self.listeners, self.forwarders, self.memory) = (listeners, forwarders, memory);
        (self.recollections, self.known, self.judgements) = (recollections, known, judgements);
        result?;
        if out.is_empty() { Ok(()) } else { judge.write(&out) }
    }

    /// What each endpoint showed so far, to be told what is known of it from elsewhere.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The inventory or the rules are others now: all is judged anew.
    pub fn forget_judgements(&mut self) {
        self.known.clear();
        self.judgements.clear();
        self.recollections = Recollections::default();
    }

    /// Forgets the facts that neither a flow nor the memory needs, once there are many; everything is judged anew.
    /// True where it did, so that whoever remembers chains by their numbers forgets them, too. No report may wait.
    pub fn renew(&mut self, tracker: &mut Tracker) -> bool {
        if !tracker.facts.is_crowded() && !self.memory.is_crowded() {
            return false;
        }
        let old = tracker.renew_facts();
        self.memory.renumber(|chain| tracker.facts.carry_chain(&old, chain));
        tracker.facts.renewed();
        self.forget_judgements();
        if self.listeners.len().max(self.forwarders.len()) >= MAX_REMEMBERED {
            // Those that are still there show themselves again.
            self.listeners.clear();
            self.forwarders.clear();
        }
        true
    }

    fn learn(&mut self, facts: &FactTable, record: &FlowRecord, flows: u64) {
        if !record.direction_guessed && self.listeners.len() < MAX_REMEMBERED {
            self.listeners.insert(record.server);
        }
        if facts.facts(record.facts.shape).forwards_to_pods() && self.forwarders.len() < MAX_REMEMBERED {
            self.forwarders.insert((record.client.address, record.server.port));
        }
        self.memory.note(facts, &super::bench_record(&self.listeners, *record), flows);
    }
}

impl Bench<'_> {
    fn report<J: Judge>(&mut self, report: &Report, history: &mut History, judge: &mut J) -> Result<(), J::Error> {
        let record = super::bench_record(&self.listeners, report.record);
        let circumstances = report.circumstances.clone();
        let turned = record.client != report.record.client;
        let circumstances = if turned { circumstances.reversed() } else { circumstances };
        let [client, server] = &circumstances.processes;
        let places = &self.surroundings.places;
        let places =
            [places.of(record.client.address, client.as_ref()), places.of(record.server.address, server.as_ref())];
        let index = self.judge_record(&record, places, history.earlier(self.facts, &record), judge)?;
        if self.facts.facts(record.facts.shape).is_full_handshake() {
            let state = self.judgements.get(index as usize).map_or(UNKNOWN, |judgement| judgement.state);
            history.note(self.facts, &record, state);
        }
        let telling = Telling { index, places, is_final: report.is_final, circumstances: Some(&circumstances) };
        self.event(&record, &telling, judge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{FlowState, Limits};
    use crate::judge::{Boundaries, STATES};
    use crate::packet::{Flags, Segment};
    use crate::tls::{TlsFacts, Version};
    use std::io;

    #[derive(Default)]
    struct Notes {
        shapes: usize,
        lines: Vec<u8>,
    }

    impl Judge for Notes {
        type Error = io::Error;

        fn judge(&mut self, _: &[u8]) -> io::Result<Judgement> {
            self.shapes += 1;
            Ok(Judgement { state: UNKNOWN, ..Judgement::default() })
        }

        fn write(&mut self, events: &[u8]) -> io::Result<()> {
            self.lines.extend_from_slice(events);
            Ok(())
        }
    }

    fn record(facts: &FactTable) -> FlowRecord {
        FlowRecord {
            client: Endpoint { address: Address::V4([10, 0, 0, 1]), port: 40_000 },
            server: Endpoint { address: Address::V4([10, 0, 0, 2]), port: 10_250 },
            first_ns: 1,
            last_ns: 2,
            packets: [1; 2],
            bytes: [0; 2],
            state: FlowState::Open,
            midstream: false,
            direction_guessed: false,
            sequences: None,
            gaps: 0,
            facts: facts.silent(),
        }
    }

    fn report(record: FlowRecord, is_final: bool) -> Report {
        Report { record, is_final, circumstances: Circumstances::default() }
    }

    fn judged(reports: &[Report]) -> (Notes, String) {
        let (facts, mut standing, mut notes) = (FactTable::default(), Standing::default(), Notes::default());
        let surroundings = Surroundings { events: true, ..Surroundings::default() };
        for report in reports {
            standing.judge(std::slice::from_ref(report), &facts, &surroundings, &mut notes).unwrap();
        }
        let lines = String::from_utf8(notes.lines.clone()).unwrap();
        (notes, lines)
    }

    #[test]
    fn a_shape_is_judged_once_and_both_reports_of_a_flow_have_one_id() {
        let record = record(&FactTable::default());
        let later = FlowRecord { last_ns: 9, packets: [7; 2], state: FlowState::Closed, ..record };
        let (notes, lines) = judged(&[report(record, false), report(later, true)]);
        let said: Vec<&str> = lines.lines().collect();
        assert_eq!((notes.shapes, said.len()), (1, 2));
        let id = |line: &str| line.split("\"id\":\"").nth(1).unwrap()[..24].to_owned();
        assert_eq!(id(said[0]), id(said[1]));
        assert!(said[0].contains("\"final\":false") && said[1].contains("\"final\":true"));
    }

    #[test]
    fn a_guessed_direction_is_put_right_by_an_earlier_flow() {
        let sure = record(&FactTable::default());
        let guessed = FlowRecord { direction_guessed: true, midstream: true, ..sure.reversed() };
        let (_, lines) = judged(&[sure, guessed].map(|record| report(record, true)));
        assert_eq!(lines.matches("\"server\":{\"address\":\"10.0.0.2\",\"port\":10250").count(), 2);
    }

    #[test]
    fn servers_with_one_certificate_are_told_apart_only_where_that_may_change_its_judgement() {
        let mut facts = FactTable::default();
        let handshake = TlsFacts { server_chain: vec![Box::from(&b"certificate"[..])], ..TlsFacts::default() };
        let ids = facts.intern_tls(handshake);
        let flow_to = |host: u8| {
            let server = Endpoint { address: Address::V4([10, 0, 0, host]), port: 443 };
            report(FlowRecord { server, facts: ids, ..record(&facts) }, true)
        };
        let named = Boundaries { instants: Vec::new(), addresses: [Address::V4([10, 0, 0, 7])].into_iter().collect() };
        let surroundings = Surroundings { boundaries: vec![named], ..Surroundings::default() };
        let (mut standing, mut notes) = (Standing::default(), Notes::default());
        standing.judge(&[5, 6, 7, 8, 7].map(flow_to), &facts, &surroundings, &mut notes).unwrap();
        assert_eq!(notes.shapes, 2);
    }

    /// The first words of a client in a protocol of its own: a flow that goes on, and whose facts are final.
    fn opening(port: u16) -> Segment<'static> {
        Segment {
            source: Address::V4([10, 0, 0, 1]),
            destination: Address::V4([10, 0, 0, 9]),
            source_port: port,
            destination_port: 9,
            sequence: 1,
            acknowledgment: 1,
            flags: Flags(0x18),
            window: 1,
            ip_id: 1,
            timestamp: None,
            payload: b"hello, I speak a language of my own",
            payload_len: 35,
        }
    }

    /// Takes in ever new facts until there are too many.
    fn crowd(facts: &mut FactTable, next: &mut u32) {
        while !facts.is_crowded() {
            *next += 1;
            facts.intern_tls(TlsFacts { certificate_length: Some(*next), ..TlsFacts::default() });
        }
    }

    #[test]
    fn over_months_facts_stay_few_and_what_flows_and_the_memory_need_stays_right() {
        let (mut tracker, mut standing) = (Tracker::reporting_early(Limits::default()), Standing::default());
        let (mut notes, surroundings) = (Notes::default(), Surroundings { events: true, ..Surroundings::default() });
        let certificate: Box<[u8]> = Box::from(&[7; 700][..]);
        let showing = TlsFacts {
            resumed: Some(false),
            server_chain: vec![Box::from(&b"long gone"[..]), certificate.clone()],
            ..TlsFacts::default()
        };
        let report = |ids, facts: &FactTable| report(FlowRecord { facts: ids, ..record(facts) }, true);
        let mut next = 0;
        for month in 0..4 {
            crowd(&mut tracker.facts, &mut next);
            tracker.segments(&[(1, opening(40_000 + month))]);
            tracker.settled.clear();
            if month == 0 {
                let ids = tracker.facts.intern_tls(showing.clone());
                standing.judge(&[report(ids, &tracker.facts)], &tracker.facts, &surroundings, &mut notes).unwrap();
            }
            assert!(standing.renew(&mut tracker));
            assert!(!standing.renew(&mut tracker), "there is nothing more to forget");

            assert!(tracker.facts.all().count() < 10 && tracker.facts.overflowed == 0);
            let hiding = TlsFacts {
                version: Some(Version::TLS13),
                resumed: Some(false),
                certificate_length: Some(8 + 5 + 9 + 5 + 700),
                ..TlsFacts::default()
            };
            let ids = tracker.facts.intern_tls(hiding);
            let hidden = FlowRecord { facts: ids, ..record(&tracker.facts) };
            let known = standing.memory.recollect(tracker.facts.facts(ids.shape), &hidden);
            let (chain, _) = known.chain.unwrap();
            assert_eq!(tracker.facts.chain(chain)[1], certificate);
        }
        tracker.finish();
        let ended: Vec<bool> =
            tracker.finished.iter().map(|flow| tracker.facts.facts(flow.facts.shape).readable).collect();
        assert_eq!(ended, [true; 4]);
    }

    #[test]
    fn after_a_renewal_shapes_are_judged_anew_and_events_say_the_same() {
        let (mut tracker, mut standing) = (Tracker::reporting_early(Limits::default()), Standing::default());
        let surroundings = Surroundings { events: true, ..Surroundings::default() };
        let said = |standing: &mut Standing, tracker: &mut Tracker| {
            let mut notes = Notes::default();
            let ids = tracker.facts.intern_tls(TlsFacts { established: Some(true), ..TlsFacts::default() });
            let report = report(FlowRecord { facts: ids, ..record(&tracker.facts) }, true);
            standing.judge(&[report], &tracker.facts, &surroundings, &mut notes).unwrap();
            (notes.shapes, notes.lines)
        };
        let (_, before) = said(&mut standing, &mut tracker);
        crowd(&mut tracker.facts, &mut 0);
        assert!(standing.renew(&mut tracker));
        assert_eq!(said(&mut standing, &mut tracker), (1, before));
    }

    #[test]
    fn the_unknown_state_is_where_its_number_says() {
        assert_eq!(STATES[usize::from(UNKNOWN)], "unknown");
    }
}
