//! Judges flows one by one while they come: what earlier flows told is remembered, within bounds. The same shapes
//! and answers as those of a whole capture; only what a later flow would have told is missing.

use super::history::History;
use super::memory::{Memory, Recollections};
use super::{Bench, Judge, Judgement, ShapeKey, Surroundings, UNKNOWN};
use crate::facts::FactTable;
use crate::flow::{Endpoint, FlowRecord};
use crate::map::{HashMap, HashSet};
use crate::packet::Address;

/// Listeners and forwarders remembered; a cluster's nodes and services stay far below.
const MAX_REMEMBERED: usize = 65_536;

/// A flow as it stands.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Its numbers and facts.
    pub record: FlowRecord,
    /// Whether it has ended.
    pub is_final: bool,
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
            self.learn(facts, &report.record);
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
    }

    fn learn(&mut self, facts: &FactTable, record: &FlowRecord) {
        if !record.direction_guessed && self.listeners.len() < MAX_REMEMBERED {
            self.listeners.insert(record.server);
        }
        if facts.facts(record.facts.shape).forwards_to_pods() && self.forwarders.len() < MAX_REMEMBERED {
            self.forwarders.insert((record.client.address, record.server.port));
        }
        self.memory.note(facts, &super::bench_record(&self.listeners, *record));
    }
}

impl Bench<'_> {
    fn report<J: Judge>(&mut self, report: &Report, history: &mut History, judge: &mut J) -> Result<(), J::Error> {
        let record = super::bench_record(&self.listeners, report.record);
        let index = self.judge_record(&record, history.earlier(self.facts, &record), judge)?;
        if self.facts.facts(record.facts.shape).is_full_handshake() {
            let state = self.judgements.get(index as usize).map_or(UNKNOWN, |judgement| judgement.state);
            history.note(self.facts, &record, state);
        }
        self.event(&record, index, report.is_final, judge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowState;
    use crate::judge::{Boundaries, STATES};
    use crate::tls::TlsFacts;
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
            gaps: 0,
            facts: facts.silent(),
        }
    }

    fn judged(reports: &[Report]) -> (Notes, String) {
        let (facts, mut standing, mut notes) = (FactTable::default(), Standing::default(), Notes::default());
        let surroundings = Surroundings { events: true, ..Surroundings::default() };
        for report in reports {
            standing.judge(&[*report], &facts, &surroundings, &mut notes).unwrap();
        }
        let lines = String::from_utf8(notes.lines.clone()).unwrap();
        (notes, lines)
    }

    #[test]
    fn a_shape_is_judged_once_and_both_reports_of_a_flow_have_one_id() {
        let record = record(&FactTable::default());
        let later = FlowRecord { last_ns: 9, packets: [7; 2], state: FlowState::Closed, ..record };
        let (notes, lines) = judged(&[Report { record, is_final: false }, Report { record: later, is_final: true }]);
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
        let (_, lines) = judged(&[sure, guessed].map(|record| Report { record, is_final: true }));
        assert_eq!(lines.matches("\"server\":{\"address\":\"10.0.0.2\",\"port\":10250").count(), 2);
    }

    #[test]
    fn servers_with_one_certificate_are_told_apart_only_where_that_may_change_its_judgement() {
        let mut facts = FactTable::default();
        let handshake = TlsFacts { server_chain: vec![Box::from(&b"certificate"[..])], ..TlsFacts::default() };
        let ids = facts.intern_tls(handshake);
        let flow_to = |host: u8| {
            let server = Endpoint { address: Address::V4([10, 0, 0, host]), port: 443 };
            Report { record: FlowRecord { server, facts: ids, ..record(&facts) }, is_final: true }
        };
        let named = Boundaries { instants: Vec::new(), addresses: [Address::V4([10, 0, 0, 7])].into_iter().collect() };
        let surroundings = Surroundings { boundaries: vec![named], ..Surroundings::default() };
        let (mut standing, mut notes) = (Standing::default(), Notes::default());
        standing.judge(&[5, 6, 7, 8, 7].map(flow_to), &facts, &surroundings, &mut notes).unwrap();
        assert_eq!(notes.shapes, 2);
    }

    #[test]
    fn the_unknown_state_is_where_its_number_says() {
        assert_eq!(STATES[usize::from(UNKNOWN)], "unknown");
    }
}
