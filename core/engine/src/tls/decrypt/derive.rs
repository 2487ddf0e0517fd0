//! From the secrets of a key log to keys: HKDF-Expand-Label of TLS 1.3 and the PRF of TLS 1.2 and older.

use crate::tls::secrets::Secret;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

/// A hash that TLS uses in HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// HMAC over the parts, one after the other.
    pub(super) fn mac(self, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
        match self {
            Self::Md5 => mac::<Hmac<Md5>>(key, parts),
            Self::Sha1 => mac::<Hmac<Sha1>>(key, parts),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, parts),
            Self::Sha384 => mac::<Hmac<Sha384>>(key, parts),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}

/// RFC 8446 7.1, with an empty context.
pub(super) fn expand_label(secret: &Secret, hash: Hash, label: &str, out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(b"tls13 ".len() + label.len()).ok()?];
    let info = [&length[..], &label_length, b"tls13 ", label.as_bytes(), &[0]].concat();
    if secret.bytes().len() != hash.length() {
        return None;
    }
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret.bytes()).ok()?.expand(&info, out).ok(),
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret.bytes()).ok()?.expand(&info, out).ok(),
        Hash::Md5 | Hash::Sha1 => None,
    }
}

/// RFC 5246 5 and 6.3: the key block; `hash` is `None` before TLS 1.2, where MD5 and SHA-1 share the work.
pub(super) fn key_block(master: &Secret, hash: Option<Hash>, randoms: [&[u8]; 2], length: usize) -> Option<Vec<u8>> {
    let [client, server] = randoms;
    let seed = [b"key expansion", server, client].concat();
    if let Some(hash) = hash {
        return stretch(hash, master.bytes(), &seed, length);
    }
    let (first, second) = master.bytes().split_at(master.bytes().len() / 2);
    let (md5, sha1) = (stretch(Hash::Md5, first, &seed, length)?, stretch(Hash::Sha1, second, &seed, length)?);
    Some(md5.iter().zip(sha1).map(|(a, b)| a ^ b).collect())
}

/// `P_hash` of RFC 5246 5.
fn stretch(hash: Hash, secret: &[u8], seed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length + hash.length());
    let mut chained = hash.mac(secret, &[seed])?;
    while out.len() < length {
        out.extend(hash.mac(secret, &[&chained, seed])?);
        chained = hash.mac(secret, &[&chained])?;
    }
    out.truncate(length);
    Some(out)
}
