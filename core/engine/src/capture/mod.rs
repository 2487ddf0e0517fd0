//! Capture files and streams: from bytes on disk to timed frames.
