//! What two KEXINIT messages offer and which algorithms follow from them; the key exchange itself is not read.

use crate::bytes::{Parsed, Reader};
use crate::text::printable;

/// Names compared per list: real lists have under 40, and the comparison is quadratic.
const NAMES_LIMIT: usize = 256;
/// An algorithm's name is at most this long (RFC 4251 6).
const NAME_LIMIT: usize = 64;
/// What is kept for show of each offered list.
const SHOWN_LIST_LIMIT: usize = 1024;
/// Names that announce extensions; they are never an algorithm (RFC 8308 2.1, OpenSSH `kex-strict`).
const MARKERS: [&str; 3] = ["ext-info-", "kex-strict-c-", "kex-strict-s-"];

/// The lists of one KEXINIT (RFC 4253 7.1), bounded by the packet that carried them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct KexInit {
    key_exchange: String,
    host_key: String,
    cipher: [String; 2],
    mac: [String; 2],
    compression: [String; 2],
}

/// What one side offered, for show.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Key exchange methods, markers included, comma-separated in the order of preference.
    pub key_exchange: String,
    /// Host key algorithms.
    pub host_key: String,
    /// Ciphers from client to server.
    pub ciphers: String,
    /// Message authentication codes from client to server.
    pub macs: String,
}

/// The algorithms that both lists lead to; `None` where they have nothing in common.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Agreement {
    pub(super) key_exchange: Option<String>,
    pub(super) host_key: Option<String>,
    /// Client to server, then server to client.
    pub(super) cipher: [Option<String>; 2],
    pub(super) mac: [Option<String>; 2],
    pub(super) complete: bool,
}

impl KexInit {
    /// Reads the message after its type byte.
    pub(super) fn read(payload: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(payload);
        reader.skip(16)?; // the cookie
        let mut list = || -> Parsed<String> {
            let length = reader.u32()? as usize;
            reader.take(length).map(|names| printable(names, length))
        };
        Ok(Self {
            key_exchange: list()?,
            host_key: list()?,
            cipher: [list()?, list()?],
            mac: [list()?, list()?],
            compression: [list()?, list()?],
        })
    }

    /// The lists cut for show.
    pub(super) fn offer(&self) -> Offer {
        let [ciphers, _] = &self.cipher;
        let [macs, _] = &self.mac;
        Offer {
            key_exchange: shown(&self.key_exchange),
            host_key: shown(&self.host_key),
            ciphers: shown(ciphers),
            macs: shown(macs),
        }
    }
}

impl Agreement {
    /// RFC 4253 7.1: of each list the client's first name that the server has too.
    pub(super) fn of(client: &KexInit, server: &KexInit) -> Self {
        let key_exchange = first_common(&client.key_exchange, &server.key_exchange);
        let host_key = first_common(&client.host_key, &server.host_key);
        let cipher = both_ways(&client.cipher, &server.cipher);
        let [mac_out, mac_in] = both_ways(&client.mac, &server.mac);
        let [cipher_out, cipher_in] = &cipher;
        let mac = [mac_beside(cipher_out.as_deref(), mac_out), mac_beside(cipher_in.as_deref(), mac_in)];
        let compression = both_ways(&client.compression, &server.compression);
        let complete = key_exchange.is_some()
            && host_key.is_some()
            && [&cipher, &mac, &compression].iter().all(|pair| pair.iter().all(Option::is_some));
        Self { key_exchange, host_key, cipher, mac, complete }
    }
}

fn both_ways(client: &[String; 2], server: &[String; 2]) -> [Option<String>; 2] {
    let ([client_out, client_in], [server_out, server_in]) = (client, server);
    [first_common(client_out, server_out), first_common(client_in, server_in)]
}

fn first_common(client: &str, server: &str) -> Option<String> {
    names(client)
        .find(|name| names(server).any(|other| other == *name))
        .map(|name| printable(name.as_bytes(), NAME_LIMIT))
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    let marker = |name: &str| MARKERS.iter().any(|start| name.starts_with(start));
    list.split(',').take(NAMES_LIMIT).filter(move |name| !name.is_empty() && !marker(name))
}

/// A cipher that authenticates by itself leaves the negotiated MAC unused (RFC 5647 5.1, OpenSSH PROTOCOL 1.6).
fn mac_beside(cipher: Option<&str>, negotiated: Option<String>) -> Option<String> {
    let authenticates =
        |name: &str| name.contains("-gcm@") || name.starts_with("AEAD_") || name.starts_with("chacha20-poly1305");
    if cipher.is_some_and(authenticates) { Some(super::IMPLICIT_MAC.to_owned()) } else { negotiated }
}

/// Whole names only, so that a cut list never shows a name that was not offered.
fn shown(list: &str) -> String {
    let Some(head) = list.get(..SHOWN_LIST_LIMIT) else { return list.to_owned() };
    head.rsplit_once(',').map_or_else(String::new, |(whole, _)| whole.to_owned())
}
