//! The flow table: finds a segment's flow, keeps it within its bounds and hands over each flow that ended.

use super::exchange::{Exchange, Payload};
use super::key::{End, FlowKey};
use super::ports::likely_client;
use super::record::FlowRecord;
use super::slots::Slots;
use super::state::Flow;
use crate::capture::BATCH_FRAMES;
use crate::facts::FactTable;
use crate::packet::Segment;
use crate::tls::Shared;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// The bounds of the flow table.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Flows alive at once; the longest unseen is ended first.
    pub flows: usize,
    /// Conversations whose facts are not final; beyond it, new ones are only counted.
    pub open_exchanges: usize,
    /// Bytes held back in all flows for late segments.
    pub held_bytes: usize,
    /// A flow silent for so long is over.
    pub idle_timeout_ns: u64,
    /// After the last FIN or a RST, late segments of a flow are awaited for so long.
    pub closing_timeout_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 1_000_000,
            open_exchanges: 131_072,
            held_bytes: 64 * 1024 * 1024,
            // Kubernetes watches are silent for minutes; Go's keep-alives come every 15 to 30 s.
            idle_timeout_ns: 900_000_000_000,
            closing_timeout_ns: 5_000_000_000,
        }
    }
}

/// What the table counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct TrackerCounters {
    /// Copies of packets that were already counted.
    pub duplicate_packets: u64,
    /// Flows ended because the table was full.
    pub evicted_flows: u64,
    /// Conversations that were not followed because too many were open.
    pub unfollowed_exchanges: u64,
    /// Conversations cut short because too many bytes waited for late segments.
    pub abandoned_exchanges: u64,
}

/// Follows all flows of a capture.
#[derive(Debug)]
pub struct Tracker {
    limits: Limits,
    seed: u64,
    slots: Slots,
    flows: Vec<Option<Flow>>,
    free: Vec<u32>,
    live: usize,
    open_exchanges: usize,
    held_bytes: usize,
    generation: u32,
    idle: VecDeque<Deadline>,
    closing: VecDeque<Deadline>,
    /// What the conversations share.
    pub shared: Shared,
    /// What the capture says, interned.
    pub facts: FactTable,
    /// Flows whose facts became final before they ended, where that is reported.
    pub settled: Vec<FlowRecord>,
    reports_early: bool,
    /// Flows that ended, in the order in which they did.
    pub finished: Vec<FlowRecord>,
    /// What was counted on the way.
    pub counters: TrackerCounters,
}

/// A segment's place in the table: its hash, and the flow that most likely has it.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    hash: u64,
    likely: u32,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at_ns: u64,
    flow: u32,
    generation: u32,
}

impl Tracker {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            seed: RandomState::new().hash_one(0u8),
            slots: Slots::new(),
            flows: Vec::new(),
            free: Vec::new(),
            live: 0,
            open_exchanges: 0,
            held_bytes: 0,
            generation: 0,
            idle: VecDeque::new(),
            closing: VecDeque::new(),
            shared: Shared::default(),
            facts: FactTable::default(),
            settled: Vec::new(),
            reports_early: false,
            finished: Vec::new(),
            counters: TrackerCounters::default(),
        }
    }

    /// An empty table that also reports flows as soon as their facts are final.
    pub fn reporting_early(limits: Limits) -> Self {
        Self { reports_early: true, ..Self::new(limits) }
    }

    /// Lets time pass without segments: flows that have been silent for too long end.
    pub fn advance(&mut self, now_ns: u64) {
        self.expire(now_ns);
    }

    /// Takes segments in, in their order. The flow table is asked for all of them before the first is handled, so
    /// that their cache misses overlap.
    pub fn segments(&mut self, batch: &[(u64, Segment<'_>)]) {
        let mut asked = [Asked::default(); BATCH_FRAMES];
        for batch in batch.chunks(BATCH_FRAMES) {
            for (asked, (_, segment)) in asked.iter_mut().zip(batch) {
                asked.hash = FlowKey::of(segment).0.hash(self.seed);
            }
            let homes = asked.iter().zip(batch).map(|(asked, _)| self.slots.peek(asked.hash));
            std::hint::black_box(homes.fold(0, |sum, home| sum ^ home));
            for (asked, _) in asked.iter_mut().zip(batch) {
                asked.likely = self.slots.likely(asked.hash);
            }
            let warm = asked.iter().zip(batch).filter_map(|(asked, _)| self.flow(asked.likely)).map(Flow::touch);
            std::hint::black_box(warm.fold(0, |sum, touched| sum ^ touched));
            for (asked, (time_ns, segment)) in asked.iter().zip(batch) {
                self.segment(*time_ns, *asked, segment);
            }
        }
    }

    #[inline]
    fn segment(&mut self, time_ns: u64, asked: Asked, segment: &Segment<'_>) {
        self.expire(time_ns);
        let (key, end) = FlowKey::of(segment);
        let hash = asked.hash;
        let is_it = |index: u32| self.flow(index).is_some_and(|flow| flow.key == key);
        // What a segment of the same batch began or ended was not known when all were asked for.
        let known = if is_it(asked.likely) { Some(asked.likely) } else { self.slots.find(hash, is_it) };
        let index = match known {
            Some(index) if !self.reopened(index, end, segment) => index,
            Some(index) => {
                self.end(index);
                self.begin(key, hash, time_ns)
            }
            None => self.begin(key, hash, time_ns),
        };
        self.take_in(index, end, time_ns, segment);
    }

    /// Makes room for new facts: those that no flow has any more are forgotten. Gives the table before, whose numbers
    /// no longer hold.
    pub fn renew_facts(&mut self) -> FactTable {
        let old = self.facts.renew();
        let alive = self.flows.iter_mut().flatten().filter_map(|flow| flow.facts.as_mut());
        let told = self.settled.iter_mut().chain(&mut self.finished).map(|record| &mut record.facts);
        for ids in alive.chain(told) {
            *ids = self.facts.carry(&old, *ids);
        }
        old
    }

    /// Ends every flow: the capture is over.
    pub fn finish(&mut self) {
        let mut alive: Vec<(u64, u32, u32)> = Vec::with_capacity(self.live);
        for (index, flow) in self.flows.iter().enumerate() {
            alive.extend(flow.as_ref().map(|flow| (flow.first_ns, flow.generation, index as u32)));
        }
        alive.sort_unstable();
        for (_, _, index) in alive {
            self.end(index);
        }
    }

    /// How many flows are alive.
    pub fn live(&self) -> usize {
        self.live
    }

    fn reopened(&self, index: u32, end: End, segment: &Segment<'_>) -> bool {
        self.flow(index).is_some_and(|flow| flow.is_reopened_by(end, segment))
    }

    fn flow(&self, index: u32) -> Option<&Flow> {
        self.flows.get(index as usize).and_then(Option::as_ref)
    }

    fn begin(&mut self, key: FlowKey, hash: u64, time_ns: u64) -> u32 {
        if self.live >= self.limits.flows {
            self.evict();
        }
        self.generation = self.generation.wrapping_add(1);
        let flow = Some(Flow::new(key, time_ns, self.generation));
        let index = self.free.pop().unwrap_or(self.flows.len() as u32);
        match self.flows.get_mut(index as usize) {
            Some(place) => *place = flow,
            None => self.flows.push(flow),
        }
        self.slots.insert(hash, index);
        self.live += 1;
        let at_ns = time_ns.saturating_add(self.limits.idle_timeout_ns);
        self.idle.push_back(Deadline { at_ns, flow: index, generation: self.generation });
        index
    }

    #[inline]
    fn take_in(&mut self, index: u32, end: End, time_ns: u64, segment: &Segment<'_>) {
        let Some(flow) = self.flows.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if !flow.count(end, time_ns, segment) {
            self.counters.duplicate_packets += 1;
            return;
        }
        if flow.facts.is_none() && (segment.payload_len > 0 || flow.exchange.is_some()) {
            self.converse(index, end, time_ns, segment);
        }
        self.notice_end(index, time_ns);
    }

    fn notice_end(&mut self, index: u32, time_ns: u64) {
        let Some(flow) = self.flows.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if !flow.closing && flow.is_over() {
            flow.closing = true;
            let at_ns = time_ns.saturating_add(self.limits.closing_timeout_ns);
            self.closing.push_back(Deadline { at_ns, flow: index, generation: flow.generation });
        }
    }

    /// Feeds the conversation of a flow whose facts are not final.
    fn converse(&mut self, index: u32, end: End, time_ns: u64, segment: &Segment<'_>) {
        let Some(flow) = self.flows.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if flow.exchange.is_none() && self.open_exchanges >= self.limits.open_exchanges {
            self.counters.unfollowed_exchanges += 1;
            flow.facts = Some(self.facts.not_followed());
            return;
        }
        let fresh = flow.exchange.is_none();
        let (next, shared) = (flow.first_bytes(), &self.shared);
        let (client, key) = (flow.client, flow.key);
        let exchange = flow
            .exchange
            .get_or_insert_with(|| Box::new(Exchange::new(next, client, likely_client(&key), shared.clone())));
        let held = exchange.held_bytes();
        feed(exchange, end, time_ns, segment);
        self.open_exchanges += usize::from(fresh);
        self.held_bytes = (self.held_bytes + exchange.held_bytes()).saturating_sub(held);
        let crowded = self.held_bytes > self.limits.held_bytes;
        if crowded {
            self.counters.abandoned_exchanges += 1;
        }
        if crowded || exchange.settled() {
            self.settle(index);
        }
        if self.reports_early {
            self.report_early(index);
        }
    }

    /// Reports a flow, once, whose facts are final, or that goes on in the clear.
    fn report_early(&mut self, index: u32) {
        let Self { flows, facts, settled, .. } = self;
        let flow = flows.get_mut(index as usize).and_then(Option::as_mut);
        let Some(flow) = flow.filter(|flow| !flow.told) else { return };
        let exchange = flow.exchange.as_ref();
        let client = exchange.and_then(|exchange| exchange.client());
        let so_far = exchange.and_then(|exchange| exchange.parser()).and_then(|parser| facts.intern_so_far(parser));
        if let Some(facts) = flow.facts.or(so_far) {
            flow.client = flow.client.or(client);
            flow.told = true;
            settled.push(record(flow, facts));
        }
    }

    /// Makes the facts of a flow final and lets its conversation go.
    fn settle(&mut self, index: u32) {
        let Some(flow) = self.flows.get_mut(index as usize).and_then(Option::as_mut) else { return };
        let Some(mut exchange) = flow.exchange.take() else { return };
        self.open_exchanges -= 1;
        self.held_bytes = self.held_bytes.saturating_sub(exchange.held_bytes());
        exchange.finish();
        flow.gaps = exchange.gaps();
        flow.client = flow.client.or(exchange.client());
        let (parser, readable) = exchange.into_parts();
        flow.facts = Some(self.facts.intern(parser, readable));
    }

    /// Ends one flow and hands it over.
    fn end(&mut self, index: u32) {
        self.settle(index);
        let Some(flow) = self.flows.get_mut(index as usize).and_then(Option::take) else { return };
        self.slots.remove(flow.key.hash(self.seed), index);
        self.free.push(index);
        self.live -= 1;
        let facts = flow.facts.unwrap_or_else(|| self.facts.silent());
        self.finished.push(record(&flow, facts));
    }

    #[inline]
    fn expire(&mut self, now_ns: u64) {
        while self.closing.front().is_some_and(|deadline| deadline.at_ns <= now_ns) {
            if let Some(deadline) = self.closing.pop_front().filter(|deadline| self.is_current(*deadline)) {
                self.end(deadline.flow);
            }
        }
        while self.idle.front().is_some_and(|deadline| deadline.at_ns <= now_ns) {
            if let Some(deadline) = self.idle.pop_front().filter(|deadline| self.is_current(*deadline)) {
                self.end_if_idle(deadline, now_ns);
            }
        }
    }

    fn end_if_idle(&mut self, deadline: Deadline, now_ns: u64) {
        let last_ns = self.flow(deadline.flow).map_or(0, |flow| flow.last_ns);
        let at_ns = last_ns.saturating_add(self.limits.idle_timeout_ns);
        if at_ns <= now_ns {
            self.end(deadline.flow);
        } else {
            self.idle.push_back(Deadline { at_ns, ..deadline });
        }
    }

    fn is_current(&self, deadline: Deadline) -> bool {
        self.flow(deadline.flow).is_some_and(|flow| flow.generation == deadline.generation)
    }

    /// Ends the flow whose deadline comes first: one that is closing, else the one longest in the queue.
    fn evict(&mut self) {
        while let Some(deadline) = self.closing.pop_front().or_else(|| self.idle.pop_front()) {
            if self.is_current(deadline) {
                self.counters.evicted_flows += 1;
                self.end(deadline.flow);
                return;
            }
        }
    }
}

pub(super) fn feed(exchange: &mut Exchange, end: End, time_ns: u64, segment: &Segment<'_>) {
    let flags = segment.flags;
    let start = segment.sequence.wrapping_add(u32::from(flags.syn()));
    if flags.ack() {
        exchange.acknowledged(end, time_ns, segment.acknowledgment);
    }
    if segment.payload_len > 0 {
        exchange.payload(end, &Payload { time_ns, start, bytes: segment.payload, length: segment.payload_len });
    }
    if flags.fin() {
        exchange.fin(end, start.wrapping_add(segment.payload_len));
    }
    if flags.rst() {
        exchange.reset(end, start);
    }
}

fn record(flow: &Flow, facts: crate::facts::FactIds) -> FlowRecord {
    let certain = flow.client;
    let client = certain.unwrap_or_else(|| likely_client(&flow.key));
    let (client_half, server_half) = (client.of(&flow.halves), client.other().of(&flow.halves));
    FlowRecord {
        client: *client.of(&flow.key.ends),
        server: *client.other().of(&flow.key.ends),
        first_ns: flow.first_ns,
        last_ns: flow.last_ns,
        packets: [u64::from(client_half.packets), u64::from(server_half.packets)],
        bytes: [client_half.bytes, server_half.bytes],
        state: flow.state(client),
        midstream: flow.is_midstream(),
        direction_guessed: certain.is_none(),
        sequences: flow.sequences,
        gaps: flow.gaps,
        facts,
    }
}
