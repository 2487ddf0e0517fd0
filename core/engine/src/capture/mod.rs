//! Capture files and streams: from bytes on disk to timed frames. What the frames hold is not looked at.

mod block;
mod classic;
mod error;
mod file;
mod frame;
mod interface;
mod order;
mod pcapng;
mod source;
mod window;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use error::{CaptureError, Cut, CutReason, Fault};
pub use file::{CaptureFile, Counts, Input};
pub use frame::{BATCH_FRAMES, Frame, LinkType};
pub use source::Compression;
