//! Certificate chains, each kept once.

use crate::map::HashMap;

/// Bytes of certificates kept: those of 10,000 kubelets with room; beyond it a chain counts as not seen.
pub(super) const MAX_CHAIN_BYTES: usize = 48 * 1024 * 1024;

type Chain = Box<[Box<[u8]>]>;

/// All different chains of a capture.
#[derive(Debug, Default)]
pub(super) struct Chains {
    chains: Vec<Chain>,
    index: HashMap<Chain, u32>,
    bytes: usize,
}

impl Chains {
    /// The number of a chain; `None` for an empty one and where there is no room.
    pub(super) fn intern(&mut self, certificates: Vec<Box<[u8]>>) -> Option<u32> {
        let chain = certificates.into_boxed_slice();
        if let Some(known) = self.index.get(&chain) {
            return Some(*known);
        }
        let size: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if chain.is_empty() || self.bytes + size > MAX_CHAIN_BYTES {
            return None;
        }
        self.bytes += size;
        let number = self.chains.len() as u32;
        self.chains.push(chain.clone());
        self.index.insert(chain, number);
        Some(number)
    }

    pub(super) fn get(&self, number: u32) -> &[Box<[u8]>] {
        self.chains.get(number as usize).map_or(&[], |chain| chain)
    }

    /// Bytes of all certificates.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.chains.len()
    }
}
