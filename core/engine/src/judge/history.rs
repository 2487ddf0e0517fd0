//! What earlier full handshakes were judged, for the resumed sessions that lean on them: same client address,
//! same server endpoint, same server name, and begun before.

use crate::facts::FactTable;
use crate::flow::Endpoint;
use crate::flow::FlowRecord;
use crate::map::HashMap;
use crate::packet::Address;

/// Sessions remembered; a resumption beyond it is judged as one without a history.
const MAX_SESSIONS: usize = 262_144;

/// Client address, server endpoint and the symbol of the server name.
type Session = (Address, Endpoint, u32);

/// The judged full handshakes of sessions that were resumed.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Per session the states seen with the time of the first handshake of each.
    sessions: HashMap<Session, Vec<(u64, u8)>>,
}

impl History {
    /// Notes that a resumed flow will ask for its session.
    pub(super) fn expect(&mut self, facts: &FactTable, record: &FlowRecord) {
        if facts.facts(record.facts.shape).is_resumed() && self.sessions.len() < MAX_SESSIONS {
            self.sessions.entry(session(facts, record)).or_default();
        }
    }

    /// Whether a flow is a full handshake of an expected session.
    pub(super) fn wants(&self, facts: &FactTable, record: &FlowRecord) -> bool {
        facts.facts(record.facts.shape).is_full_handshake() && self.sessions.contains_key(&session(facts, record))
    }

    /// Adds the state of a full handshake.
    pub(super) fn add(&mut self, facts: &FactTable, record: &FlowRecord, state: u8) {
        let Some(states) = self.sessions.get_mut(&session(facts, record)) else { return };
        match states.iter_mut().find(|(_, known)| *known == state) {
            Some((first_ns, _)) => *first_ns = record.first_ns.min(*first_ns),
            None => states.push((record.first_ns, state)),
        }
    }

    /// Adds the state of a full handshake whose resumption may still come; when there is no room, all is forgotten.
    pub(super) fn note(&mut self, facts: &FactTable, record: &FlowRecord, state: u8) {
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.clear();
        }
        self.sessions.entry(session(facts, record)).or_default();
        self.add(facts, record, state);
    }

    /// The states of the earlier full handshakes of a resumed flow, as bits; 0 for any other flow.
    pub(super) fn earlier(&self, facts: &FactTable, record: &FlowRecord) -> u8 {
        if self.sessions.is_empty() || !facts.facts(record.facts.shape).is_resumed() {
            return 0;
        }
        let states = self.sessions.get(&session(facts, record)).map_or(&[][..], Vec::as_slice);
        states.iter().filter(|(first_ns, _)| *first_ns < record.first_ns).fold(0, |bits, (_, state)| bits | 1 << state)
    }
}

fn session(facts: &FactTable, record: &FlowRecord) -> Session {
    (record.client.address, record.server, facts.facts(record.facts.shape).server_name_symbol())
}
