//! What loading any program of `bpf/` needs: telling it which connections are of interest, and saying what went wrong.

use crate::shared::{PORT_WORDS, wide};
use aya::Ebpf;
use aya::maps::{Array, HashMap};
use engine::packet::Address;
use std::collections::HashSet;

/// What may fail on the way.
pub(crate) type Error = Box<dyn std::error::Error>;

/// A map of a program, or that it is missing.
pub(crate) fn map<M>(map: Option<M>) -> Result<M, Error> {
    map.ok_or_else(|| "a map is missing".into())
}

/// Makes these the ports of interest, whatever was before; each port changes at once, none is missed between.
pub(crate) fn watch_ports(program: &mut Ebpf, ports: &[u16]) -> Result<(), Error> {
    let mut words = [0u64; PORT_WORDS];
    for port in ports {
        if let Some(word) = words.get_mut(usize::from(port / 64)) {
            *word |= 1 << (port % 64);
        }
    }
    let mut map: Array<_, u64> = Array::try_from(map(program.map_mut("ports"))?)?;
    for (index, word) in (0..).zip(words) {
        map.set(index, word, 0)?;
    }
    Ok(())
}

/// Makes these the addresses of interest: new ones are added before others go.
pub(crate) fn watch_addresses(program: &mut Ebpf, addresses: &[Address]) -> Result<(), Error> {
    let mut map: HashMap<_, [u8; 16], u32> = HashMap::try_from(map(program.map_mut("addresses"))?)?;
    let wanted: HashSet<[u8; 16]> = addresses.iter().copied().map(wide).collect();
    for address in &wanted {
        map.insert(address, 1, 0)?;
    }
    let known: Vec<_> = map.keys().filter_map(Result::ok).collect();
    for address in known.iter().filter(|address| !wanted.contains(*address)) {
        map.remove(address)?;
    }
    Ok(())
}

/// Hands freed memory back to the machine: the kernel's types fill twenty megabytes while programs are loaded.
pub(crate) fn give_memory_back() {
    // SAFETY: no pointers are passed; only memory that is free is touched.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// An error with what caused it, in one line.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let said = causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"));
    // A log of the verifier is for the one who wrote the program.
    said.lines().next().unwrap_or_default().to_owned()
}
