//! `Analysis`: reads captures, gives the survey, and judges through a Python callable.

use crate::judge::{Callback, totals_json};
use engine::analysis::ReadError;
use engine::capture::Input;
use engine::flow::Endpoint;
use engine::flow::Limits;
use engine::judge::{Boundaries, Known, Origin, Places, Source, Surroundings};
use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

create_exception!(observer._core, CaptureError, pyo3::exceptions::PyException, "A capture cannot be read.");

/// Of one chain the instants (ns, ascending) and the addresses of its server at which its judgement may change.
pub(crate) type Turns = (Vec<u64>, Vec<String>);

/// One row of the compiled inventory: network address, prefix length, place, node (-1: none), JSON members.
pub(crate) type Row = (std::net::IpAddr, u32, u32, i64, Vec<u8>);

/// The analysis of one or more captures.
#[pyclass(module = "observer._core")]
pub(crate) struct Analysis {
    inner: engine::analysis::Analysis,
}

#[pymethods]
impl Analysis {
    #[new]
    #[pyo3(signature = (*, max_flows = None, idle_timeout_s = None))]
    fn new(max_flows: Option<usize>, idle_timeout_s: Option<u64>) -> Self {
        let defaults = Limits::default();
        let limits = Limits {
            flows: max_flows.unwrap_or(defaults.flows).max(1),
            idle_timeout_ns: idle_timeout_s.map_or(defaults.idle_timeout_ns, |s| s.saturating_mul(1_000_000_000)),
            ..defaults
        };
        Self { inner: engine::analysis::Analysis::new(limits) }
    }

    /// Reads a capture (`None`: standard input) to its end and says where and why it ends early, if it does.
    #[pyo3(signature = (path, progress = None))]
    fn read(&mut self, py: Python<'_>, path: Option<PathBuf>, progress: Option<Py<PyAny>>) -> PyResult<Option<String>> {
        let input = path.map_or(Input::Stdin, Input::Path);
        let mut failure = None;
        let inner = &mut self.inner;
        let result = py.detach(|| {
            inner.read(input, &mut |read, size| {
                let report = Python::attach(|py| {
                    py.check_signals()?;
                    progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (read, size)).map(|_| ()))
                });
                report.map_err(|error| failure = Some(error)).is_ok()
            })
        });
        match result {
            Ok(cut) => Ok(cut.map(|cut| cut.to_string())),
            Err(error) => Err(failure.unwrap_or_else(|| read_error(&error))),
        }
    }

    /// Takes in the text of a TLS key log and says how many secrets it held.
    fn add_secrets(&mut self, text: &[u8]) -> u64 {
        self.inner.add_secrets(text)
    }

    /// Ends all flows: no more captures come.
    fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.finish()).map_err(|error| read_error(&error))
    }

    /// Who talks to whom, as JSON.
    fn survey<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let survey = py.detach(|| self.inner.survey())?;
        Ok(PyBytes::new(py, &survey))
    }

    /// How many different certificate chains were seen.
    fn chain_count(&self) -> usize {
        self.inner.facts().chain_count()
    }

    /// The certificates of a chain as DER, leaf first.
    fn chain<'py>(&self, py: Python<'py>, chain: u32) -> Vec<Bound<'py, PyBytes>> {
        self.inner.facts().chain(chain).iter().map(|certificate| PyBytes::new(py, certificate)).collect()
    }

    /// What was counted, by name.
    fn counters(&self) -> HashMap<&'static str, u64> {
        self.inner.counters().into_iter().collect()
    }

    /// Takes in a chain (DER, leaf first) that an endpoint is known to show; `source` is `probed` or `earlier`, times are
    /// those of its first and last showing.
    #[pyo3(signature = (address, port, server_name, chain, source, times_ns))]
    fn know(
        &mut self,
        address: std::net::IpAddr,
        port: u16,
        server_name: Option<&str>,
        chain: Vec<Vec<u8>>,
        source: &str,
        times_ns: (u64, u64),
    ) -> PyResult<()> {
        let known = known(server_name, chain, source, times_ns)?;
        self.inner.know(Endpoint { address: address.into(), port }, known);
        Ok(())
    }

    /// Judges every flow: `evaluate` answers each shape once, `write` takes the events (`None`: totals only).
    #[pyo3(signature = (evaluate, *, rows, ports, boundaries, cluster = "", node = "", write = None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn judge<'py>(
        &mut self,
        py: Python<'py>,
        evaluate: Py<PyAny>,
        rows: Vec<Row>,
        ports: Vec<u16>,
        boundaries: Vec<Turns>,
        cluster: &str,
        node: &str,
        write: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let surroundings = Surroundings {
            places: places(rows)?,
            ports: ports.into_iter().collect(),
            boundaries: boundaries_of(boundaries),
            origin: Origin { cluster: cluster.to_owned(), node: node.to_owned() },
            events: write.is_some(),
        };
        let mut callback = Callback { evaluate, write };
        let totals = py.detach(|| self.inner.judge(&surroundings, &mut callback)).map_err(PyErr::from)?;
        Ok(PyBytes::new(py, &totals_json(&totals)?))
    }
}

pub(crate) fn known(
    server_name: Option<&str>,
    chain: Vec<Vec<u8>>,
    source: &str,
    (first_ns, last_ns): (u64, u64),
) -> PyResult<Known> {
    let named = Source::ALL.into_iter().find(|known| known.name() == source);
    let source = named.ok_or_else(|| PyValueError::new_err(format!("{source} is no source of certificates")))?;
    let chain = chain.into_iter().map(Vec::into_boxed_slice).collect();
    Ok(Known { server_name: server_name.map(Box::from), chain, source, first_ns, last_ns })
}

/// A certificate may name what no packet can come from, such as an address with a zone: that is left out.
pub(crate) fn boundaries_of(chains: Vec<Turns>) -> Vec<Boundaries> {
    let address = |text: &String| text.parse::<IpAddr>().ok().map(Into::into);
    let of = |(instants, texts): Turns| Boundaries { instants, addresses: texts.iter().filter_map(address).collect() };
    chains.into_iter().map(of).collect()
}

pub(crate) fn places(rows: Vec<Row>) -> PyResult<Places> {
    let mut places = Places::default();
    for (address, length, class, node, name) in rows {
        if length > if address.is_ipv4() { 32 } else { 128 } {
            return Err(PyValueError::new_err(format!("{address}/{length} is no network")));
        }
        places.add(address, length, class, u32::try_from(node).ok(), name);
    }
    Ok(places)
}

fn read_error(error: &ReadError) -> PyErr {
    match error {
        ReadError::Capture(error) => CaptureError::new_err(error.to_string()),
        ReadError::Journal(error) => PyOSError::new_err(format!("temporary file: {error}")),
        ReadError::Stopped => PyErr::new::<pyo3::exceptions::PyKeyboardInterrupt, _>(()),
    }
}
