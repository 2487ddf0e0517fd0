//! The pcapng format: sections of blocks. Packets, interfaces and TLS key logs are taken, other blocks passed over.

use super::block::{self, Block};
use super::error::Fault;
use super::file::{Counts, Halt};
use super::frame::{Frame, LinkType, MAX_FRAME};
use super::interface::Interface;
use super::order::Order;
use super::window::Window;
use crate::bytes::{Parsed, Reader};

const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
/// Secrets in the format of `SSLKEYLOGFILE`.
const NSS_KEY_LOG: u32 = 0x544c_534b;

/// The format and the length of secrets before them.
const SECRETS_HEADER: usize = 8;
/// As many as obsolete packet blocks can number; far more than a node has.
const MAX_INTERFACES: usize = 1 << 16;
/// Secrets kept until they are fetched; the key log of some 50,000 sessions.
const MAX_SECRETS: usize = 16 * 1024 * 1024;

/// The state of a pcapng capture: the section it is in.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// The interfaces of the sections before this one.
    earlier_interfaces: u32,
    time_ns: u64,
    secrets: Vec<Vec<u8>>,
    secrets_len: usize,
    counts: Counts,
}

/// A packet whose block is whole in the window.
struct Packet {
    time_ns: u64,
    link: LinkType,
    interface: u32,
    captured: u32,
    original: u32,
    /// Where the frame starts within the block.
    at: usize,
}

impl Pcapng {
    /// Whether `magic` starts a pcapng capture.
    pub(super) fn recognise(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == block::SECTION
    }

    /// Reads the header of the first section.
    pub(super) fn start(window: &mut Window) -> Result<Self, Halt> {
        let mut pcapng = Self {
            order: Order::Little,
            interfaces: Vec::new(),
            earlier_interfaces: 0,
            time_ns: 0,
            secrets: Vec::new(),
            secrets_len: 0,
            counts: Counts::default(),
        };
        let block = Block::next(window, pcapng.order)?;
        pcapng.section(window, &block)?;
        Ok(pcapng)
    }

    /// The next frame.
    #[inline]
    pub(super) fn next<'w>(&mut self, window: &'w mut Window) -> Result<Frame<'w>, Halt> {
        let (length, packet) = self.find(window)?;
        self.time_ns = packet.time_ns;
        let bytes = window.take(length).get(packet.at..).and_then(|bytes| bytes.get(..packet.captured as usize));
        Ok(Frame {
            time_ns: packet.time_ns,
            link: packet.link,
            interface: self.earlier_interfaces.wrapping_add(packet.interface),
            original_len: packet.original,
            bytes: bytes.unwrap_or_default(),
        })
    }

    /// Whether the next block is a packet's and in the buffer, so that taking it reads nothing.
    #[inline]
    pub(super) fn is_buffered(&self, window: &Window) -> bool {
        let held = window.held();
        let mut reader = Reader::new(held);
        let (kind, length) = (self.order.u32(&mut reader), self.order.u32(&mut reader));
        matches!(kind, Ok(ENHANCED_PACKET)) && length.is_ok_and(|length| length as usize <= held.len())
    }

    /// What was met so far, but for the frames.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The key logs met since the last call.
    pub(super) fn secrets(&mut self) -> Vec<Vec<u8>> {
        self.secrets_len = 0;
        std::mem::take(&mut self.secrets)
    }

    /// Passes blocks up to one with a packet, and tells that one's length.
    #[inline]
    fn find(&mut self, window: &mut Window) -> Result<(usize, Packet), Halt> {
        loop {
            let block = Block::next(window, self.order)?;
            if !matches!(block.kind, ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET) {
                self.other(window, &block)?;
            } else if let Some(packet) = self.packet(window, &block)? {
                return Ok((block.length, packet));
            } else {
                window.take(block.length);
                self.counts.unknown_interface += 1;
            }
        }
    }

    #[cold]
    fn other(&mut self, window: &mut Window, block: &Block) -> Result<(), Halt> {
        match block.kind {
            block::SECTION => self.section(window, block),
            INTERFACE => self.interface(window, block),
            SECRETS => self.take_secrets(window, block),
            _ => {
                self.counts.skipped_blocks += 1;
                block.pass(window, block.length - block::TRAILER)
            }
        }
    }

    fn section(&mut self, window: &mut Window, block: &Block) -> Result<(), Halt> {
        let (major, minor) = section_version(block.whole(window)?, block.order).map_err(|_| block.misfit())?;
        if major != 1 {
            return Err(block.fault(Fault::Version { format: "pcapng", major, minor }));
        }
        window.take(block.length);
        self.order = block.order;
        self.earlier_interfaces = self.earlier_interfaces.wrapping_add(self.interfaces.len() as u32);
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, window: &mut Window, block: &Block) -> Result<(), Halt> {
        let interface = Interface::read(block.whole(window)?, self.order).map_err(|_| block.misfit())?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(block.fault(Fault::Interfaces));
        }
        window.take(block.length);
        self.interfaces.push(interface);
        Ok(())
    }

    fn take_secrets(&mut self, window: &mut Window, block: &Block) -> Result<(), Halt> {
        let front = block::HEADER + SECRETS_HEADER;
        let room = block.length.checked_sub(front + block::TRAILER).ok_or_else(|| block.misfit())?;
        if !window.demand(front)? {
            return Err(block.short());
        }
        let (kind, length) = secrets_fields(window.take(front), self.order).map_err(|_| block.misfit())?;
        let length = length as usize;
        if length > room {
            return Err(block.misfit());
        }
        if kind != NSS_KEY_LOG || self.secrets_len + length > MAX_SECRETS {
            self.counts.skipped_secrets += 1;
            return block.pass(window, room);
        }
        let mut secrets = Vec::new();
        if !window.pass(length as u64, |piece| secrets.extend_from_slice(piece))? {
            return Err(block.short());
        }
        self.secrets_len += length;
        self.secrets.push(secrets);
        block.pass(window, room - length)
    }

    /// The packet of a block, which is not passed; `None` where its interface was never described.
    #[inline]
    fn packet(&self, window: &mut Window, block: &Block) -> Result<Option<Packet>, Halt> {
        let mut reader = Reader::new(block.whole(window)?);
        let packet = match block.kind {
            SIMPLE_PACKET => self.simple(&mut reader),
            kind => self.enhanced(&mut reader, kind),
        };
        match packet.map_err(|_| block.misfit())? {
            Some(Packet { captured, .. }) if captured > MAX_FRAME => Err(block.fault(Fault::FrameLength(captured))),
            Some(Packet { captured, .. }) if captured as usize > reader.len() => {
                Err(block.fault(Fault::FrameBeyondBlock(captured)))
            }
            packet => Ok(packet),
        }
    }

    /// Enhanced and obsolete packet blocks differ in the width of the interface's number.
    #[inline]
    fn enhanced(&self, reader: &mut Reader<'_>, kind: u32) -> Parsed<Option<Packet>> {
        let interface = if kind == ENHANCED_PACKET {
            self.order.u32(reader)?
        } else {
            let interface = self.order.u16(reader)?;
            reader.skip(2)?;
            u32::from(interface)
        };
        let (high, low) = (self.order.u32(reader)?, self.order.u32(reader)?);
        let (captured, original) = (self.order.u32(reader)?, self.order.u32(reader)?);
        Ok(self.interfaces.get(interface as usize).map(|described| {
            let time_ns = described.time_ns(u64::from(high) << 32 | u64::from(low));
            Packet { time_ns, link: described.link, interface, captured, original, at: block::HEADER + 20 }
        }))
    }

    /// A simple packet block has no time, belongs to the first interface and is cut by that one's snap length.
    fn simple(&self, reader: &mut Reader<'_>) -> Parsed<Option<Packet>> {
        let original = self.order.u32(reader)?;
        Ok(self.interfaces.first().map(|described| {
            let limit = if described.snap_len == 0 { u32::MAX } else { described.snap_len };
            let (link, captured) = (described.link, original.min(limit));
            Packet { time_ns: self.time_ns, link, interface: 0, captured, original, at: block::HEADER + 4 }
        }))
    }
}

fn section_version(body: &[u8], order: Order) -> Parsed<(u16, u16)> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    Ok((order.u16(&mut reader)?, order.u16(&mut reader)?))
}

fn secrets_fields(front: &[u8], order: Order) -> Parsed<(u32, u32)> {
    let mut reader = Reader::new(front);
    reader.skip(block::HEADER)?;
    Ok((order.u32(&mut reader)?, order.u32(&mut reader)?))
}
