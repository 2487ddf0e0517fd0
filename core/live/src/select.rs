//! `bpf/select.bpf.c`: loads it into the kernel, tells it what to look for and reads what it counted.

use crate::load::{Error, map, watch_addresses, watch_ports, with_causes};
use crate::shared::{Direction, FATES, Tally};
use aya::maps::{HashMap, MapData, PerCpuArray};
use aya::programs::SocketFilter;
use aya::{Ebpf, EbpfLoader};
use engine::packet::Address;
use std::os::fd::AsFd;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/select.bpf.o"));
const PROGRAM: &str = "select_packets";

/// What is of interest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// TCP ports, of either end.
    pub ports: Vec<u16>,
    /// Addresses whose connections are of interest on any port.
    pub addresses: Vec<Address>,
    /// Indices of the interfaces; none means all.
    pub interfaces: Vec<u32>,
}

/// The program in the kernel.
pub struct Selector {
    program: Ebpf,
    tallies: HashMap<MapData, Direction, Tally>,
    fates: PerCpuArray<MapData, u64>,
}

impl Selector {
    /// Loads the program; nothing is attached yet. The message says what failed.
    pub fn load(selection: &Selection) -> Result<Self, String> {
        Self::try_load(selection).map_err(|error| with_causes(error.as_ref()))
    }

    /// Makes it the filter of a socket.
    pub fn attach(&self, socket: impl AsFd) -> Result<(), String> {
        self.try_attach(socket).map_err(|error| with_causes(error.as_ref()))
    }

    /// Changes what is of interest while the program runs.
    pub fn watch(&mut self, ports: &[u16], addresses: &[Address]) -> Result<(), String> {
        let changed =
            watch_addresses(&mut self.program, addresses).and_then(|()| watch_ports(&mut self.program, ports));
        changed.map_err(|error| with_causes(error.as_ref()))
    }

    /// What the kernel counted of one direction of a connection.
    pub fn tally(&self, direction: Direction) -> Option<Tally> {
        self.tallies.get(&direction, 0).ok()
    }

    /// What became of packets in the kernel, by name.
    pub fn fates(&self) -> Vec<(&'static str, u64)> {
        let sum = |index| self.fates.get(&index, 0).map_or(0, |counts| counts.iter().sum());
        (0..).zip(FATES).map(|(index, name)| (name, sum(index))).collect()
    }

    fn try_attach(&self, socket: impl AsFd) -> Result<(), Error> {
        let program: &SocketFilter = self.program.program(PROGRAM).ok_or("no program")?.try_into()?;
        Ok(program.attach(socket)?)
    }

    fn try_load(selection: &Selection) -> Result<Self, Error> {
        let all = u32::from(selection.interfaces.is_empty());
        let mut program = EbpfLoader::new().btf(None).override_global("all_interfaces", &all, true).load(OBJECT)?;
        watch_ports(&mut program, &selection.ports)?;
        watch_addresses(&mut program, &selection.addresses)?;
        let mut interfaces: HashMap<_, u32, u32> = HashMap::try_from(map(program.map_mut("interfaces"))?)?;
        for interface in &selection.interfaces {
            interfaces.insert(interface, 1, 0)?;
        }
        let tallies = HashMap::try_from(map(program.take_map("tallies"))?)?;
        let fates = PerCpuArray::try_from(map(program.take_map("fates"))?)?;
        let filter: &mut SocketFilter = program.program_mut(PROGRAM).ok_or("no program")?.try_into()?;
        filter.load()?;
        Ok(Self { program, tallies, fates })
    }
}
