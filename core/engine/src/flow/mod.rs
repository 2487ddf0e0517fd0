//! Flows: who talks to whom, each direction in order, every packet counted once.

mod exchange;
mod key;
mod ports;
mod record;
mod slots;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod trace;
mod tracker;

pub use key::{End, Endpoint, FlowKey};
pub use record::FlowRecord;
pub use state::FlowState;
pub use stream::{Delivery, Stream};
pub use trace::Trace;
pub use tracker::{Limits, Tracker, TrackerCounters};
