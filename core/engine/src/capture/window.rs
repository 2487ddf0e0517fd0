//! The one read buffer: a window of fixed size that moves over the bytes of a capture.

use std::io::{self, Read};

use super::frame::MAX_FRAME;
use super::source::{PLAIN_PIECE, Source};

/// The longest piece that is ever wanted whole: a frame with the header and the options around it.
pub(super) const MAX_RECORD: usize = MAX_FRAME as usize + 64 * 1024;
/// Room for one record that began in the last read, and a full read behind it.
const CAPACITY: usize = MAX_RECORD + PLAIN_PIECE;

/// Bytes `start..end` of the buffer are read and not yet used.
pub(super) struct Window {
    source: Source,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    buffer_offset: u64,
}

impl Window {
    pub(super) fn new(source: Source) -> Self {
        let buffer = vec![0; CAPACITY].into_boxed_slice();
        Self { source, buffer, start: 0, end: 0, buffer_offset: 0 }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Where the window starts in the uncompressed bytes.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.buffer_offset + self.start as u64
    }

    /// What is there without reading.
    #[inline]
    pub(super) fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes `count` bytes (at most `MAX_RECORD`) available; false where the capture ends before that.
    #[inline]
    pub(super) fn demand(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count { Ok(true) } else { self.fill(count) }
    }

    /// Passes over the next `count` bytes, which were demanded before.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = self.end.min(from + count);
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Where a piece that was taken from the buffer stands in it, to be read again until the next fill.
    #[inline]
    pub(super) fn position(&self, piece: (*const u8, usize)) -> (usize, usize) {
        (piece.0 as usize - self.buffer.as_ptr() as usize, piece.1)
    }

    /// The piece at a position.
    #[inline]
    pub(super) fn at(&self, position: usize, length: usize) -> &[u8] {
        self.buffer.get(position..position + length).unwrap_or_default()
    }

    /// Passes over any number of bytes, of which `see` is shown each piece; false where the capture ends before that.
    pub(super) fn pass(&mut self, mut count: u64, mut see: impl FnMut(&[u8])) -> io::Result<bool> {
        while count > 0 {
            if !self.demand(1)? {
                return Ok(false);
            }
            let piece = count.min(self.held().len() as u64);
            see(self.take(piece as usize));
            count -= piece;
        }
        Ok(true)
    }

    #[cold]
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.buffer_offset += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < count {
            let limit = (self.end + self.source.piece()).min(CAPACITY);
            let free = self.buffer.get_mut(self.end..limit).unwrap_or_default();
            match self.source.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
