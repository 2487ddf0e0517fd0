//! What the reports need of many flows: sums per judgement, and for judgements with findings who talked to whom.

use super::{Judgement, Shown};
use crate::flow::Endpoint;
use crate::flow::FlowRecord;
use crate::map::HashMap;
use crate::packet::Address;

/// Pairs of client and server kept apart; beyond it, flows count in their judgement's [`Totals::ungrouped`].
pub const MAX_GROUPS: usize = 100_000;

/// Flows that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub flows: u64,
    /// Their packets, both directions.
    pub packets: u64,
    /// Their payload bytes, both directions.
    pub bytes: u64,
    /// When the first began.
    pub first_ns: u64,
    /// When the last ended.
    pub last_ns: u64,
}

impl Default for Group {
    fn default() -> Self {
        Self { flows: 0, packets: 0, bytes: 0, first_ns: u64::MAX, last_ns: 0 }
    }
}

impl Group {
    fn add(&mut self, record: &FlowRecord) {
        self.flows += 1;
        self.packets += record.packets.iter().sum::<u64>();
        self.bytes += record.bytes.iter().sum::<u64>();
        self.first_ns = self.first_ns.min(record.first_ns);
        self.last_ns = self.last_ns.max(record.last_ns);
    }
}

/// Sums over all flows.
#[derive(Debug, Default)]
pub struct Totals {
    /// Per judgement, by its index.
    pub judgements: Vec<Group>,
    /// Per judgement with findings: client address and server endpoint.
    pub groups: HashMap<(u32, Address, Endpoint), Group>,
    /// Flows with findings that found no room in the groups, per judgement.
    pub ungrouped: HashMap<u32, Group>,
    /// Which certificates each endpoint showed in these captures.
    pub shown: Vec<(Endpoint, Shown)>,
}

impl Totals {
    pub(super) fn add(&mut self, index: u32, judgement: &Judgement, record: &FlowRecord) {
        if self.judgements.len() <= index as usize {
            self.judgements.resize(index as usize + 1, Group::default());
        }
        if let Some(total) = self.judgements.get_mut(index as usize) {
            total.add(record);
        }
        if judgement.has_findings {
            self.group(index, record).add(record);
        }
    }

    fn group(&mut self, index: u32, record: &FlowRecord) -> &mut Group {
        let key = (index, record.client.address, record.server);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return self.ungrouped.entry(index).or_default();
        }
        self.groups.entry(key).or_default()
    }
}
