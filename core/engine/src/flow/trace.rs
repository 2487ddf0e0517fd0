//! One flow, packet by packet, and what was known of its conversation after each: for explanations of a single flow.
//! Which packets are of the flow is the caller's concern.

use super::exchange::Exchange;
use super::key::FlowKey;
use super::ports::likely_client;
use super::state::Flow;
use super::tracker::feed;
use crate::facts::{FactTable, Facts};
use crate::packet::Segment;
use crate::tls::Shared;

/// Follows one flow.
#[derive(Debug)]
pub struct Trace {
    flow: Flow,
    facts: FactTable,
    shape: u32,
}

impl Trace {
    /// A flow of which nothing is known.
    pub fn new(key: FlowKey, time_ns: u64) -> Self {
        let facts = FactTable::default();
        let shape = facts.silent().shape;
        Self { flow: Flow::new(key, time_ns, 0), facts, shape }
    }

    /// Takes the next segment in and gives the facts that are new with it; false where it is only a copy.
    pub fn segment(&mut self, time_ns: u64, segment: &Segment<'_>) -> (bool, Option<Facts>) {
        let (_, end) = FlowKey::of(segment);
        if !self.flow.count(end, time_ns, segment) {
            return (false, None);
        }
        let settled = self.flow.facts.is_some();
        if settled || (segment.payload_len == 0 && self.flow.exchange.is_none()) {
            return (true, None);
        }
        let next = self.flow.first_bytes();
        let Flow { client, key, exchange, .. } = &mut self.flow;
        let exchange = exchange
            .get_or_insert_with(|| Box::new(Exchange::new(next, *client, likely_client(key), Shared::default())));
        feed(exchange, end, time_ns, segment);
        (true, self.look())
    }

    /// No more segments come; gives the facts that only the end shows.
    pub fn finish(&mut self) -> Option<Facts> {
        self.flow.exchange.as_mut()?.finish();
        self.look()
    }

    /// Whether the facts are final.
    pub fn settled(&self) -> bool {
        self.flow.facts.is_some()
    }

    fn look(&mut self) -> Option<Facts> {
        let exchange = self.flow.exchange.as_ref()?;
        let ids = self.facts.so_far(exchange.parser());
        if exchange.settled() {
            self.flow.facts = Some(ids);
            self.flow.exchange = None;
        }
        let news = ids.shape != self.shape;
        self.shape = ids.shape;
        news.then(|| self.facts.facts(ids.shape).clone())
    }
}
