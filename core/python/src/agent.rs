//! `Agent`: follows the connections of running interfaces and judges through a Python callable.

use crate::analysis::{Row, Turns, boundaries_of, known, places};
use crate::judge::{Callback, shown_json};
use engine::flow::{Endpoint, Limits};
use engine::judge::{Origin, Surroundings};
use live::capture::Wish;
use live::interface;
use live::select::Selection;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::HashMap;
use std::net::IpAddr;

/// Uid and container ids of a pod, its place, its node (-1: none), and JSON members with its names.
type PodRow = (Vec<String>, u32, i64, Vec<u8>);

create_exception!(observer._core, LiveError, pyo3::exceptions::PyException, "Packets cannot be captured here.");

/// A live capture with the engine behind it.
#[pyclass(module = "observer._core")]
pub(crate) struct Agent {
    inner: live::agent::Agent,
    surroundings: Surroundings,
}

#[pymethods]
impl Agent {
    /// Begins to capture on these interfaces (none: all) what concerns these TCP ports or addresses. `backend` is
    /// `best`, `ebpf` or `classic`.
    #[new]
    #[pyo3(signature = (*, interfaces, ports, addresses, ring_bytes, backend = "best"))]
    fn new(
        interfaces: Vec<String>,
        ports: Vec<u16>,
        addresses: Vec<IpAddr>,
        ring_bytes: usize,
        backend: &str,
    ) -> PyResult<Self> {
        let index = |name: &String| {
            interface::index(name).ok_or_else(|| LiveError::new_err(format!("{name}: there is no such interface")))
        };
        let selection = Selection {
            ports,
            addresses: addresses.into_iter().map(Into::into).collect(),
            interfaces: interfaces.iter().map(index).collect::<PyResult<_>>()?,
        };
        let inner = live::agent::Agent::open(selection, Limits::default(), ring_bytes, wish(backend)?);
        Ok(Self { inner: inner.map_err(LiveError::new_err)?, surroundings: Surroundings::default() })
    }

    /// The filter in use, and why it is not a better one.
    fn backend(&self) -> (&'static str, Option<&str>) {
        self.inner.backend()
    }

    /// Why the processes behind connections are not told, where they are not.
    fn processes_hindrance(&self) -> Option<&str> {
        self.inner.processes_hindrance()
    }

    /// What is captured from now on; connections that are followed go on.
    fn watch(&mut self, ports: Vec<u16>, addresses: Vec<IpAddr>) -> PyResult<()> {
        let addresses: Vec<_> = addresses.into_iter().map(Into::into).collect();
        self.inner.watch(&ports, &addresses).map_err(LiveError::new_err)
    }

    /// Who is who from now on, and the server ports that rules tell apart; what was judged is judged anew. Of `pods`
    /// (uid and container ids, place, node, name) processes tell, on addresses of `node_places`; `pod_place` is that of
    /// a pod that is not among them.
    #[pyo3(signature = (*, rows, ports, cluster = "", node = "", pods = Vec::new(), node_places = Vec::new(), pod_place = None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn configure(
        &mut self,
        rows: Vec<Row>,
        ports: Vec<u16>,
        cluster: &str,
        node: &str,
        pods: Vec<PodRow>,
        node_places: Vec<u32>,
        pod_place: Option<u32>,
    ) -> PyResult<()> {
        let mut places = places(rows)?;
        places.share(node_places, pod_place);
        for (ids, class, node, name) in pods {
            places.add_pod(ids, class, u32::try_from(node).ok(), name);
        }
        self.surroundings = Surroundings {
            places,
            ports: ports.into_iter().collect(),
            boundaries: Vec::new(),
            origin: Origin { cluster: cluster.to_owned(), node: node.to_owned() },
            events: true,
        };
        self.inner.forget_judgements();
        Ok(())
    }

    /// Waits at most so long for packets and takes them in.
    fn poll(&mut self, py: Python<'_>, timeout_ms: u32) -> PyResult<()> {
        py.detach(|| self.inner.poll(timeout_ms)).map_err(|error| LiveError::new_err(format!("ring: {error}")))
    }

    /// How many reports wait to be judged.
    fn pending(&self) -> usize {
        self.inner.pending()
    }

    /// Ends all flows: no more packets are taken in.
    fn finish(&mut self, py: Python<'_>) {
        py.detach(|| self.inner.finish());
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
    fn counters(&mut self) -> HashMap<&'static str, u64> {
        self.inner.counters().into_iter().collect()
    }

    /// Takes in a chain (DER, leaf first) that an endpoint is known to show, as `Analysis.know` does.
    #[pyo3(signature = (address, port, server_name, chain, source, times_ns))]
    fn know(
        &mut self,
        address: IpAddr,
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

    /// What endpoints showed here so far, as JSON; chains by their numbers.
    fn shown<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &shown_json(&self.inner.shown())?))
    }

    /// Judges what was reported since the last time. `boundaries` are those of all chains. True where the chains have
    /// other numbers from now on.
    #[pyo3(signature = (evaluate, *, boundaries, write))]
    fn judge(
        &mut self,
        py: Python<'_>,
        evaluate: Py<PyAny>,
        boundaries: Vec<Turns>,
        write: Py<PyAny>,
    ) -> PyResult<bool> {
        self.surroundings.boundaries = boundaries_of(boundaries);
        let mut callback = Callback { evaluate, write: Some(write) };
        let Self { inner, surroundings } = self;
        py.detach(|| inner.judge(surroundings, &mut callback)).map_err(PyErr::from)
    }
}

fn wish(backend: &str) -> PyResult<Wish> {
    match backend {
        "best" => Ok(Wish::Best),
        "ebpf" => Ok(Wish::Ebpf),
        "classic" => Ok(Wish::Classic),
        other => Err(PyValueError::new_err(format!("{other} is no backend"))),
    }
}
