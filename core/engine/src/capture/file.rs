//! One capture from its opening to its end: which format it is, and what an early end means.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::classic::Classic;
use super::error::{CaptureError, Cut, CutReason, Fault, described};
use super::frame::{BATCH_FRAMES, Frame, Span};
use super::pcapng::Pcapng;
use super::source::{Compression, Source};
use super::window::Window;

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, or anything else that can be opened and read.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// What was met on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames given out.
    pub frames: u64,
    /// Blocks passed over: of no interest, or of unknown kind.
    pub skipped_blocks: u64,
    /// Packets of an interface that the capture does not describe.
    pub unknown_interface: u64,
    /// Secrets in a format that is not read, or more than are kept.
    pub skipped_secrets: u64,
}

/// Why a format's reader gives no further frame; the offset is that of the record it stopped at.
pub(super) enum Halt {
    End,
    Short(u64),
    Fault(u64, Fault),
    Io(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

enum Format {
    Classic(Classic),
    Pcapng(Pcapng),
}

/// A capture being read, front to back, once.
pub struct CaptureFile {
    window: Window,
    format: Format,
    compression: Compression,
    frames: u64,
    ended: bool,
    cut: Option<Cut>,
    batch: Vec<Span>,
}

impl CaptureFile {
    /// Opens a capture and reads its header.
    pub fn open(input: Input) -> Result<Self, CaptureError> {
        let file = match input {
            Input::Path(path) => File::open(path),
            Input::Stdin => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        }
        .map_err(CaptureError::Open)?;
        let metadata = file.metadata().map_err(CaptureError::Open)?;
        if metadata.is_dir() {
            return Err(CaptureError::Directory);
        }
        let size = metadata.is_file().then_some(metadata.len());
        Self::start(Source::new(Box::new(file), size)?)
    }

    /// Reads a capture from anything that gives bytes.
    pub fn from_reader(reader: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        Self::start(Source::new(reader, None)?)
    }

    /// The next frame; `None` at the end, also where the capture is cut (see [`CaptureFile::cut`]).
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "a frame borrows from the buffer, which `Iterator` cannot say")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let offset = self.window.offset();
        let next = match &mut self.format {
            Format::Classic(classic) => classic.next(&mut self.window),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.window),
        };
        match next {
            Ok(frame) => {
                self.frames += 1;
                Ok(Some(frame))
            }
            Err(halt) => {
                self.ended = true;
                self.cut = ending(halt, offset, self.frames, self.compression)?;
                Ok(None)
            }
        }
    }

    /// The next frames, at most [`BATCH_FRAMES`]; none at the end.
    pub fn next_batch(&mut self) -> Result<impl Iterator<Item = Frame<'_>>, CaptureError> {
        self.fill_batch()?;
        Ok(self.batch())
    }

    /// Reads the next frames, at most [`BATCH_FRAMES`], for [`CaptureFile::batch`]; secrets on the way come first.
    pub fn fill_batch(&mut self) -> Result<(), CaptureError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        while batch.len() < BATCH_FRAMES && (batch.is_empty() || self.is_buffered()) {
            let Some(frame) = self.next()? else { break };
            let Frame { time_ns, link, interface, original_len, bytes } = frame;
            let piece = (bytes.as_ptr(), bytes.len());
            let (at, length) = self.window.position(piece);
            batch.push(Span { time_ns, link, interface, original_len, at, length });
        }
        self.batch = batch;
        Ok(())
    }

    /// The frames that [`CaptureFile::fill_batch`] read.
    pub fn batch(&self) -> impl Iterator<Item = Frame<'_>> {
        self.batch.iter().map(|span| Frame {
            time_ns: span.time_ns,
            link: span.link,
            interface: span.interface,
            original_len: span.original_len,
            bytes: self.window.at(span.at, span.length),
        })
    }

    fn is_buffered(&self) -> bool {
        match &self.format {
            Format::Classic(classic) => classic.is_buffered(&self.window),
            Format::Pcapng(pcapng) => pcapng.is_buffered(&self.window),
        }
    }

    /// Stored (perhaps compressed) bytes read so far, and how many there are where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.window.source().progress()
    }

    /// How the capture is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Where the capture ended early, once `next` gave `None`.
    pub fn cut(&self) -> Option<Cut> {
        self.cut.clone()
    }

    /// What was met so far.
    pub fn counts(&self) -> Counts {
        let counts = match &self.format {
            Format::Classic(_) => Counts::default(),
            Format::Pcapng(pcapng) => pcapng.counts(),
        };
        Counts { frames: self.frames, ..counts }
    }

    /// The TLS key logs (text as in `SSLKEYLOGFILE`) that the capture held since the last call.
    pub fn secrets(&mut self) -> Vec<Vec<u8>> {
        match &mut self.format {
            Format::Classic(_) => Vec::new(),
            Format::Pcapng(pcapng) => pcapng.secrets(),
        }
    }

    fn start(source: Source) -> Result<Self, CaptureError> {
        let mut window = Window::new(source);
        let format = Format::start(&mut window)?;
        let compression = window.source().compression();
        Ok(Self {
            window,
            format,
            compression,
            frames: 0,
            ended: false,
            cut: None,
            batch: Vec::with_capacity(BATCH_FRAMES),
        })
    }
}

impl Format {
    fn start(window: &mut Window) -> Result<Self, CaptureError> {
        window.demand(4).map_err(|error| refused(error.into(), window))?;
        let Some(&magic) = window.held().first_chunk::<4>() else {
            return Err(not_a_capture(window.held()));
        };
        if Pcapng::recognise(magic) {
            return Pcapng::start(window).map(Self::Pcapng).map_err(|halt| refused(halt, window));
        }
        Classic::refuse_modified(magic)?;
        if let Some((order, unit_ns)) = Classic::recognise(magic) {
            let classic = Classic::start(window, order, unit_ns);
            return classic.map(Self::Classic).map_err(|halt| refused(halt, window));
        }
        Err(not_a_capture(&magic))
    }
}

fn not_a_capture(head: &[u8]) -> CaptureError {
    if head.is_empty() { CaptureError::Empty } else { CaptureError::NotACapture(head.to_vec()) }
}

/// What the user is told where the header of the file cannot be read.
fn refused(halt: Halt, window: &Window) -> CaptureError {
    match halt {
        Halt::End | Halt::Short(_) => {
            CaptureError::TruncatedHeader { length: window.offset() + window.held().len() as u64 }
        }
        Halt::Fault(offset, fault) => CaptureError::Damaged { offset, fault },
        Halt::Io(source) => unreadable(source, window.offset(), window.source().compression()),
    }
}

/// Whether a stop behind `frames` good frames, the last of which ends at `offset`, is the end, a cut or an error.
#[cold]
fn ending(halt: Halt, offset: u64, frames: u64, compression: Compression) -> Result<Option<Cut>, CaptureError> {
    let (offset, reason) = match halt {
        Halt::End => return Ok(None),
        Halt::Short(offset) => (offset, CutReason::EndsEarly),
        Halt::Fault(offset, fault) if frames == 0 => return Err(CaptureError::Damaged { offset, fault }),
        Halt::Fault(offset, fault) => (offset, CutReason::Damaged(fault)),
        Halt::Io(source) => match unreadable(source, offset, compression) {
            CaptureError::Stream { compression, source } if frames > 0 => {
                (offset, CutReason::Stream { compression, message: described(&source) })
            }
            error => return Err(error),
        },
    };
    Ok(Some(Cut { offset, reason }))
}

/// A failing system and a damaged stream both arrive as a failed read; only the first has a number of the system.
fn unreadable(source: io::Error, offset: u64, compression: Compression) -> CaptureError {
    if compression == Compression::None || source.raw_os_error().is_some() {
        CaptureError::Read { offset, source }
    } else {
        CaptureError::Stream { compression, source }
    }
}
