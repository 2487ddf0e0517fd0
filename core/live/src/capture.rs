//! The way packets come in: the best filter that the machine allows, on a ring of its own.

use crate::classic;
use crate::ring::{Ring, RingCounters};
use crate::select::{Selection, Selector};
use std::io;

/// Which filter is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// eBPF, else a classic filter.
    Best,
    /// eBPF or nothing.
    Ebpf,
    /// A classic filter.
    Classic,
}

/// An open capture.
pub struct Capture {
    ring: Ring,
    selector: Option<Selector>,
    /// Why the filter is not the best one.
    pub hindrance: Option<String>,
}

impl Capture {
    /// Begins to capture; the message says which right or feature is missing.
    pub fn open(selection: &Selection, ring_bytes: usize, wish: Wish) -> Result<Self, String> {
        let ring = Ring::open(ring_bytes).map_err(|error| no_socket(&error))?;
        let (selector, hindrance) = match (wish, selector(selection, &ring)) {
            (Wish::Classic, _) => (None, Some("a classic filter was asked for".to_owned())),
            (_, Ok(selector)) => (Some(selector), None),
            (Wish::Ebpf, Err(reason)) => return Err(reason),
            (Wish::Best, Err(reason)) => (None, Some(reason)),
        };
        if selector.is_none() {
            attach_classic(&ring, selection)?;
        }
        let only = if let [interface] = selection.interfaces.as_slice() { Some(*interface) } else { None };
        ring.bind(only).map_err(|error| format!("packets cannot be received: {error}"))?;
        Ok(Self { ring, selector, hindrance })
    }

    /// Changes what is of interest.
    pub fn watch(&mut self, selection: &Selection) -> Result<(), String> {
        match &mut self.selector {
            Some(selector) => selector.watch(&selection.ports, &selection.addresses),
            None => attach_classic(&self.ring, selection),
        }
    }

    /// The ring, to receive from.
    pub fn ring(&mut self) -> &mut Ring {
        &mut self.ring
    }

    /// The program in the kernel, where eBPF selects.
    pub fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    /// The name of the filter in use.
    pub fn backend(&self) -> &'static str {
        if self.selector.is_some() { "ebpf" } else { "classic" }
    }

    /// What was received and dropped.
    pub fn counters(&mut self) -> RingCounters {
        self.ring.counters()
    }
}

fn attach_classic(ring: &Ring, selection: &Selection) -> Result<(), String> {
    ring.attach_classic(&classic::program(coarse(selection))).map_err(|error| format!("classic filter: {error}"))
}

fn selector(selection: &Selection, ring: &Ring) -> Result<Selector, String> {
    let selector = Selector::load(selection).map_err(|reason| format!("eBPF cannot be used (CAP_BPF): {reason}"))?;
    selector.attach(ring).map_err(|reason| format!("eBPF cannot be attached: {reason}"))?;
    Ok(selector)
}

/// A classic filter knows no addresses: where some are watched, all TCP passes.
fn coarse(selection: &Selection) -> &[u16] {
    if selection.addresses.is_empty() { &selection.ports } else { &[] }
}

fn no_socket(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "packets cannot be captured: CAP_NET_RAW is missing".to_owned(),
        io::ErrorKind::OutOfMemory => "no memory for the ring: make it smaller".to_owned(),
        _ => format!("packets cannot be captured: {error}"),
    }
}
