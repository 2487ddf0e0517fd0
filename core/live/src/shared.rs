//! What is shared with the BPF programs: the structs of `bpf/observer.h`, with the same sizes.

use aya::Pod;
use engine::flow::Endpoint;
use engine::packet::Address;

/// Words of the bit map of ports.
pub(crate) const PORT_WORDS: usize = 1024;

/// One direction of a connection: source and destination address (IPv4 as `::ffff:a.b.c.d`), then their ports, all
/// as on the wire.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direction {
    addresses: [[u8; 16]; 2],
    ports: [[u8; 2]; 2],
}

/// What the kernel counted of one direction; times are those of `CLOCK_MONOTONIC`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Packets, retransmissions included.
    pub packets: u64,
    /// Payload bytes on the wire.
    pub bytes: u64,
    /// When it was begun.
    pub first_ns: u64,
    /// When a packet was last handed over.
    pub passed_ns: u64,
    first_sequence: u32,
    passed: u32,
    interface: u32,
    far_ahead: u32,
}

const _: () = assert!(size_of::<Direction>() == 36);
const _: () = assert!(size_of::<Tally>() == 48);

// SAFETY: only integers, without padding: 2 * 16 + 2 * 2 bytes, and 4 * 8 + 4 * 4 bytes.
unsafe impl Pod for Direction {}
// SAFETY: as above.
unsafe impl Pod for Tally {}

/// What became of packets in the kernel, in the order of `enum fate`.
pub(crate) const FATES: [&str; 5] = [
    "kernel_other_interface",
    "kernel_other_traffic",
    "kernel_counted_only",
    "kernel_passed",
    "kernel_passed_uncounted",
];

impl Direction {
    /// From one endpoint to another.
    pub fn new(source: Endpoint, destination: Endpoint) -> Self {
        Self {
            addresses: [wide(source.address), wide(destination.address)],
            ports: [source.port.to_be_bytes(), destination.port.to_be_bytes()],
        }
    }
}

/// An address as the maps hold it.
pub(crate) fn wide(address: Address) -> [u8; 16] {
    match address {
        Address::V4(bytes) => std::net::Ipv4Addr::from(bytes).to_ipv6_mapped().octets(),
        Address::V6(bytes) => bytes,
    }
}
