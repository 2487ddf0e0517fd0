//! The border: frozen records and counters go out, numbers, paths and tables come in. No decisions here.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over as owned values")]

#[cfg(target_os = "linux")]
mod agent;
mod analysis;
mod judge;
mod probe;
mod trace;

use pyo3::prelude::*;

/// The engine of the observer: bytes stay here, facts cross.
#[pymodule(gil_used = false)]
mod _core {
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use crate::agent::{Agent, LiveError};
    #[pymodule_export]
    use crate::analysis::{Analysis, CaptureError};
    #[pymodule_export]
    use crate::probe::{ProbeError, fetch_chain};
    #[pymodule_export]
    use crate::trace::trace;
    use pyo3::prelude::*;

    /// The engine's version, which is the package's.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
