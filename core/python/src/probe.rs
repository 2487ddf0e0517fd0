//! `fetch_chain`: the certificates a server shows, without the Python lock held.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

create_exception!(observer._core, ProbeError, pyo3::exceptions::PyException, "A server showed no certificate.");

/// The certificates that a server shows as DER, leaf first, exactly as sent. Nothing is verified, no data is sent.
#[pyfunction]
#[pyo3(signature = (address, port, *, server_name = None, timeout_s = 5.0))]
pub(crate) fn fetch_chain(
    py: Python<'_>,
    address: IpAddr,
    port: u16,
    server_name: Option<String>,
    timeout_s: f64,
) -> PyResult<Vec<Bound<'_, PyBytes>>> {
    let timeout = Duration::try_from_secs_f64(timeout_s).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let address = SocketAddr::new(address, port);
    match py.detach(|| probe::certificates(address, server_name.as_deref(), timeout)) {
        Ok(chain) => Ok(chain.iter().map(|certificate| PyBytes::new(py, certificate)).collect()),
        Err(failure) => Err(ProbeError::new_err(failure.to_string())),
    }
}
