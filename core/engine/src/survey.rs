//! Who talks to whom in the whole capture, in few rows: what an inventory is inferred from.

use crate::facts::FactTable;
use crate::flow::Endpoint;
use crate::journal::Journal;
use crate::judge::text_address;
use crate::map::HashMap;
use crate::packet::Address;
use serde::Serialize;
use std::io;

/// Rows of a survey; a capture with more conversations than this is surveyed by its first ones.
pub const MAX_EDGES: usize = 20_000;

/// One client, one server endpoint, one set of facts.
#[derive(Serialize)]
struct Edge {
    client: String,
    server: String,
    port: u16,
    flows: u64,
    facts: u32,
}

#[derive(Serialize)]
struct Survey<'a> {
    edges: Vec<Edge>,
    facts: Vec<&'a crate::facts::Facts>,
    /// Flows whose conversation found no room.
    left_out: u64,
}

/// The survey of a journal as JSON.
pub fn survey(journal: &mut Journal, facts: &FactTable) -> io::Result<Vec<u8>> {
    let mut order: Vec<(Address, Endpoint, u32)> = Vec::new();
    let mut flows: HashMap<(Address, Endpoint, u32), u64> = HashMap::default();
    let mut left_out = 0;
    journal.each(|record| {
        let edge = (record.client.address, record.server, record.facts.shape);
        if let Some(count) = flows.get_mut(&edge) {
            *count += 1;
        } else if order.len() < MAX_EDGES {
            flows.insert(edge, 1);
            order.push(edge);
        } else {
            left_out += 1;
        }
        Ok::<_, io::Error>(())
    })?;
    let edges = order.into_iter().map(|edge| Edge {
        client: text(edge.0),
        server: text(edge.1.address),
        port: edge.1.port,
        flows: flows.get(&edge).copied().unwrap_or(0),
        facts: edge.2,
    });
    let survey = Survey { edges: edges.collect(), facts: facts.all().collect(), left_out };
    Ok(serde_json::to_vec(&survey)?)
}

fn text(address: Address) -> String {
    let mut out = Vec::new();
    text_address(address, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
