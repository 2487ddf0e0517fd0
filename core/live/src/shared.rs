//! What is shared with the BPF programs: the structs of `bpf/observer.h`, with the same sizes.

use aya::Pod;
use engine::flow::Endpoint;
use engine::packet::Address;
use std::borrow::Cow;
use std::net::Ipv6Addr;

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

/// A process as the kernel describes it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawProcess {
    /// Number of the process on the host.
    pub pid: u32,
    unused: u32,
    /// Key of its control group's names.
    pub group: u64,
    name: [u8; 16],
    executable: [u8; 64],
}

/// The names of a control group and its parents, innermost first.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawGroup {
    names: [[u8; 128]; 8],
}

/// A connection by the sequence numbers of its two SYNs, and one end of it: 0 the client, 1 the server.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Of the client's SYN.
    pub client_sequence: u32,
    /// Of the server's SYN.
    pub server_sequence: u32,
    /// Whose process is asked for.
    pub side: u32,
}

/// A connection that a process held when it was asked.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawHolding {
    /// What the socket sends.
    pub way: Direction,
    /// Number of the network namespace that the socket is in.
    pub network_namespace: u32,
    /// Who holds it.
    pub process: RawProcess,
}

const _: () = assert!(size_of::<RawProcess>() == 96);
const _: () = assert!(size_of::<RawGroup>() == 1024);
const _: () = assert!(size_of::<Opening>() == 12);
const _: () = assert!(size_of::<RawHolding>() == 136);
const _: () = assert!(size_of::<Direction>() == 36);
const _: () = assert!(size_of::<Tally>() == 48);

// SAFETY: only integers, without padding: 2 * 16 + 2 * 2 bytes, and 4 * 8 + 4 * 4 bytes.
unsafe impl Pod for Direction {}
// SAFETY: as above.
unsafe impl Pod for Tally {}
// SAFETY: integers and bytes, without padding: 2 * 4 + 8 + 16 + 64 bytes.
unsafe impl Pod for RawProcess {}
// SAFETY: bytes only.
unsafe impl Pod for RawGroup {}
// SAFETY: 3 * 4 bytes of integers.
unsafe impl Pod for Opening {}
// SAFETY: 36 + 4 + 96 bytes, without padding, of what is itself plain.
unsafe impl Pod for RawHolding {}

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

    /// Who sends, and to whom.
    pub fn ends(self) -> [Endpoint; 2] {
        let [source, destination] = self.addresses.map(narrow);
        let [source_port, destination_port] = self.ports.map(u16::from_be_bytes);
        [Endpoint { address: source, port: source_port }, Endpoint { address: destination, port: destination_port }]
    }
}

impl RawProcess {
    /// What it calls itself.
    pub fn name(&self) -> String {
        text(&self.name).into_owned()
    }

    /// The base name of the file it runs.
    pub fn executable(&self) -> String {
        text(&self.executable).into_owned()
    }
}

impl RawGroup {
    /// The names, innermost first.
    pub fn names(&self) -> Vec<Cow<'_, str>> {
        self.names.iter().map(|name| text(name)).filter(|name| !name.is_empty()).collect()
    }
}

impl RawHolding {
    /// Reads one as the iterator writes it.
    pub fn read(bytes: &[u8; size_of::<Self>()]) -> Self {
        // SAFETY: any bytes are a holding, and reading unaligned needs no alignment.
        unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() }
    }
}

/// The text before the first zero byte.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
}

/// An address from the form in which the maps hold it.
fn narrow(bytes: [u8; 16]) -> Address {
    match Ipv6Addr::from(bytes).to_ipv4_mapped() {
        Some(address) => Address::V4(address.octets()),
        None => Address::V6(bytes),
    }
}

/// An address as the maps hold it.
pub(crate) fn wide(address: Address) -> [u8; 16] {
    match address {
        Address::V4(bytes) => std::net::Ipv4Addr::from(bytes).to_ipv6_mapped().octets(),
        Address::V6(bytes) => bytes,
    }
}
