//! Walks a capture and counts what it holds; the cost of everything before the flow table.

use std::path::PathBuf;
use std::process::ExitCode;

use engine::capture::{CaptureError, CaptureFile, Input};
use engine::packet::{Decoded, decode};

#[derive(Debug, Default)]
struct Totals {
    frames: u64,
    segments: u64,
    bytes: u64,
    payload: u64,
}

fn walk(input: Input) -> Result<Totals, CaptureError> {
    let mut capture = CaptureFile::open(input)?;
    let mut totals = Totals::default();
    while let Some(frame) = capture.next()? {
        totals.frames += 1;
        totals.bytes += u64::from(frame.original_len);
        if let Decoded::Tcp(segment) = decode(frame.link, frame.bytes) {
            totals.segments += 1;
            totals.payload += u64::from(segment.payload_len);
        }
    }
    if let Some(cut) = capture.cut() {
        eprintln!("{cut}");
    }
    Ok(totals)
}

fn main() -> ExitCode {
    let input = match std::env::args_os().nth(1) {
        Some(path) if path != "-" => Input::Path(PathBuf::from(path)),
        _ => Input::Stdin,
    };
    match walk(input) {
        Ok(totals) => println!("{totals:?}"),
        Err(error) => {
            eprintln!("the capture {error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
