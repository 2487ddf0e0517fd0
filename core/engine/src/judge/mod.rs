//! The second half of the work: each flow's shape is judged once, by someone who understands (Python), and every
//! flow of that shape is written with the answer. Decides nothing itself.

mod encode;
mod history;
mod memory;
mod places;
mod process;
mod standing;
mod totals;

pub use encode::{Origin, text_address, timestamp};
pub use memory::{Doubt, Known, Memory, Other, Shown, Source, When};
pub use places::{Place, Places};
pub use process::{Circumstances, Process};
pub use standing::{Report, Standing};
pub use totals::{Group, Totals};

use crate::facts::{FactTable, Facts};
use crate::flow::Endpoint;
use crate::flow::FlowRecord;
use crate::journal::Journal;
use crate::map::{HashMap, HashSet};
use crate::packet::Address;
use encode::Context;
use history::History;
use memory::Recollections;
use serde::Serialize;
use std::io;

/// Bytes of events gathered before they are handed on.
const WRITE_BYTES: usize = 1024 * 1024;

/// The verdict states, in the order of their bits in a history.
pub const STATES: [&str; 7] = ["plaintext", "aborted", "verified", "verifiable", "unverified", "resumed", "unknown"];
/// Index of `unknown` in [`STATES`].
const UNKNOWN: u8 = 6;

/// The answer for one shape: fragments of its events, and what the totals need.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Members of `client` after its port, such as `"role":"apiserver"`.
    pub client: Vec<u8>,
    /// Members of `server` after its port.
    pub server: Vec<u8>,
    /// Members from `"protocol"` up to `"http"`, without it.
    pub before_http: Vec<u8>,
    /// Members after `"http"`.
    pub after_http: Vec<u8>,
    /// Index into [`STATES`].
    pub state: u8,
    /// Whether it has findings, so that its flows are grouped by who talks to whom.
    pub has_findings: bool,
}

/// Whoever judges shapes, and whoever takes the events.
pub trait Judge {
    /// What may go wrong outside.
    type Error: From<io::Error>;
    /// Judges one shape, given as JSON.
    fn judge(&mut self, shape: &[u8]) -> Result<Judgement, Self::Error>;
    /// Takes whole lines of events.
    fn write(&mut self, events: &[u8]) -> Result<(), Self::Error>;
}

/// Where the judgement of a certificate chain may change.
#[derive(Debug, Clone, Default)]
pub struct Boundaries {
    /// From these instants (ns, ascending) on.
    pub instants: Vec<u64>,
    /// At a server with one of these addresses; to the judge all others are one.
    pub addresses: HashSet<Address>,
}

/// What is known beside the capture.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The compiled inventory.
    pub places: Places,
    /// Server ports that rules tell apart; all others are the same to them.
    pub ports: HashSet<u16>,
    /// Where the judgement of each certificate chain may change, by its number.
    pub boundaries: Vec<Boundaries>,
    /// Whose flows these are.
    pub origin: Origin,
    /// Whether events are wanted, or only totals.
    pub events: bool,
}

/// What makes two flows the same to every rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ShapeKey {
    facts: u32,
    client_place: u32,
    server_place: u32,
    server_port: u16,
    server_address: Option<Address>,
    recollection: u32,
    epochs: [u32; 2],
    earlier: u8,
    flags: u8,
}

const SAME_ADDRESS: u8 = 1;
const SAME_NODE: u8 = 2;
const MIDSTREAM: u8 = 4;
const CLIENT_SPOKE: u8 = 8;
const SERVER_SPOKE: u8 = 16;
const SHARED_PROXY: u8 = 32;

/// A shape as the judge reads it.
#[derive(Serialize)]
struct ShapeJson<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    client_place: u32,
    server_place: u32,
    client_address: Option<String>,
    server_address: Option<String>,
    server_port: u16,
    same_address: bool,
    same_node: bool,
    midstream: bool,
    shared_proxy: bool,
    client_spoke: bool,
    server_spoke: bool,
    time: u64,
    earlier: Vec<&'static str>,
    remembered_chain: Option<u32>,
    remembered_source: Option<Source>,
    remembered_doubt: Option<Doubt>,
    others: Vec<Other>,
}

/// Judges every flow of a journal.
pub fn judge<J: Judge>(
    journal: &mut Journal,
    facts: &FactTable,
    known: &Memory,
    surroundings: &Surroundings,
    judge: &mut J,
) -> Result<Totals, J::Error> {
    let listeners = listeners(journal)?;
    let forwarders = forwarders(journal, facts)?;
    let memory = memory(journal, facts, &listeners, known)?;
    let mut bench = Bench {
        facts,
        surroundings,
        listeners,
        forwarders,
        memory,
        recollections: Recollections::default(),
        known: HashMap::default(),
        judgements: Vec::new(),
        out: Vec::new(),
    };
    let history = bench.remember(journal, judge)?;
    let mut totals = Totals::default();
    journal.each(|record| bench.pass(&bench_record(&bench.listeners, record), &history, judge, &mut totals))?;
    totals.shown = bench.memory.shown().into_iter().map(|(server, shown)| (server, shown.clone())).collect();
    if !bench.out.is_empty() {
        judge.write(&bench.out)?;
    }
    Ok(totals)
}

/// The endpoints seen to be called, by the opening or the content of a connection.
fn listeners(journal: &mut Journal) -> Result<HashSet<Endpoint>, io::Error> {
    let mut guesses = HashSet::default();
    journal.each(|record| {
        if record.direction_guessed {
            guesses.extend([record.client, record.server]);
        }
        Ok::<_, io::Error>(())
    })?;
    let mut listeners = HashSet::default();
    if guesses.is_empty() {
        return Ok(listeners);
    }
    journal.each(|record| {
        if !record.direction_guessed && guesses.contains(&record.server) {
            listeners.insert(record.server);
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(listeners)
}

/// Clients that forward requests for pods, with the port they forward them to: the connections that they keep to that
/// port serve pods and services alike.
fn forwarders(journal: &mut Journal, facts: &FactTable) -> Result<HashSet<(Address, u16)>, io::Error> {
    let mut forwarders = HashSet::default();
    if facts.all().any(Facts::forwards_to_services) {
        journal.each(|record| {
            if facts.facts(record.facts.shape).forwards_to_pods() {
                forwarders.insert((record.client.address, record.server.port));
            }
            Ok::<_, io::Error>(())
        })?;
    }
    Ok(forwarders)
}

/// What each endpoint showed in these captures, beside what is known of it.
fn memory(
    journal: &mut Journal,
    facts: &FactTable,
    listeners: &HashSet<Endpoint>,
    known: &Memory,
) -> Result<Memory, io::Error> {
    let mut memory = known.clone();
    if facts.chain_count() > 0 {
        journal.each(|record| {
            memory.note(facts, &bench_record(listeners, record), 1);
            Ok::<_, io::Error>(())
        })?;
    }
    Ok(memory)
}

/// A flow whose direction was guessed is turned round where its client is known to listen and its server is not.
fn bench_record(listeners: &HashSet<Endpoint>, record: FlowRecord) -> FlowRecord {
    let wrong = record.direction_guessed && listeners.contains(&record.client) && !listeners.contains(&record.server);
    if wrong { record.reversed() } else { record }
}

/// What an event says beside its record.
struct Telling<'a> {
    index: u32,
    places: [Place; 2],
    is_final: bool,
    circumstances: Option<&'a Circumstances>,
}

/// The shapes judged so far, and the events on their way out.
struct Bench<'a> {
    facts: &'a FactTable,
    surroundings: &'a Surroundings,
    listeners: HashSet<Endpoint>,
    forwarders: HashSet<(Address, u16)>,
    memory: Memory,
    recollections: Recollections,
    known: HashMap<ShapeKey, u32>,
    judgements: Vec<Judgement>,
    out: Vec<u8>,
}

impl Bench<'_> {
    /// Judges the full handshakes that a later resumption leans on.
    fn remember<J: Judge>(&mut self, journal: &mut Journal, judge: &mut J) -> Result<History, J::Error> {
        let mut history = History::default();
        if !self.facts.any_resumed() {
            return Ok(history);
        }
        journal.each(|record| {
            history.expect(self.facts, &record);
            Ok::<_, io::Error>(())
        })?;
        journal.each(|record| {
            if history.wants(self.facts, &record) {
                let index = self.judge_record(&record, self.places(&record), 0, judge)?;
                let state = self.judgements.get(index as usize).map_or(UNKNOWN, |judgement| judgement.state);
                history.add(self.facts, &record, state);
            }
            Ok::<_, J::Error>(())
        })?;
        Ok(history)
    }

    fn pass<J: Judge>(
        &mut self,
        record: &FlowRecord,
        history: &History,
        judge: &mut J,
        totals: &mut Totals,
    ) -> Result<(), J::Error> {
        let places = self.places(record);
        let index = self.judge_record(record, places, history.earlier(self.facts, record), judge)?;
        let Some(judgement) = self.judgements.get(index as usize) else { return Ok(()) };
        totals.add(index, judgement, record);
        self.event(record, &Telling { index, places, is_final: true, circumstances: None }, judge)
    }

    /// The places of client and server by their addresses.
    fn places(&self, record: &FlowRecord) -> [Place; 2] {
        [record.client, record.server].map(|end| self.surroundings.places.find(end.address))
    }

    /// Writes the event of a judged flow.
    fn event<J: Judge>(&mut self, record: &FlowRecord, telling: &Telling<'_>, judge: &mut J) -> Result<(), J::Error> {
        let Some(judgement) = self.judgements.get(telling.index as usize) else { return Ok(()) };
        if self.surroundings.events {
            let [client, server] = telling.places;
            let places = &self.surroundings.places;
            let context = Context {
                origin: &self.surroundings.origin,
                is_final: telling.is_final,
                judgement,
                client_name: places.name(client),
                server_name: places.name(server),
                circumstances: telling.circumstances,
                http: self.facts.detail(record.facts.detail),
            };
            encode::flow_event(record, &context, &mut self.out);
            if self.out.len() >= WRITE_BYTES {
                judge.write(&self.out)?;
                self.out.clear();
            }
        }
        Ok(())
    }

    /// The index of the judgement of a record's shape.
    fn judge_record<J: Judge>(
        &mut self,
        record: &FlowRecord,
        places: [Place; 2],
        earlier: u8,
        judge: &mut J,
    ) -> Result<u32, J::Error> {
        let key = self.key(record, places, earlier);
        if let Some(index) = self.known.get(&key) {
            return Ok(*index);
        }
        let answer = judge.judge(&self.shape_json(&key, record)?)?;
        let index = self.judgements.len() as u32;
        self.judgements.push(answer);
        self.known.insert(key, index);
        Ok(index)
    }

    fn key(&mut self, record: &FlowRecord, [client, server]: [Place; 2], earlier: u8) -> ShapeKey {
        let same_node = client.node.is_some() && client.node == server.node;
        let ([client_bytes, server_bytes], same_address) =
            (record.bytes, record.client.address == record.server.address);
        let flags = [
            (SAME_ADDRESS, same_address),
            (SAME_NODE, same_node),
            (MIDSTREAM, record.midstream),
            (CLIENT_SPOKE, client_bytes > 0),
            (SERVER_SPOKE, server_bytes > 0),
            (SHARED_PROXY, self.forwarders.contains(&(record.client.address, record.server.port))),
        ];
        let facts = self.facts.facts(record.facts.shape);
        let recollection = self.memory.recollect(facts, record);
        let [server_chain, client_chain] = facts.chains();
        let chains = [server_chain.or(recollection.chain.map(|(chain, _)| chain)), client_chain];
        ShapeKey {
            facts: record.facts.shape,
            client_place: client.class,
            server_place: server.class,
            server_port: if self.surroundings.ports.contains(&record.server.port) { record.server.port } else { 0 },
            server_address: self.telling_address(chains.first().copied().flatten(), record.server.address),
            recollection: self.recollections.intern(recollection),
            epochs: chains.map(|chain| self.epoch(chain, record.first_ns)),
            earlier,
            flags: flags.iter().fold(0, |all, (flag, holds)| if *holds { all | flag } else { all }),
        }
    }

    /// How many of a chain's instants lie before a time.
    fn epoch(&self, chain: Option<u32>, time_ns: u64) -> u32 {
        let instants = self.boundaries(chain).map_or(&[][..], |boundaries| &boundaries.instants);
        instants.partition_point(|instant| *instant <= time_ns) as u32
    }

    /// The address of a server whose certificate is judged otherwise there than elsewhere.
    fn telling_address(&self, chain: Option<u32>, address: Address) -> Option<Address> {
        self.boundaries(chain).is_some_and(|boundaries| boundaries.addresses.contains(&address)).then_some(address)
    }

    fn boundaries(&self, chain: Option<u32>) -> Option<&Boundaries> {
        self.surroundings.boundaries.get(chain? as usize)
    }

    fn shape_json(&self, key: &ShapeKey, record: &FlowRecord) -> Result<Vec<u8>, io::Error> {
        let holds = |flag: u8| key.flags & flag != 0;
        let recollection = self.recollections.get(key.recollection);
        let earlier = STATES.iter().enumerate().filter(|(bit, _)| key.earlier & (1 << bit) != 0);
        let shape = ShapeJson {
            facts: self.facts.facts(key.facts),
            client_place: key.client_place,
            server_place: key.server_place,
            client_address: None,
            server_address: key.server_address.map(|address| {
                let mut text = Vec::new();
                text_address(address, &mut text);
                String::from_utf8_lossy(&text).into_owned()
            }),
            server_port: key.server_port,
            same_address: holds(SAME_ADDRESS),
            same_node: holds(SAME_NODE),
            midstream: holds(MIDSTREAM),
            shared_proxy: holds(SHARED_PROXY),
            client_spoke: holds(CLIENT_SPOKE),
            server_spoke: holds(SERVER_SPOKE),
            time: record.first_ns,
            earlier: earlier.map(|(_, name)| *name).collect(),
            remembered_chain: recollection.chain.map(|(chain, _)| chain),
            remembered_source: recollection.chain.map(|(_, source)| source),
            remembered_doubt: recollection.doubt,
            others: recollection.others,
        };
        Ok(serde_json::to_vec(&shape)?)
    }
}
