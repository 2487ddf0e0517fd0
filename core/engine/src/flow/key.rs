//! Who talks to whom: one key for both directions of a connection.

use crate::packet::{Address, Segment};

/// An address and a TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The network address.
    pub address: Address,
    /// The TCP port.
    pub port: u16,
}

/// The two ends of a connection, lower endpoint first, so that both directions give the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// `[lower, higher]` in the order of [`Endpoint`].
    pub ends: [Endpoint; 2],
}

/// Index into [`FlowKey::ends`] of the end that sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The lower endpoint.
    Low = 0,
    /// The higher endpoint.
    High = 1,
}

impl End {
    /// The opposite end.
    #[inline]
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// The element of a pair that belongs to this end.
    #[inline]
    pub fn of<T>(self, pair: &[T; 2]) -> &T {
        let [low, high] = pair;
        match self {
            Self::Low => low,
            Self::High => high,
        }
    }

    /// The same, to change.
    #[inline]
    pub fn of_mut<T>(self, pair: &mut [T; 2]) -> &mut T {
        let [low, high] = pair;
        match self {
            Self::Low => low,
            Self::High => high,
        }
    }
}

impl FlowKey {
    /// The key of a segment and the end that sent it.
    #[inline]
    pub fn of(segment: &Segment<'_>) -> (Self, End) {
        let source = Endpoint { address: segment.source, port: segment.source_port };
        let destination = Endpoint { address: segment.destination, port: segment.destination_port };
        if source <= destination {
            (Self { ends: [source, destination] }, End::Low)
        } else {
            (Self { ends: [destination, source] }, End::High)
        }
    }

    /// A keyed hash; the seed keeps strangers from choosing colliding flows.
    #[inline]
    pub fn hash(&self, seed: u64) -> u64 {
        let [low, high] = &self.ends;
        let ports = u64::from(low.port) << 16 | u64::from(high.port);
        let (a, b) = match (low.address, high.address) {
            (Address::V4(a), Address::V4(b)) => (u64::from(u32::from_be_bytes(a)), u64::from(u32::from_be_bytes(b))),
            (a, b) => (fold_v6(a, seed), fold_v6(b, !seed)),
        };
        multiply_fold(multiply_fold(a ^ seed, b ^ MIX_1) ^ ports, MIX_2)
    }
}

const MIX_1: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_2: u64 = 0xd6e8_feb8_6659_fd93;

#[inline]
fn multiply_fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

fn fold_v6(address: Address, seed: u64) -> u64 {
    match address {
        Address::V4(bytes) => u64::from(u32::from_be_bytes(bytes)),
        Address::V6(bytes) => {
            let whole = u128::from_be_bytes(bytes);
            multiply_fold((whole >> 64) as u64 ^ seed, whole as u64 ^ MIX_2)
        }
    }
}
