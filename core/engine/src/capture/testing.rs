//! Writes captures in memory for tests: both formats, both byte orders.

use std::io::{Cursor, Write};

pub(crate) use super::order::Order;
use super::{CaptureError, CaptureFile, Cut, Frame};

/// A frame that owns its bytes, to compare what different captures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) time_ns: u64,
    pub(crate) link: u16,
    pub(crate) interface: u32,
    pub(crate) original_len: u32,
    pub(crate) bytes: Vec<u8>,
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        let Frame { time_ns, link, interface, original_len, bytes } = frame;
        Self { time_ns, link: link.0, interface, original_len, bytes: bytes.to_vec() }
    }
}

/// Everything a capture gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    pub(crate) frames: Vec<Owned>,
    pub(crate) cut: Option<Cut>,
    pub(crate) secrets: Vec<Vec<u8>>,
}

pub(crate) fn open(bytes: impl Into<Vec<u8>>) -> Result<CaptureFile, CaptureError> {
    CaptureFile::from_reader(Box::new(Cursor::new(bytes.into())))
}

/// Reads a capture to its end.
pub(crate) fn walk(bytes: impl Into<Vec<u8>>) -> Result<Walked, CaptureError> {
    let mut capture = open(bytes)?;
    let mut frames = Vec::new();
    while let Some(frame) = capture.next()? {
        frames.push(frame.into());
    }
    Ok(Walked { frames, cut: capture.cut(), secrets: capture.secrets() })
}

/// A capture being written.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    order: Order,
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    /// A classic capture of microseconds or nanoseconds.
    pub(crate) fn pcap(order: Order, nanoseconds: bool, link: u16) -> Self {
        let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        Self { order, bytes: Vec::new() }.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262_144).u32(u32::from(link))
    }

    /// A packet of a classic capture.
    pub(crate) fn record(self, seconds: u32, units: u32, original: u32, frame: &[u8]) -> Self {
        self.u32(seconds).u32(units).u32(frame.len() as u32).u32(original).raw(frame)
    }

    /// A pcapng capture with its first section.
    pub(crate) fn pcapng(order: Order) -> Self {
        Self { order, bytes: Vec::new() }.section(order)
    }

    /// A further section.
    pub(crate) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let body = self.body().u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        self.block(0x0a0d_0d0a, &body.bytes)
    }

    /// An interface with nanosecond time stamps.
    pub(crate) fn interface(self, link: u16) -> Self {
        self.interface_with(link, 0, &[(9, &[9])])
    }

    /// An interface with a snap length and options.
    pub(crate) fn interface_with(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let start = self.body().u16(link).u16(0).u32(snap_len);
        let body = options
            .iter()
            .fold(start, |body, (code, value)| body.u16(*code).u16(value.len() as u16).raw(value).aligned());
        self.block(1, &body.bytes)
    }

    /// An enhanced packet block.
    pub(crate) fn enhanced(self, interface: u32, time: u64, original: u32, frame: &[u8]) -> Self {
        let body = self.body().u32(interface).u32((time >> 32) as u32).u32(time as u32);
        let body = body.u32(frame.len() as u32).u32(original).raw(frame).aligned();
        self.block(6, &body.bytes)
    }

    /// An obsolete packet block.
    pub(crate) fn obsolete(self, interface: u16, time: u64, original: u32, frame: &[u8]) -> Self {
        let body = self.body().u16(interface).u16(7).u32((time >> 32) as u32).u32(time as u32);
        let body = body.u32(frame.len() as u32).u32(original).raw(frame).aligned();
        self.block(2, &body.bytes)
    }

    /// A simple packet block.
    pub(crate) fn simple(self, original: u32, frame: &[u8]) -> Self {
        let body = self.body().u32(original).raw(frame).aligned();
        self.block(3, &body.bytes)
    }

    /// A decryption secrets block.
    pub(crate) fn secrets(self, kind: u32, secrets: &[u8]) -> Self {
        let body = self.body().u32(kind).u32(secrets.len() as u32).raw(secrets).aligned();
        self.block(10, &body.bytes)
    }

    /// Any block.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Self {
        let length = body.len() as u32 + 12;
        self.u32(kind).u32(length).raw(body).u32(length)
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        match self.order {
            Order::Little => self.raw(&value.to_le_bytes()),
            Order::Big => self.raw(&value.to_be_bytes()),
        }
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        match self.order {
            Order::Little => self.raw(&value.to_le_bytes()),
            Order::Big => self.raw(&value.to_be_bytes()),
        }
    }

    fn aligned(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    fn body(&self) -> Self {
        Self { order: self.order, bytes: Vec::new() }
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
