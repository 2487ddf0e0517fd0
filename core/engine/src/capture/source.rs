//! The bytes of a capture: plain or decompressed, told by their first bytes and never by a file's name.

use std::fmt;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::error::CaptureError;

/// How many bytes tell a compression.
const HEAD: usize = 4;
/// One read of compressed bytes.
const COMPRESSED_READ: usize = 128 * 1024;
/// One read of plain bytes: large, since each costs a system call, yet still in the processor's cache when it is
/// looked at (a walk takes 4 % less than with 1 MiB).
pub(super) const PLAIN_PIECE: usize = 256 * 1024;
/// One read of decompressed bytes; small, since a damaged stream loses what was decompressed in the same read.
const DECOMPRESSED_PIECE: usize = 64 * 1024;
/// The largest window a zstd stream may ask for, as a power of two: what `zstd --long` writes and `zstd -d` accepts.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a capture is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "not compressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The stored bytes, counted; those read to tell the compression are given out again.
struct Stored {
    inner: Box<dyn Read + Send>,
    head: [u8; HEAD],
    head_at: usize,
    head_len: usize,
    taken: u64,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(mut head) = self.head.get(self.head_at..self.head_len).filter(|head| !head.is_empty()) {
            let count = head.read(buffer)?;
            self.head_at += count;
            return Ok(count);
        }
        let count = self.inner.read(buffer)?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl Stored {
    fn new(inner: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut stored = Self { inner, head: [0; HEAD], head_at: 0, head_len: 0, taken: 0 };
        while let Some(free) = stored.head.get_mut(stored.head_len..).filter(|free| !free.is_empty()) {
            match stored.inner.read(free) {
                Ok(0) => break,
                Ok(count) => stored.head_len += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stored.taken = stored.head_len as u64;
        Ok(stored)
    }

    fn compression(&self) -> Result<Compression, CaptureError> {
        match self.head {
            _ if self.head_len == 0 => Err(CaptureError::Empty),
            [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
            // RFC 8878 3.1.2: parallel writers put a skippable frame first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Ok(Compression::Zstd),
            [0xfd, b'7', b'z', b'X'] => {
                Err(CaptureError::Unsupported("is compressed with xz: only gzip and zstd are read"))
            }
            [b'B', b'Z', b'h', _] => {
                Err(CaptureError::Unsupported("is compressed with bzip2: only gzip and zstd are read"))
            }
            [0x04, 0x22, 0x4d, 0x18] => {
                Err(CaptureError::Unsupported("is compressed with lz4: only gzip and zstd are read"))
            }
            [b'P', b'K', 3, 4] => Err(CaptureError::Unsupported("is a zip archive: only gzip and zstd are read")),
            _ => Ok(Compression::None),
        }
    }
}

/// The uncompressed bytes of a capture.
pub(super) struct Source {
    size: Option<u64>,
    kind: Kind,
}

enum Kind {
    Plain(Stored),
    Gzip(Box<MultiGzDecoder<BufReader<Stored>>>),
    Zstd(Box<ZstdDecoder<'static, BufReader<Stored>>>),
}

impl Source {
    /// Looks at the first bytes of `inner`, which holds `size` bytes where that is known.
    pub(super) fn new(inner: Box<dyn Read + Send>, size: Option<u64>) -> Result<Self, CaptureError> {
        let unreadable = |source| CaptureError::Read { offset: 0, source };
        let stored = Stored::new(inner).map_err(unreadable)?;
        let kind = match stored.compression()? {
            Compression::None => Kind::Plain(stored),
            Compression::Gzip => {
                Kind::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_READ, stored))))
            }
            Compression::Zstd => {
                let buffered = BufReader::with_capacity(COMPRESSED_READ, stored);
                let mut decoder = ZstdDecoder::with_buffer(buffered).map_err(unreadable)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(unreadable)?;
                Kind::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { size, kind })
    }

    /// How the stored bytes are compressed.
    pub(super) fn compression(&self) -> Compression {
        match self.kind {
            Kind::Plain(_) => Compression::None,
            Kind::Gzip(_) => Compression::Gzip,
            Kind::Zstd(_) => Compression::Zstd,
        }
    }

    /// Stored bytes read so far, and how many there are.
    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        let stored = match &self.kind {
            Kind::Plain(stored) => stored,
            Kind::Gzip(decoder) => decoder.get_ref().get_ref(),
            Kind::Zstd(decoder) => decoder.get_ref().get_ref(),
        };
        (stored.taken, self.size)
    }

    /// How many bytes to ask for at a time.
    pub(super) fn piece(&self) -> usize {
        match self.kind {
            Kind::Plain(_) => PLAIN_PIECE,
            Kind::Gzip(_) | Kind::Zstd(_) => DECOMPRESSED_PIECE,
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Plain(stored) => stored.read(buffer),
            Kind::Gzip(decoder) => decoder.read(buffer),
            Kind::Zstd(decoder) => decoder.read(buffer),
        }
    }
}
