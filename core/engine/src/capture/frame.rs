//! What a capture hands out: one frame with its time, still undecoded.

/// The longest frame taken: the largest snap length of libpcap (`MAXIMUM_SNAPLEN`), which is also Wireshark's
/// bound, so that no honest writer exceeds it. A longer one means that the length itself is damaged.
pub(super) const MAX_FRAME: u32 = 256 * 1024;

/// The kind of header a frame begins with, by its number in the tcpdump.org registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured frame, borrowed from the read buffer until the next one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Nanoseconds since 1970; a frame stored without a time has that of the frame before it.
    pub time_ns: u64,
    /// What the first header is.
    pub link: LinkType,
    /// The capturing interface, counted from 0 over all sections of the file.
    pub interface: u32,
    /// The length on the wire; longer than `bytes` where the snap length cut the frame.
    pub original_len: u32,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// Frames of one batch: few enough for their headers to stay in the first-level cache, many enough to overlap the
/// cache misses of what they lead to.
pub const BATCH_FRAMES: usize = 32;

/// A frame by its place in the read buffer, valid until more is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) time_ns: u64,
    pub(super) link: LinkType,
    pub(super) interface: u32,
    pub(super) original_len: u32,
    pub(super) at: usize,
    pub(super) length: usize,
}
