//! What the engine says of a capture, with a judge that only repeats what it is shown.

use engine::analysis::{Analysis, ReadError};
use engine::capture::CaptureFile;
use engine::flow::Limits;
use engine::judge::{Judge, Judgement, Surroundings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Cursor};

/// A capture's flows and counters.
#[derive(Debug, PartialEq)]
pub struct Observed {
    pub events: Vec<Value>,
    pub counters: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
struct Repeats(Vec<u8>);

impl Judge for Repeats {
    type Error = io::Error;

    fn judge(&mut self, shape: &[u8]) -> io::Result<Judgement> {
        let role = br#""role":"unknown""#.to_vec();
        let before_http = br#""protocol":null"#.to_vec();
        let after_http = [br#""shape":"#, shape].concat();
        Ok(Judgement { client: role.clone(), server: role, before_http, after_http, state: 6, has_findings: false })
    }

    fn write(&mut self, events: &[u8]) -> io::Result<()> {
        self.0.extend(events);
        Ok(())
    }
}

/// Everything the engine says of a stored capture.
pub fn observe(capture: Vec<u8>) -> Result<Observed, ReadError> {
    let mut analysis = Analysis::new(Limits::default());
    let file = CaptureFile::from_reader(Box::new(Cursor::new(capture))).map_err(ReadError::Capture)?;
    analysis.read_capture(file, &mut |_, _| true)?;
    analysis.finish()?;
    let mut judge = Repeats::default();
    analysis.judge(&Surroundings { events: true, ..Surroundings::default() }, &mut judge).unwrap();
    let mut events: Vec<Value> =
        judge.0.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parsed).collect();
    for event in &mut events {
        name_chains(event, &analysis);
    }
    Ok(Observed { events, counters: analysis.counters().into_iter().collect() })
}

impl Observed {
    /// Who talks to whom and what is said, without times and sums.
    pub fn facts(&self) -> Vec<String> {
        let mut facts: Vec<String> = self.events.iter().map(facts).collect();
        facts.sort_unstable();
        facts
    }

    /// Counters but for those that tell how often packets were seen.
    pub fn counters_of_flows(&self) -> BTreeMap<&'static str, u64> {
        let of_packets = ["frames", "tcp_segments", "duplicate_packets"];
        self.counters
            .iter()
            .filter(|(name, _)| !of_packets.contains(name))
            .map(|(name, count)| (*name, *count))
            .collect()
    }
}

fn parsed(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

fn facts(event: &Value) -> String {
    let mut shape = event["shape"].clone();
    // The time of one flow of the shape, whichever it is, and what other flows of the capture add to this one.
    for other in ["time", "earlier", "shared_proxy", "remembered_chain", "remembered_source", "server_address"] {
        shape[other] = Value::Null;
    }
    let (flow, http) = (&event["flow"], &event["http"]);
    json!([event["client"], event["server"], flow["state"], flow["midstream"], http, shape]).to_string()
}

/// Chains are numbered as they come; their certificates do not depend on that.
fn name_chains(event: &mut Value, analysis: &Analysis) {
    for chain in ["server_chain", "client_chain"] {
        if let Some(number) = event["shape"]["tls"][chain].as_u64() {
            event["shape"]["tls"][chain] = json!(analysis.facts().chain(number as u32));
        }
    }
}
