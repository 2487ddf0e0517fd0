//! One pcapng block: its header, its two lengths, and passing over it. What the body says is not looked at.

use super::error::Fault;
use super::file::Halt;
use super::order::Order;
use super::window::{MAX_RECORD, Window};
use crate::bytes::{Parsed, Reader};

/// The type of the block that starts a section; the same in either byte order.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
/// Type and length before a block's body.
pub(super) const HEADER: usize = 8;
/// The length again behind it.
pub(super) const TRAILER: usize = 4;

/// A block whose header was looked at, not yet passed.
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) kind: u32,
    pub(super) length: usize,
    pub(super) order: Order,
}

impl Block {
    /// Looks at the header of the next block, in `order` unless it starts a section of its own order.
    #[inline]
    pub(super) fn next(window: &mut Window, order: Order) -> Result<Self, Halt> {
        let offset = window.offset();
        if !window.demand(HEADER)? {
            return Err(if window.held().is_empty() { Halt::End } else { Halt::Short(offset) });
        }
        let (kind, length) = header(window.held(), order).map_err(|_| Halt::Short(offset))?;
        let block = Self { offset, kind, length: length as usize, order };
        if kind == SECTION { block.section(window) } else { block.checked() }
    }

    /// The body of a block that is wanted whole; the block is not passed.
    #[inline]
    pub(super) fn whole<'w>(&self, window: &'w mut Window) -> Result<&'w [u8], Halt> {
        if self.length > MAX_RECORD {
            return Err(self.fault(Fault::BlockLength(self.length as u32)));
        }
        if !window.demand(self.length)? {
            return Err(self.short());
        }
        let bytes = window.held().get(..self.length).unwrap_or_default();
        let (front, last) = bytes.split_last_chunk::<TRAILER>().ok_or_else(|| self.short())?;
        self.check_trailer(last)?;
        Ok(front.get(HEADER..).unwrap_or_default())
    }

    /// Passes over what is left of the block: `count` bytes and the trailer behind them.
    pub(super) fn pass(&self, window: &mut Window, count: usize) -> Result<(), Halt> {
        if !window.pass(count as u64, |_| ())? || !window.demand(TRAILER)? {
            return Err(self.short());
        }
        self.check_trailer(window.take(TRAILER))
    }

    /// The stop where the block contradicts itself.
    pub(super) fn fault(&self, fault: Fault) -> Halt {
        Halt::Fault(self.offset, fault)
    }

    /// The stop where the block is too short for its fields.
    pub(super) fn misfit(&self) -> Halt {
        self.fault(Fault::BlockFields(self.kind))
    }

    /// The stop where the capture ends within the block.
    pub(super) fn short(&self) -> Halt {
        Halt::Short(self.offset)
    }

    /// The same header again in the byte order that the mark behind it tells.
    #[cold]
    fn section(self, window: &mut Window) -> Result<Self, Halt> {
        if !window.demand(HEADER + 4)? {
            return Err(self.short());
        }
        let mark = window.held().get(HEADER..).and_then(|bytes| bytes.first_chunk::<4>());
        let order = match mark.ok_or_else(|| self.short())? {
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            mark => return Err(self.fault(Fault::ByteOrder(*mark))),
        };
        let (_, length) = header(window.held(), order).map_err(|_| self.short())?;
        Self { length: length as usize, order, ..self }.checked()
    }

    #[inline]
    fn checked(self) -> Result<Self, Halt> {
        if !self.length.is_multiple_of(4) || self.length < HEADER + TRAILER {
            return Err(self.fault(Fault::BlockLength(self.length as u32)));
        }
        Ok(self)
    }

    #[inline]
    fn check_trailer(&self, bytes: &[u8]) -> Result<(), Halt> {
        let length = self.order.u32(&mut Reader::new(bytes)).map_err(|_| self.short())?;
        if length as usize == self.length {
            Ok(())
        } else {
            Err(self.fault(Fault::BlockTrailer(self.length as u32, length)))
        }
    }
}

#[inline]
fn header(bytes: &[u8], order: Order) -> Parsed<(u32, u32)> {
    let mut reader = Reader::new(bytes);
    Ok((order.u32(&mut reader)?, order.u32(&mut reader)?))
}
