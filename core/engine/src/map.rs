//! Hash maps and sets with a hash that is cheap and yet keyed anew in each process, so that traffic cannot choose keys
//! that collide.

use foldhash::fast::RandomState;

/// A hash map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A hash set.
pub type HashSet<K> = std::collections::HashSet<K, RandomState>;
