//! Which place of the cluster an address belongs to: longest prefix first, as the inventory was compiled.

use crate::map::HashMap;
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
}

/// The members of an address of which nothing is known.
const NAMELESS: &[u8] = br#""name":null,"kubernetes":null"#;

impl Default for Places {
    fn default() -> Self {
        Self { v4: BTreeMap::new(), v6: BTreeMap::new(), names: vec![NAMELESS.to_vec()] }
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
