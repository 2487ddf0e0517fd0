//! Capture files and streams: from bytes on disk to timed frames. What the frames hold is not looked at.

mod classic;
mod error;
mod file;
mod frame;
mod order;
mod source;
mod window;

pub use error::{CaptureError, Cut, CutReason, Fault};
pub use file::{CaptureFile, Counts, Input};
pub use frame::{Frame, LinkType};
pub use source::Compression;
