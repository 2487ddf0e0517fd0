//! Reads captures and writes their flow events with an empty judgement: the engine's own cost, without Python.
//!
//! usage: flows CAPTURE… > events.ndjson

use engine::analysis::Analysis;
use engine::capture::Input;
use engine::flow::Limits;
use engine::judge::{Judge, Judgement, Surroundings};
use std::io::{self, Write};

struct Unjudged;

impl Judge for Unjudged {
    type Error = io::Error;

    fn judge(&mut self, shape: &[u8]) -> io::Result<Judgement> {
        let empty = br#""role":"unknown""#.to_vec();
        let after_http = [br#""shape":"#, shape].concat();
        Ok(Judgement {
            client: empty.clone(),
            server: empty,
            before_http: br#""protocol":null"#.to_vec(),
            after_http,
            state: 6,
            has_findings: false,
        })
    }

    fn write(&mut self, events: &[u8]) -> io::Result<()> {
        io::stdout().write_all(events)
    }
}

fn main() -> io::Result<()> {
    let mut analysis = Analysis::new(Limits::default());
    for path in std::env::args_os().skip(1) {
        match analysis.read(Input::Path(path.into()), &mut |_, _| true) {
            Ok(cut) => cut.iter().for_each(|cut| eprintln!("{cut}")),
            Err(error) => return Err(io::Error::other(format!("{error:?}"))),
        }
    }
    analysis.finish().map_err(|error| io::Error::other(format!("{error:?}")))?;
    let surroundings = Surroundings { events: true, ..Surroundings::default() };
    analysis.judge(&surroundings, &mut Unjudged)?;
    for (name, count) in analysis.counters() {
        eprintln!("{name} {count}");
    }
    Ok(())
}
