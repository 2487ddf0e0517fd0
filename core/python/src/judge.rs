//! Carries shapes to a Python callable and its answers back.

use engine::flow::Endpoint;
use engine::judge::{Group, Judge, Judgement, STATES, Shown, Totals, text_address};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;
use std::io;

/// The Python side of the judging.
pub(crate) struct Callback {
    pub(crate) evaluate: Py<PyAny>,
    pub(crate) write: Option<Py<PyAny>>,
}

/// Client members, server members, members before `http`, members after it, state, whether there are findings.
type Answer = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, String, bool);

/// Any error on the way, kept as Python's.
pub(crate) struct Failure(PyErr);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl Judge for Callback {
    type Error = Failure;

    fn judge(&mut self, shape: &[u8]) -> Result<Judgement, Failure> {
        Python::attach(|py| {
            let answer: Answer = self.evaluate.call1(py, (PyBytes::new(py, shape),))?.extract(py)?;
            let (client, server, before_http, after_http, state, has_findings) = answer;
            let known = STATES.iter().position(|name| *name == state);
            let state = known.ok_or_else(|| PyValueError::new_err(format!("{state} is no verdict state")))? as u8;
            Ok(Judgement { client, server, before_http, after_http, state, has_findings })
        })
    }

    fn write(&mut self, events: &[u8]) -> Result<(), Failure> {
        Python::attach(|py| {
            py.check_signals()?;
            if let Some(write) = &self.write {
                write.call1(py, (PyBytes::new(py, events),))?;
            }
            Ok(())
        })
    }
}

#[derive(Serialize)]
struct GroupJson {
    judgement: u32,
    client: Option<String>,
    server: Option<String>,
    port: Option<u16>,
    flows: u64,
    packets: u64,
    bytes: u64,
    first: u64,
    last: u64,
}

#[derive(Serialize)]
struct ShownJson<'a> {
    address: String,
    port: u16,
    server_name: Option<&'a str>,
    chain: u32,
    flows: u64,
    first: u64,
    last: u64,
}

#[derive(Serialize)]
struct TotalsJson<'a> {
    judgements: Vec<GroupJson>,
    groups: Vec<GroupJson>,
    shown: Vec<ShownJson<'a>>,
}

/// The totals as JSON, in an order that depends on the flows alone.
pub(crate) fn totals_json(totals: &Totals) -> PyResult<Vec<u8>> {
    let judgements = totals.judgements.iter().zip(0..).map(|(group, judgement)| plain(judgement, group));
    let mut groups: Vec<_> = totals.groups.iter().collect();
    groups.sort_unstable_by_key(|(key, _)| **key);
    let named = groups.into_iter().map(|((judgement, client, server), group)| GroupJson {
        client: Some(text(*client)),
        server: Some(text(server.address)),
        port: Some(server.port),
        ..plain(*judgement, group)
    });
    let mut rest: Vec<_> = totals.ungrouped.iter().collect();
    rest.sort_unstable_by_key(|(judgement, _)| **judgement);
    let unnamed = rest.into_iter().map(|(judgement, group)| plain(*judgement, group));
    let shown = totals.shown.iter().map(shown);
    let json =
        TotalsJson { judgements: judgements.collect(), groups: named.chain(unnamed).collect(), shown: shown.collect() };
    serde_json::to_vec(&json).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// What endpoints showed as JSON.
pub(crate) fn shown_json(all: &[(Endpoint, Shown)]) -> PyResult<Vec<u8>> {
    let all: Vec<_> = all.iter().map(shown).collect();
    serde_json::to_vec(&all).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn shown((server, shown): &(Endpoint, Shown)) -> ShownJson<'_> {
    ShownJson {
        address: text(server.address),
        port: server.port,
        server_name: shown.server_name.as_deref(),
        chain: shown.chain,
        flows: shown.flows,
        first: shown.first_ns,
        last: shown.last_ns,
    }
}

fn plain(judgement: u32, group: &Group) -> GroupJson {
    GroupJson {
        judgement,
        client: None,
        server: None,
        port: None,
        flows: group.flows,
        packets: group.packets,
        bytes: group.bytes,
        first: group.first_ns,
        last: group.last_ns,
    }
}

fn text(address: engine::packet::Address) -> String {
    let mut out = Vec::new();
    text_address(address, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
