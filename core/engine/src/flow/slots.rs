//! The hash index of the flow table: open addressing over 8-byte slots, so that a look-up costs one cache line.

/// Finds the place of a flow in the table by its hash; the keys themselves stay with the flows.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    used: usize,
}

/// A slot is free while `flow` is [`FREE`].
#[derive(Debug, Clone, Copy)]
struct Slot {
    tag: u32,
    flow: u32,
}

const FREE: u32 = u32::MAX;
const INITIAL_SLOTS: usize = 1024;

impl Slots {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot { tag: 0, flow: FREE }; INITIAL_SLOTS], used: 0 }
    }

    /// The flow with this hash for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash as u32);
        loop {
            let slot = self.slots.get(at)?;
            if slot.flow == FREE {
                return None;
            }
            if slot.tag == hash as u32 && is_it(slot.flow) {
                return Some(slot.flow);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Reads a bit of the slot where a look-up begins: asking early brings it into the cache.
    #[inline]
    pub(super) fn peek(&self, hash: u64) -> u32 {
        self.at(self.home(hash as u32)).flow
    }

    /// The first flow with this hash, whatever its key; else a number that no flow has.
    #[inline]
    pub(super) fn likely(&self, hash: u64) -> u32 {
        self.find(hash, |_| true).unwrap_or(FREE)
    }

    /// Adds a flow that [`Self::find`] did not find.
    pub(super) fn insert(&mut self, hash: u64, flow: u32) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.place(Slot { tag: hash as u32, flow });
        self.used += 1;
    }

    /// Takes a flow out; later slots of its run move up so that no look-up stops short.
    pub(super) fn remove(&mut self, hash: u64, flow: u32) {
        let mut gap = self.home(hash as u32);
        while self.at(gap).flow != flow {
            if self.at(gap).flow == FREE {
                return;
            }
            gap = (gap + 1) & self.mask();
        }
        let mut next = gap;
        loop {
            next = (next + 1) & self.mask();
            let slot = self.at(next);
            if slot.flow == FREE {
                break;
            }
            let home = self.home(slot.tag);
            if (next.wrapping_sub(home) & self.mask()) >= (next.wrapping_sub(gap) & self.mask()) {
                self.set(gap, slot);
                gap = next;
            }
        }
        self.set(gap, Slot { tag: 0, flow: FREE });
        self.used -= 1;
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & self.mask()
    }

    fn at(&self, index: usize) -> Slot {
        self.slots.get(index).copied().unwrap_or(Slot { tag: 0, flow: FREE })
    }

    fn set(&mut self, index: usize, value: Slot) {
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = value;
        }
    }

    fn place(&mut self, value: Slot) {
        let mut at = self.home(value.tag);
        while self.at(at).flow != FREE {
            at = (at + 1) & self.mask();
        }
        self.set(at, value);
    }

    fn grow(&mut self) {
        let doubled = vec![Slot { tag: 0, flow: FREE }; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, doubled) {
            if slot.flow != FREE {
                self.place(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_like_a_map_under_any_inserts_and_removals(steps in proptest::collection::vec((0u32..300, any::<bool>()), 0..3000)) {
            let hash = |flow: u32| u64::from(flow % 37).wrapping_mul(0x0101);
            let mut slots = Slots::new();
            let mut model = BTreeSet::new();
            for (flow, insert) in steps {
                if insert {
                    if model.insert(flow) { slots.insert(hash(flow), flow); }
                } else {
                    model.remove(&flow);
                    slots.remove(hash(flow), flow);
                }
            }
            for flow in 0..300 {
                prop_assert_eq!(slots.find(hash(flow), |f| f == flow).is_some(), model.contains(&flow));
            }
        }
    }
}
