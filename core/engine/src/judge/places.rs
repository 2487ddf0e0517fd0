//! Which place of the cluster an address belongs to: longest prefix first, as the inventory was compiled.

use super::process::Process;
use crate::map::{HashMap, HashSet};
use crate::packet::Address;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the inventory says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Index of the class of places that share the same rules; 0 where nothing is known.
    pub class: u32,
    /// The node it belongs to.
    pub node: Option<u32>,
    /// Index into [`Places::name`].
    name: u32,
}

/// The compiled inventory.
#[derive(Debug)]
pub struct Places {
    /// Prefix length → masked address → place, for both families.
    v4: BTreeMap<u32, HashMap<u128, Place>>,
    v6: BTreeMap<u32, HashMap<u128, Place>>,
    names: Vec<Vec<u8>>,
    /// Uid or container id → place, for pods that share their node's address.
    pods: HashMap<String, Place>,
    /// Classes whose addresses belong to a node and to the pods on its network.
    shared: HashSet<u32>,
    /// The class of a pod that the inventory does not name.
    pod: Option<u32>,
}

/// The members of an address of which nothing is known.
const NAMELESS: &[u8] = br#""name":null,"kubernetes":null"#;

impl Default for Places {
    fn default() -> Self {
        Self {
            v4: BTreeMap::new(),
            v6: BTreeMap::new(),
            names: vec![NAMELESS.to_vec()],
            pods: HashMap::default(),
            shared: HashSet::default(),
            pod: None,
        }
    }
}

impl Places {
    /// Adds `address/length`. `name` holds the JSON members that events show for it, such as `"name":"node1"`.
    /// The first entry of a prefix stands.
    pub fn add(&mut self, address: IpAddr, length: u32, class: u32, node: Option<u32>, name: Vec<u8>) {
        let place = Place { class, node, name: self.names.len() as u32 };
        self.names.push(name);
        let (family, address) = match address {
            IpAddr::V4(v4) => (&mut self.v4, Address::V4(v4.octets())),
            IpAddr::V6(v6) => (&mut self.v6, Address::V6(v6.octets())),
        };
        let (bits, width) = bits(address);
        family.entry(length.min(width)).or_default().entry(masked(bits, width, length)).or_insert(place);
    }

    /// Says whose addresses pods may share, and what a pod is that no inventory names.
    pub fn share(&mut self, classes: impl IntoIterator<Item = u32>, pod: Option<u32>) {
        self.shared.extend(classes);
        self.pod = pod;
    }

    /// Adds a pod by its uid and the ids of its containers.
    pub fn add_pod(&mut self, ids: Vec<String>, class: u32, node: Option<u32>, name: Vec<u8>) {
        let place = Place { class, node, name: self.names.len() as u32 };
        self.names.push(name);
        self.pods.extend(ids.into_iter().map(|id| (id, place)));
    }

    /// The place of an end: a pod's, where a process of a pod uses its node's address.
    pub fn of(&self, address: Address, process: Option<&Process>) -> Place {
        let place = self.find(address);
        let inside = process.filter(|process| process.pod_uid.is_some() && self.shared.contains(&place.class));
        let Some(Process { container_id, pod_uid, .. }) = inside else { return place };
        let known = [container_id, pod_uid].into_iter().flatten().find_map(|id| self.pods.get(id)).copied();
        let unnamed = self.pod.map(|class| Place { class, node: place.node, name: 0 });
        known.or(unnamed).unwrap_or(place)
    }

    /// The place of an address.
    pub fn find(&self, address: Address) -> Place {
        let (bits, width) = bits(address);
        let family = if width == 32 { &self.v4 } else { &self.v6 };
        let mut found = family.iter().rev().filter_map(|(length, places)| places.get(&masked(bits, width, *length)));
        found.next().copied().unwrap_or_default()
    }

    /// The JSON members shown for a place.
    pub fn name(&self, place: Place) -> &[u8] {
        self.names.get(place.name as usize).map_or(NAMELESS, Vec::as_slice)
    }
}

fn bits(address: Address) -> (u128, u32) {
    match address {
        Address::V4(bytes) => (u128::from(u32::from_be_bytes(bytes)), 32),
        Address::V6(bytes) => (u128::from_be_bytes(bytes), 128),
    }
}

fn masked(bits: u128, width: u32, length: u32) -> u128 {
    let host = width.saturating_sub(length);
    bits.checked_shr(host).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_a_pod_on_its_nodes_address_is_the_pod() {
        let process = |container: &str, pod: Option<&str>| Process {
            pid: 1,
            name: String::new(),
            executable: String::new(),
            container_id: Some(container.to_owned()),
            pod_uid: pod.map(str::to_owned),
        };
        let (node, other) = (Address::V4([10, 0, 0, 1]), Address::V4([10, 0, 0, 2]));
        let mut places = Places::default();
        places.add("10.0.0.1".parse().unwrap(), 32, 1, Some(7), vec![]);
        places.add("10.0.0.2".parse().unwrap(), 32, 2, None, vec![]);
        places.add_pod(vec!["uid".to_owned(), "c0".to_owned()], 3, Some(7), b"pod".to_vec());
        places.share([1], Some(4));
        let class = |address, process: &Process| places.of(address, Some(process)).class;
        assert_eq!(class(node, &process("c9", Some("uid"))), 3);
        assert_eq!(class(node, &process("c0", Some("hash of a static pod"))), 3);
        assert_eq!(class(node, &process("c9", Some("stranger"))), 4);
        assert_eq!(class(node, &process("c0", None)), 1);
        assert_eq!(class(other, &process("c0", Some("uid"))), 2);
        assert_eq!(places.of(node, None).class, 1);
    }

    #[test]
    fn the_longest_prefix_wins() {
        let mut places = Places::default();
        places.add("10.244.0.0".parse().unwrap(), 16, 1, None, vec![]);
        places.add("10.244.1.1".parse().unwrap(), 32, 2, Some(7), b"x".to_vec());
        places.add("::".parse().unwrap(), 0, 3, None, vec![]);
        assert_eq!(places.find(Address::V4([10, 244, 9, 9])).class, 1);
        let host = places.find(Address::V4([10, 244, 1, 1]));
        assert_eq!((host.class, host.node, places.name(host)), (2, Some(7), b"x".as_slice()));
        assert_eq!(places.find(Address::V4([1, 1, 1, 1])), Place::default());
        assert_eq!(places.find(Address::V6([9; 16])).class, 3);
    }
}
