//! Who sits behind an end of a flow, and what the other side of a translation calls it. Only a live capture knows.

use crate::flow::Endpoint;
use serde::Serialize;

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number on the host.
    pub pid: u32,
    /// What it calls itself, at most 15 bytes.
    pub name: String,
    /// The base name of the file it runs.
    pub executable: String,
    /// The container it runs in.
    pub container_id: Option<String>,
    /// The pod it runs in.
    pub pod_uid: Option<String>,
}

/// What is known of a flow beside its packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The processes of `[client, server]`.
    pub processes: [Option<Process>; 2],
    /// The same conversation under other addresses: its `[client, server]`.
    pub translated: Option<[Endpoint; 2]>,
}

impl Circumstances {
    /// The same, seen from the other end.
    #[must_use]
    pub fn reversed(self) -> Self {
        let [client, server] = self.processes;
        let translated = self.translated.map(|[client, server]| [server, client]);
        Self { processes: [server, client], translated }
    }
}
