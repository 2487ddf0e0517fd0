//! `trace`: the packets of one flow, as JSON.

use crate::analysis::CaptureError;
use engine::capture::Input;
use engine::flow::Endpoint;
use engine::packet::Address;
use engine::trace::Wanted;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::net::IpAddr;
use std::path::PathBuf;

/// The packets of one flow that tell something, with their numbers in the capture, as a JSON array.
#[pyfunction]
pub(crate) fn trace(
    py: Python<'_>,
    path: PathBuf,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    first_ns: u64,
    last_ns: u64,
) -> PyResult<Bound<'_, PyBytes>> {
    let wanted = Wanted { client: endpoint(client), server: endpoint(server), first_ns, last_ns };
    let frames = py
        .detach(|| engine::trace::trace(Input::Path(path), wanted))
        .map_err(|error| CaptureError::new_err(error.to_string()))?;
    let json = serde_json::to_vec(&frames).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &json))
}

fn endpoint((address, port): (IpAddr, u16)) -> Endpoint {
    let address = match address {
        IpAddr::V4(address) => Address::V4(address.octets()),
        IpAddr::V6(address) => Address::V6(address.octets()),
    };
    Endpoint { address, port }
}
