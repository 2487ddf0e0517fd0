//! Any bytes as a capture, from its frames to the events of its flows, with bounds so low that they are met.
#![no_main]

use std::io::{self, Cursor};

use engine::analysis::Analysis;
use engine::capture::CaptureFile;
use engine::flow::Limits;
use engine::judge::{Judge, Judgement, Surroundings};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    flows: 8,
    open_exchanges: 4,
    held_bytes: 4096,
    idle_timeout_ns: 60_000_000_000,
    closing_timeout_ns: 5_000_000_000,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = CaptureFile::from_reader(Box::new(Cursor::new(bytes.to_vec()))) else { return };
    let mut analysis = Analysis::new(LIMITS);
    if analysis.read_capture(file, &mut |_, _| true).is_err() {
        return;
    }
    analysis.finish().expect("flows end");
    analysis.survey().expect("a survey");
    let mut events = Counted(0);
    let surroundings = Surroundings { events: true, ..Surroundings::default() };
    let _ = analysis.judge(&surroundings, &mut events).expect("a judgement");
    let flows = analysis.counters().iter().find(|(name, _)| *name == "flows").map(|(_, count)| *count);
    assert_eq!(Some(events.0), flows, "one event for each flow");
});

/// Counts the lines of events.
struct Counted(u64);

impl Judge for Counted {
    type Error = io::Error;

    fn judge(&mut self, shape: &[u8]) -> io::Result<Judgement> {
        assert!(shape.starts_with(b"{") && shape.ends_with(b"}"));
        Ok(Judgement { state: 6, ..Judgement::default() })
    }

    fn write(&mut self, events: &[u8]) -> io::Result<()> {
        self.0 += events.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
        Ok(())
    }
}
