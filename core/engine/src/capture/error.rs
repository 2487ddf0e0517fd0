//! What can be wrong with a capture, each in one line for the person who named it; the caller adds the file's name.

use std::fmt;
use std::io;

use super::frame::LinkType;
use super::source::Compression;

/// Why a capture cannot be read at all. Offsets count the uncompressed bytes.
#[derive(Debug)]
pub enum CaptureError {
    /// It cannot be opened.
    Open(io::Error),
    /// It is a directory.
    Directory,
    /// The system failed to read it.
    Read {
        /// Up to where it could be read.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// It holds no byte.
    Empty,
    /// It is some other kind of file; these are its first bytes.
    NotACapture(Vec<u8>),
    /// It is of a kind we know and do not read.
    Unsupported(&'static str),
    /// All its packets are of link types that we do not read; this is the last one's.
    LinkType(LinkType),
    /// It ends inside the header of the file.
    TruncatedHeader {
        /// How long it is.
        length: u64,
    },
    /// It is damaged before its first packet.
    Damaged {
        /// Where the damage starts.
        offset: u64,
        /// What does not hold.
        fault: Fault,
    },
    /// It cannot be decompressed up to its first packet.
    Stream {
        /// The kind of the stream.
        compression: Compression,
        /// What the decompressor said.
        source: io::Error,
    },
}

/// What does not hold in a damaged capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A version that we do not read.
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The part before the dot.
        major: u16,
        /// The part behind the dot.
        minor: u16,
    },
    /// A packet longer than any writer stores.
    FrameLength(u32),
    /// A packet longer than the block around it.
    FrameBeyondBlock(u32),
    /// A block too short, too long or not aligned.
    BlockLength(u32),
    /// The two lengths of a block differ.
    BlockTrailer(u32, u32),
    /// A section of no known byte order.
    ByteOrder([u8; 4]),
    /// A block whose fields do not fit into it.
    BlockFields(u32),
    /// More interfaces than we keep.
    Interfaces,
}

/// Where and why a capture ends before its end; what came before is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where the first record stands that was not read, in uncompressed bytes.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: CutReason,
}

/// Why a capture ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutReason {
    /// The last record is not whole.
    EndsEarly,
    /// What follows cannot be trusted.
    Damaged(Fault),
    /// What follows cannot be decompressed.
    Stream {
        /// The kind of the stream.
        compression: Compression,
        /// What the decompressor said.
        message: String,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(source) => write!(f, "cannot be opened: {source}"),
            Self::Directory => f.write_str("is a directory, not a capture"),
            Self::Read { offset, source } => write!(f, "cannot be read at byte {offset}: {source}"),
            Self::Empty => f.write_str("is empty"),
            Self::NotACapture(head) => write!(f, "is not a pcap or pcapng capture: it starts with {}", Head(head)),
            Self::Unsupported(what) => f.write_str(what),
            Self::LinkType(LinkType(number)) => {
                write!(
                    f,
                    "holds only packets of link type {number}: Ethernet, Linux cooked, raw IP and loopback are read"
                )
            }
            Self::TruncatedHeader { length } => write!(f, "ends at byte {length}, inside the header of the capture"),
            Self::Damaged { fault: fault @ Fault::Version { .. }, .. } => fault.fmt(f),
            Self::Damaged { offset, fault } => write!(f, "is damaged at byte {offset}: {fault}"),
            Self::Stream { compression, source } => {
                write!(f, "cannot be decompressed ({compression}) up to its first packet: {}", described(source))
            }
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(source) | Self::Read { source, .. } | Self::Stream { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { format, major, minor } => write!(f, "{format} version {major}.{minor} is not supported"),
            Self::FrameLength(length) => write!(f, "a packet of {length} bytes"),
            Self::FrameBeyondBlock(length) => write!(f, "a packet of {length} bytes in a block shorter than that"),
            Self::BlockLength(length) => write!(f, "a block of {length} bytes"),
            Self::BlockTrailer(first, last) => write!(f, "a block of {first} bytes that ends as one of {last}"),
            Self::ByteOrder(bytes) => write!(f, "a section with the byte order mark {}", Head(bytes)),
            Self::BlockFields(kind) => write!(f, "a block of type {kind} too short for its fields"),
            Self::Interfaces => f.write_str("too many interfaces"),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            CutReason::EndsEarly => write!(f, "ends in the middle of the record at byte {}", self.offset),
            CutReason::Damaged(fault) => write!(f, "damaged at byte {}: {fault}", self.offset),
            CutReason::Stream { compression, message } => {
                write!(f, "cannot be decompressed ({compression}) behind byte {}: {message}", self.offset)
            }
        }
    }
}

/// The words of a decompressor, but for an early end, which each calls something else.
pub(super) fn described(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the stream ends early".into(),
        _ => error.to_string(),
    }
}

/// First bytes as hexadecimal numbers and, where they are text, as text.
struct Head<'a>(&'a [u8]);

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        if self.0.iter().any(u8::is_ascii_graphic) {
            write!(f, " (\"{}\")", self.0.escape_ascii())?;
        }
        Ok(())
    }
}
