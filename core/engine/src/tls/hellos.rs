//! Hellos that were read before. A client's hellos differ in their random, session and key shares alone, and their
//! fingerprints cost more than all else of a handshake: so each different one is read once.

use super::hello::{ClientHello, ServerHello, extension};
use super::messages::{protocol_name, server_name};
use super::{ja, server_flight::Offer};
use crate::map::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of hellos remembered, some thousands of different ones; when they are full all are forgotten.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What an entry takes beside its key.
const ENTRY_BYTES: usize = 512;
/// Clients offer one to five.
const MAX_PROTOCOLS: usize = 16;

/// What a `ClientHello` offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) server_name: Option<Arc<str>>,
    pub(super) protocols: Arc<[Arc<str>]>,
    pub(super) ja3: Arc<str>,
    pub(super) ja4: Arc<str>,
    pub(super) psk_modes: bool,
    /// What the sizes of the server's flight depend on; `None` where they do not tell.
    pub(super) sizes: Option<Offer>,
}

/// The hellos of a run, shared by its conversations.
#[derive(Clone, Default)]
pub struct Hellos(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    clients: HashMap<Box<[u8]>, Arc<Offers>>,
    servers: HashMap<Box<[u8]>, Arc<str>>,
    bytes: usize,
    essence: Vec<u8>,
}

impl fmt::Debug for Hellos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hellos").finish_non_exhaustive()
    }
}

impl Hellos {
    /// What a client's hello offers.
    pub(super) fn offers(&self, hello: &ClientHello<'_>) -> Arc<Offers> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { clients, essence, .. } = &mut *known;
        essence.clear();
        hello.essence(essence);
        if let Some(offers) = clients.get(essence.as_slice()) {
            return offers.clone();
        }
        let offers = Arc::new(Offers::of(hello));
        let key = known.room();
        known.clients.insert(key, offers.clone());
        offers
    }

    /// The fingerprint of a server's hello.
    pub(super) fn ja3s(&self, hello: &ServerHello<'_>) -> Arc<str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { servers, essence, .. } = &mut *known;
        essence.clear();
        hello.essence(essence);
        if let Some(fingerprint) = servers.get(essence.as_slice()) {
            return fingerprint.clone();
        }
        let fingerprint = ja::ja3s(hello);
        let key = known.room();
        known.servers.insert(key, fingerprint.clone());
        fingerprint
    }
}

impl Known {
    /// Makes room for the hello at hand and gives its key.
    fn room(&mut self) -> Box<[u8]> {
        self.bytes += self.essence.len() + ENTRY_BYTES;
        if self.bytes > MAX_BYTES {
            self.clients.clear();
            self.servers.clear();
            self.bytes = self.essence.len() + ENTRY_BYTES;
        }
        Box::from(self.essence.as_slice())
    }
}

impl Offers {
    fn of(hello: &ClientHello<'_>) -> Self {
        let names = hello.protocols();
        let sizes = (hello.sizes_tell() && names.len() <= MAX_PROTOCOLS).then(|| Offer {
            names: names.iter().map(|name| name.len()).collect(),
            acknowledged: hello.wants_acknowledgment(),
            compression: hello.extensions.has(extension::COMPRESS_CERTIFICATE),
        });
        Self {
            server_name: hello.server_name().map(server_name),
            protocols: names.iter().take(MAX_PROTOCOLS).map(|name| protocol_name(name)).collect(),
            ja3: ja::ja3(hello),
            ja4: ja::ja4(hello),
            psk_modes: hello.extensions.has(extension::PSK_MODES),
            sizes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A hello with these extensions; everything that is new in each connection is `fresh`.
    fn hello(fresh: u8, ciphers: &[u8], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![3, 3];
        bytes.extend([fresh; 32]);
        bytes.extend([1, fresh]);
        bytes.extend((ciphers.len() as u16).to_be_bytes());
        bytes.extend(ciphers);
        bytes.extend([1, 0]);
        let mut block = Vec::new();
        for (kind, body) in extensions {
            block.extend(kind.to_be_bytes());
            block.extend((body.len() as u16).to_be_bytes());
            block.extend(body);
        }
        bytes.extend((block.len() as u16).to_be_bytes());
        bytes.extend(block);
        bytes
    }

    fn extensions() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
        let kind = prop_oneof![0u16..60, Just(0x0a0a), Just(0xff01)];
        let body = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            Just(vec![0, 3, 2, b'h', b'2']),
            Just(vec![0, 6, 0, 0, 3, b'a', b'.', b'b']),
            Just(vec![2, 3, 4]),
        ];
        proptest::collection::vec((kind, body), 0..12)
    }

    proptest! {
        #[test]
        fn a_remembered_hello_says_what_it_would_say_read_anew(
            hellos in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..8), extensions()), 1..8),
        ) {
            let known = Hellos::default();
            for (fresh, ciphers, extensions) in hellos {
                for fresh in [fresh, fresh.wrapping_add(1)] {
                    let bytes = hello(fresh, &ciphers, &extensions);
                    let parsed = ClientHello::parse(&bytes).unwrap();
                    prop_assert_eq!(&*known.offers(&parsed), &Offers::of(&parsed));
                }
            }
        }
    }

    #[test]
    fn hellos_that_differ_in_what_is_new_each_time_are_read_once() {
        let known = Hellos::default();
        let offers = [1, 2].map(|fresh| {
            let shares = vec![0, 36, 0, 29, 0, 32, fresh];
            let bytes = hello(fresh, &[0x13, 1], &[(extension::KEY_SHARE, shares)]);
            known.offers(&ClientHello::parse(&bytes).unwrap())
        });
        assert!(Arc::ptr_eq(&offers[0], &offers[1]));
    }

    #[test]
    fn memory_stays_bounded_over_ever_new_hellos() {
        let known = Hellos::default();
        for number in 0u32..20_000 {
            let bytes = hello(0, &number.to_be_bytes(), &[]);
            known.offers(&ClientHello::parse(&bytes).unwrap());
            assert!(known.0.lock().unwrap().bytes <= MAX_BYTES);
        }
    }
}
