//! The border: frozen records and counters go out, numbers, paths and tables come in.

use pyo3::prelude::*;

/// The observer's engine.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    /// The engine's version.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
