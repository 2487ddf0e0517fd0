//! AES-CBC with HMAC, in both orders, and with the chained vectors of TLS 1.0.

use super::derive::Hash;
use crate::tls::record::Header;
use aes::cipher::{Array, BlockModeDecrypt, KeyIvInit, consts::U16};
use aes::{Aes128, Aes256};
use cbc::Decryptor;

/// Of AES, in bytes.
pub(super) const BLOCK: usize = 16;

/// The keys of one side.
pub(super) struct Cipher {
    pub(super) key: Vec<u8>,
    pub(super) mac: Hash,
    pub(super) mac_key: Vec<u8>,
    /// RFC 7366.
    pub(super) encrypt_then_mac: bool,
    /// TLS 1.0: the last block of the record before this one.
    pub(super) chained: Option<Vec<u8>>,
}

impl Cipher {
    /// The content of a record; `None` where the MAC says that this is not the key.
    pub(super) fn open(&mut self, sequence: u64, header: Header, body: &[u8]) -> Option<Vec<u8>> {
        let sealed = if self.encrypt_then_mac { self.checked(sequence, header, body)? } else { body };
        let (iv, blocks) = match self.chained.take() {
            Some(iv) => {
                self.chained = sealed.last_chunk::<BLOCK>().map(|last| last.to_vec());
                (iv, sealed)
            }
            None => sealed.split_at_checked(BLOCK).map(|(iv, blocks)| (iv.to_vec(), blocks))?,
        };
        let mut content = blocks.to_vec();
        decrypt(&self.key, &iv, &mut content)?;
        unpad(&mut content)?;
        if self.encrypt_then_mac {
            return Some(content);
        }
        self.checked(sequence, header, &content).map(<[u8]>::to_vec)
    }

    /// What stands before the MAC at the end, if that is right.
    fn checked<'a>(&self, sequence: u64, header: Header, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (covered, mac) = bytes.split_at_checked(bytes.len().checked_sub(self.mac.length())?)?;
        let around = header.authenticated(sequence, u16::try_from(covered.len()).ok()?);
        (self.mac.mac(&self.mac_key, &[&around, covered])? == mac).then_some(covered)
    }
}

fn decrypt(key: &[u8], iv: &[u8], bytes: &mut [u8]) -> Option<()> {
    match key.len() {
        16 => decrypt_blocks(Decryptor::<Aes128>::new_from_slices(key, iv).ok()?, bytes),
        _ => decrypt_blocks(Decryptor::<Aes256>::new_from_slices(key, iv).ok()?, bytes),
    }
}

fn decrypt_blocks(mut decryptor: impl BlockModeDecrypt<BlockSize = U16>, bytes: &mut [u8]) -> Option<()> {
    let (blocks, rest) = Array::<u8, U16>::slice_as_chunks_mut(bytes);
    decryptor.decrypt_blocks(blocks);
    rest.is_empty().then_some(())
}

/// RFC 5246 6.2.3.2: the last byte says how many more like it there are.
fn unpad(content: &mut Vec<u8>) -> Option<()> {
    let padding = *content.last()?;
    let length = content.len().checked_sub(usize::from(padding) + 1)?;
    if content.get(length..)?.iter().any(|byte| *byte != padding) {
        return None;
    }
    content.truncate(length);
    Some(())
}
