//! Opens the records of one side of a connection of TLS 1.2 or older, after its `ChangeCipherSpec`.

use super::MAX_TRIES;
use super::aead::{Aead, NONCE};
use super::cbc;
use super::derive::key_block;
use super::suites::{self, Protection};
use crate::side::Side;
use crate::tls::facts::Version;
use crate::tls::record::{ContentType, Record};
use crate::tls::secrets::Secret;

/// RFC 5288 3, 6655 3: the part of a nonce that stands in the record.
const EXPLICIT_NONCE: usize = 8;
const TLS10: Version = Version(0x0301);
const TLS11: Version = Version(0x0302);
const TLS12: Version = Version(0x0303);

/// What keys are made from, beside the secret.
pub(in crate::tls) struct Agreement<'a> {
    pub(in crate::tls) version: Version,
    pub(in crate::tls) suite: u16,
    pub(in crate::tls) randoms: [&'a [u8]; 2],
    pub(in crate::tls) encrypt_then_mac: bool,
}

enum Cipher {
    Aead { aead: Aead, key: Vec<u8>, iv: Vec<u8> },
    Cbc(cbc::Cipher),
}

/// One side of a connection.
pub(in crate::tls) struct Direction {
    cipher: Cipher,
    sequence: u64,
    over: bool,
    misfit: bool,
}

/// Both sides; `None` where the suite is not opened.
pub(in crate::tls) fn directions(agreement: &Agreement<'_>, master: &Secret) -> Option<[Direction; 2]> {
    if agreement.version < TLS10 {
        return None;
    }
    let (protection, hash) = suites::legacy(agreement.suite)?;
    let prf = (agreement.version >= TLS12).then_some(hash);
    let [mac, key, iv] = lengths(protection, agreement.version);
    let block = key_block(master, prf, agreement.randoms, 2 * (mac + key + iv))?;
    let cut = |at: usize, length: usize| block.get(at..at + length).map(<[u8]>::to_vec);
    let side = |number: usize| {
        let parts =
            [cut(number * mac, mac)?, cut(2 * mac + number * key, key)?, cut(2 * (mac + key) + number * iv, iv)?];
        Some(Direction { cipher: Cipher::new(protection, agreement, parts), sequence: 0, over: false, misfit: false })
    };
    Some([side(0)?, side(1)?])
}

/// RFC 5246 6.3: of the MAC's key, the key and the nonce's fixed part.
fn lengths(protection: Protection, version: Version) -> [usize; 3] {
    match protection {
        Protection::Aead(Aead::ChaCha20Poly1305) => [0, 32, NONCE],
        Protection::Aead(aead) => [0, aead.key_length(), NONCE - EXPLICIT_NONCE],
        Protection::Cbc { key_length, mac } => [mac.length(), key_length, if version < TLS11 { cbc::BLOCK } else { 0 }],
    }
}

impl Cipher {
    fn new(protection: Protection, agreement: &Agreement<'_>, [mac_key, key, iv]: [Vec<u8>; 3]) -> Self {
        match protection {
            Protection::Aead(aead) => Self::Aead { aead, key, iv },
            Protection::Cbc { mac, .. } => Self::Cbc(cbc::Cipher {
                key,
                mac,
                mac_key,
                encrypt_then_mac: agreement.encrypt_then_mac,
                chained: (agreement.version < TLS11).then_some(iv),
            }),
        }
    }
}

impl Direction {
    /// The content of this side's next record; `None` where it cannot be opened.
    pub(in crate::tls) fn open(&mut self, record: Record<'_>) -> Option<Vec<u8>> {
        if self.over {
            return None;
        }
        let sequence = self.sequence;
        self.sequence += 1;
        self.over = self.sequence >= u64::from(MAX_TRIES) || record.header.kind == ContentType::CHANGE_CIPHER_SPEC;
        let body = record.body?;
        let opened = match &mut self.cipher {
            Cipher::Aead { aead, key, iv } => open_aead(*aead, key, iv, sequence, record, body),
            Cipher::Cbc(cipher) => cipher.open(sequence, record.header, body),
        };
        if opened.is_none() {
            self.misfit = !self.over;
            self.over = true;
        }
        opened
    }

    pub(in crate::tls) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a key did not open what it should.
    pub(in crate::tls) fn misfits(&self) -> bool {
        self.misfit
    }
}

/// RFC 5246 6.2.3.3 with the nonces of RFC 5288, 6655 and 7905.
fn open_aead(aead: Aead, key: &[u8], iv: &[u8], sequence: u64, record: Record<'_>, body: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE];
    nonce.iter_mut().zip(iv).for_each(|(byte, fixed)| *byte = *fixed);
    let sealed = if aead == Aead::ChaCha20Poly1305 {
        nonce.iter_mut().rev().zip(sequence.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
        body
    } else {
        let (explicit, sealed) = body.split_at_checked(EXPLICIT_NONCE)?;
        nonce.iter_mut().skip(iv.len()).zip(explicit).for_each(|(byte, given)| *byte = *given);
        sealed
    };
    let length = u16::try_from(sealed.len().checked_sub(aead.tag_length())?).ok()?;
    aead.open(key, nonce, &record.header.authenticated(sequence, length), sealed)
}

/// Client first, as in the key block.
pub(in crate::tls) fn index(side: Side) -> usize {
    usize::from(side == Side::Server)
}

#[cfg(test)]
mod tests {
    use super::super::derive::Hash;
    use super::*;

    #[test]
    fn the_parts_of_a_key_block_have_the_lengths_of_the_suite() {
        assert_eq!(lengths(Protection::Aead(Aead::Aes256Gcm), TLS12), [0, 32, 4]);
        assert_eq!(lengths(Protection::Aead(Aead::ChaCha20Poly1305), TLS12), [0, 32, 12]);
        let cbc = Protection::Cbc { key_length: 16, mac: Hash::Sha1 };
        assert_eq!((lengths(cbc, TLS12), lengths(cbc, Version(0x0301))), ([20, 16, 0], [20, 16, 16]));
    }
}
