//! Any bytes as a capture, walked to its end with every frame decoded.
#![no_main]

use std::io::Cursor;

use engine::capture::CaptureFile;
use engine::packet::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match CaptureFile::from_reader(Box::new(Cursor::new(bytes.to_vec()))) {
        Ok(capture) => walk(capture),
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
});

fn walk(mut capture: CaptureFile) {
    while let Ok(Some(frame)) = capture.next() {
        let _ = decode(frame.link, frame.bytes);
    }
    assert!(matches!(capture.next(), Ok(None)), "a capture ends once");
    let _ = capture.secrets();
    if let Some(cut) = capture.cut() {
        assert_eq!(cut.to_string().lines().count(), 1);
    }
}
