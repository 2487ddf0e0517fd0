//! Which end listens, where neither the opening nor the content of a connection was seen.

use super::key::{End, FlowKey};

/// Ports of the control plane and of services that listen above the usual ephemeral range's start, or near it.
const LISTENING: [u16; 24] = [
    22, 80, 443, 2379, 2380, 5473, 6443, 8080, 8090, 8091, 8092, 8093, 8094, 8095, 8131, 8132, 8133, 8134, 8443, 9443,
    10250, 10255, 10257, 10259,
];

/// The end that more likely opened the connection: the one without a known listening port, else the higher port.
pub(super) fn likely_client(key: &FlowKey) -> End {
    let [low, high] = key.ends;
    match (LISTENING.contains(&low.port), LISTENING.contains(&high.port)) {
        (true, false) => End::High,
        (false, true) => End::Low,
        _ if low.port < high.port => End::High,
        _ => End::Low,
    }
}
