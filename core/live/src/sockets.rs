//! `bpf/sockets.bpf.c` and `bpf/holdings.bpf.c`: which process is behind an end of a connection. Never a guess: whoever is
//! not known for certain is not told.

use crate::group::{Membership, membership};
use crate::load::{Error, map, watch_addresses, watch_ports, with_causes};
use crate::select::Selection;
use crate::shared::{Opening, RawGroup, RawHolding, RawProcess};
use aya::maps::{HashMap, MapData};
use aya::programs::{BtfTracePoint, Iter};
use aya::{Btf, Ebpf, EbpfLoader};
use engine::flow::{Endpoint, FlowRecord};
use engine::judge::Process;
use std::collections::HashMap as Table;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

static SOCKETS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sockets.bpf.o"));
static HOLDINGS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/holdings.bpf.o"));
/// Each program and the kernel's event that it is called at.
const PROGRAMS: [(&str, &str); 2] = [("socket_state", "inet_sock_set_state"), ("socket_read", "tcp_rcv_space_adjust")];
const LISTING: &str = "list_holdings";
/// Connections that were open before; a node has some thousands.
const MAX_HOLDINGS: usize = 65_536;
const HOLDING_BYTES: usize = size_of::<RawHolding>();

/// The programs in the kernel, and who held what before they ran.
pub struct Sockets {
    program: Ebpf,
    openings: HashMap<MapData, Opening, RawProcess>,
    groups: HashMap<MapData, u64, RawGroup>,
    holdings: Holdings,
}

/// By `(own end, other end)`; `None` where several processes hold the same connection.
type Holdings = Table<[Endpoint; 2], Holder>;

#[derive(Debug, Clone)]
struct Holder {
    network_namespace: u32,
    process: Option<Process>,
}

impl Sockets {
    /// Loads and attaches the programs. The message says what failed.
    pub fn open(selection: &Selection) -> Result<Self, String> {
        Self::try_open(selection).map_err(|error| with_causes(error.as_ref()))
    }

    /// Changes what is of interest while the programs run.
    pub fn watch(&mut self, ports: &[u16], addresses: &[engine::packet::Address]) -> Result<(), String> {
        let changed =
            watch_addresses(&mut self.program, addresses).and_then(|()| watch_ports(&mut self.program, ports));
        changed.map_err(|error| with_causes(error.as_ref()))
    }

    /// The processes of `[client, server]` of a flow.
    pub fn processes(&mut self, record: &FlowRecord) -> [Option<Process>; 2] {
        let ends = [[record.client, record.server], [record.server, record.client]];
        if !record.midstream {
            // Another connection now has these ports.
            for ends in &ends {
                self.holdings.remove(ends);
            }
        }
        match record.sequences {
            Some([client_sequence, server_sequence]) => {
                [0, 1].map(|side| self.opened(Opening { client_sequence, server_sequence, side }))
            }
            None => ends.map(|ends| self.holdings.get(&ends).and_then(|holder| holder.process.clone())),
        }
    }

    fn opened(&self, opening: Opening) -> Option<Process> {
        let raw = self.openings.get(&opening, 0).ok()?;
        Some(process(&raw, self.groups.get(&raw.group, 0).ok().as_ref()))
    }

    fn try_open(selection: &Selection) -> Result<Self, Error> {
        let btf = Btf::from_sys_fs()?;
        let mut program = EbpfLoader::new().btf(Some(&btf)).load(SOCKETS)?;
        watch_ports(&mut program, &selection.ports)?;
        watch_addresses(&mut program, &selection.addresses)?;
        let openings = HashMap::try_from(map(program.take_map("openings"))?)?;
        let groups = HashMap::try_from(map(program.take_map("groups"))?)?;
        for (name, event) in PROGRAMS {
            let point: &mut BtfTracePoint = program.program_mut(name).ok_or("no program")?.try_into()?;
            point.load(event, &btf)?;
            point.attach()?;
        }
        // Only now, so that no connection falls between: one that is opened meanwhile is known twice.
        let holdings = holdings(&btf)?;
        Ok(Self { program, openings, groups, holdings })
    }
}

/// Lists what processes hold now.
fn holdings(btf: &Btf) -> Result<Holdings, Error> {
    let mut program = EbpfLoader::new().btf(Some(btf)).load(HOLDINGS)?;
    let groups: HashMap<_, u64, RawGroup> = HashMap::try_from(map(program.take_map("groups"))?)?;
    let listing: &mut Iter = program.program_mut(LISTING).ok_or("no program")?.try_into()?;
    listing.load("task_file", btf)?;
    let link = listing.attach()?;
    let mut file = listing.take_link(link)?.into_file()?;
    let own = fs::metadata("/proc/self/ns/net")?.ino() as u32;
    let mut holdings = Holdings::new();
    let mut bytes = [0; HOLDING_BYTES];
    while holdings.len() < MAX_HOLDINGS && is_whole(&mut file, &mut bytes)? {
        let holding = RawHolding::read(&bytes);
        let process = process(&holding.process, groups.get(&holding.process.group, 0).ok().as_ref());
        let holder = Holder { network_namespace: holding.network_namespace, process: Some(process) };
        add(&mut holdings, holding.way.ends(), holder, own);
    }
    Ok(holdings)
}

fn is_whole(file: &mut fs::File, bytes: &mut [u8]) -> Result<bool, Error> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The same addresses may be in use in several network namespaces: this one's count, others only where they do not differ.
fn add(holdings: &mut Holdings, ends: [Endpoint; 2], holder: Holder, own: u32) {
    let is_loopback = std::net::IpAddr::from(ends[0].address).is_loopback();
    if is_loopback && holder.network_namespace != own {
        return;
    }
    match holdings.get_mut(&ends) {
        None => {
            holdings.insert(ends, holder);
        }
        Some(known) if known.network_namespace != own && holder.network_namespace == own => *known = holder,
        Some(known) if known.network_namespace == own && holder.network_namespace != own => {}
        Some(known) if known.process != holder.process => known.process = None,
        Some(_) => {}
    }
}

fn process(raw: &RawProcess, group: Option<&RawGroup>) -> Process {
    let names = group.map(RawGroup::names).unwrap_or_default();
    let Membership { container_id, pod_uid } = membership(&names.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    Process { pid: raw.pid, name: raw.name(), executable: raw.executable(), container_id, pod_uid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::packet::Address;

    const OWN: u32 = 1;

    fn holder(pid: u32, network_namespace: u32) -> Holder {
        let (name, executable) = (String::new(), String::new());
        let process = Some(Process { pid, name, executable, container_id: None, pod_uid: None });
        Holder { network_namespace, process }
    }

    fn held(address: [u8; 4], holders: &[Holder]) -> Option<u32> {
        let ends = [1, 2].map(|port| Endpoint { address: Address::V4(address), port });
        let mut holdings = Holdings::new();
        for holder in holders {
            add(&mut holdings, ends, holder.clone(), OWN);
        }
        holdings.get(&ends).and_then(|holder| holder.process.as_ref()).map(|process| process.pid)
    }

    #[test]
    fn a_connection_that_two_processes_hold_is_nobodys() {
        assert_eq!(held([10, 0, 0, 1], &[holder(5, OWN)]), Some(5));
        assert_eq!(held([10, 0, 0, 1], &[holder(5, OWN), holder(5, OWN)]), Some(5));
        assert_eq!(held([10, 0, 0, 1], &[holder(5, OWN), holder(6, OWN)]), None);
    }

    #[test]
    fn the_own_network_namespace_counts_before_others() {
        assert_eq!(held([10, 0, 0, 1], &[holder(5, 2)]), Some(5));
        assert_eq!(held([10, 0, 0, 1], &[holder(5, 2), holder(6, OWN)]), Some(6));
        assert_eq!(held([10, 0, 0, 1], &[holder(6, OWN), holder(5, 2)]), Some(6));
        assert_eq!(held([10, 0, 0, 1], &[holder(5, 2), holder(6, 3)]), None);
    }

    #[test]
    fn loopback_of_another_namespace_is_another_machine() {
        assert_eq!(held([127, 0, 0, 1], &[holder(5, 2)]), None);
        assert_eq!(held([127, 0, 0, 1], &[holder(5, OWN)]), Some(5));
    }
}
