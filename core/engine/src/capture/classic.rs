//! The classic pcap format: one header, one link type, then packets each behind a header of 16 bytes.

use super::error::{CaptureError, Fault};
use super::file::Halt;
use super::frame::{Frame, LinkType, MAX_FRAME};
use super::order::Order;
use super::window::Window;
use crate::bytes::{Parsed, Reader};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// The upper bits of the link type field tell of a frame check sequence; the length of the datagram trims it.
const LINK_TYPE_MASK: u32 = 0xffff;
const MODIFIED: &str =
    "is a pcap of the modified kind (magic a1b2cd34), which is not read: convert it with `editcap -F pcap`";

/// The state of a classic capture: what its header said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classic {
    order: Order,
    /// Nanoseconds in one unit of the second time field.
    unit_ns: u64,
    link: LinkType,
}

struct Record {
    time_ns: u64,
    captured: u32,
    original: u32,
}

impl Classic {
    /// Whether `magic` starts a classic capture, and how.
    pub(super) fn recognise(magic: [u8; 4]) -> Option<(Order, u64)> {
        match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => Some((Order::Little, 1_000)),
            [0xa1, 0xb2, 0xc3, 0xd4] => Some((Order::Big, 1_000)),
            [0x4d, 0x3c, 0xb2, 0xa1] => Some((Order::Little, 1)),
            [0xa1, 0xb2, 0x3c, 0x4d] => Some((Order::Big, 1)),
            _ => None,
        }
    }

    /// Refuses the variant whose packet headers are longer.
    pub(super) fn refuse_modified(magic: [u8; 4]) -> Result<(), CaptureError> {
        match magic {
            [0x34, 0xcd, 0xb2, 0xa1] | [0xa1, 0xb2, 0xcd, 0x34] => Err(CaptureError::Unsupported(MODIFIED)),
            _ => Ok(()),
        }
    }

    /// Reads the header of the file.
    pub(super) fn start(window: &mut Window, order: Order, unit_ns: u64) -> Result<Self, Halt> {
        let offset = window.offset();
        if !window.demand(FILE_HEADER)? {
            return Err(Halt::Short(offset));
        }
        let (major, minor, link) = header_fields(window.take(FILE_HEADER), order).map_err(|_| Halt::Short(offset))?;
        if (major, minor) != (2, 4) {
            return Err(Halt::Fault(offset, Fault::Version { format: "pcap", major, minor }));
        }
        Ok(Self { order, unit_ns, link: LinkType((link & LINK_TYPE_MASK) as u16) })
    }

    /// The next frame.
    #[inline]
    pub(super) fn next<'w>(&self, window: &'w mut Window) -> Result<Frame<'w>, Halt> {
        let offset = window.offset();
        if !window.demand(RECORD_HEADER)? {
            return Err(if window.held().is_empty() { Halt::End } else { Halt::Short(offset) });
        }
        let record = self.record(window.held()).map_err(|_| Halt::Short(offset))?;
        if record.captured > MAX_FRAME {
            return Err(Halt::Fault(offset, Fault::FrameLength(record.captured)));
        }
        let length = RECORD_HEADER + record.captured as usize;
        if !window.demand(length)? {
            return Err(Halt::Short(offset));
        }
        let bytes = window.take(length).get(RECORD_HEADER..).unwrap_or_default();
        Ok(Frame { time_ns: record.time_ns, link: self.link, interface: 0, original_len: record.original, bytes })
    }

    /// Whether the next frame is in the buffer, so that taking it reads nothing.
    #[inline]
    pub(super) fn is_buffered(&self, window: &Window) -> bool {
        let held = window.held();
        self.record(held).is_ok_and(|record| held.len() - RECORD_HEADER >= record.captured as usize)
    }

    #[inline]
    fn record(&self, bytes: &[u8]) -> Parsed<Record> {
        let mut reader = Reader::new(bytes);
        let seconds = self.order.u32(&mut reader)?;
        let units = self.order.u32(&mut reader)?;
        let time_ns = u64::from(seconds) * 1_000_000_000 + u64::from(units) * self.unit_ns;
        Ok(Record { time_ns, captured: self.order.u32(&mut reader)?, original: self.order.u32(&mut reader)? })
    }
}

/// Version and link type; between them stand a time zone, an accuracy and a snap length that nobody fills in.
fn header_fields(bytes: &[u8], order: Order) -> Parsed<(u16, u16, u32)> {
    let mut reader = Reader::new(bytes);
    reader.skip(4)?;
    let (major, minor) = (order.u16(&mut reader)?, order.u16(&mut reader)?);
    reader.skip(12)?;
    Ok((major, minor, order.u32(&mut reader)?))
}
