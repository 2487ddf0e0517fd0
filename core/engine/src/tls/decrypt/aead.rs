//! The authenticated ciphers of TLS. `RustCrypto` does the mathematics; which key and nonce is said elsewhere.

use aes_gcm::aead::{KeyInit, KeySizeUser, Nonce, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ccm::Ccm;
use ccm::consts::{U8, U12, U16};
use chacha20poly1305::ChaCha20Poly1305;

type Aes128Ccm = Ccm<aes::Aes128, U16, U12>;
type Aes256Ccm = Ccm<aes::Aes256, U16, U12>;
type Aes128Ccm8 = Ccm<aes::Aes128, U8, U12>;
type Aes256Ccm8 = Ccm<aes::Aes256, U8, U12>;

/// All of them have nonces of this size.
pub(super) const NONCE: usize = 12;

/// A cipher by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    Aes128Ccm,
    Aes256Ccm,
    Aes128Ccm8,
    Aes256Ccm8,
    ChaCha20Poly1305,
}

impl Aead {
    pub(super) fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::Aes256Ccm | Self::Aes256Ccm8 | Self::ChaCha20Poly1305 => 32,
        }
    }

    pub(super) fn tag_length(self) -> usize {
        if matches!(self, Self::Aes128Ccm8 | Self::Aes256Ccm8) { 8 } else { 16 }
    }

    /// The plaintext; `None` where key, nonce, `around` and `sealed` do not belong together.
    pub(super) fn open(self, key: &[u8], nonce: [u8; NONCE], around: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: around };
        match self {
            Self::Aes128Gcm => open::<Aes128Gcm>(key, &nonce, payload),
            Self::Aes256Gcm => open::<Aes256Gcm>(key, &nonce, payload),
            Self::Aes128Ccm => open::<Aes128Ccm>(key, &nonce, payload),
            Self::Aes256Ccm => open::<Aes256Ccm>(key, &nonce, payload),
            Self::Aes128Ccm8 => open::<Aes128Ccm8>(key, &nonce, payload),
            Self::Aes256Ccm8 => open::<Aes256Ccm8>(key, &nonce, payload),
            Self::ChaCha20Poly1305 => open::<ChaCha20Poly1305>(key, &nonce, payload),
        }
    }
}

fn open<C>(key: &[u8], nonce: &[u8], payload: Payload<'_, '_>) -> Option<Vec<u8>>
where
    C: aes_gcm::aead::Aead + KeyInit + KeySizeUser,
{
    let cipher = C::new_from_slice(key).ok()?;
    let nonce: &Nonce<C> = nonce.try_into().ok()?;
    cipher.decrypt(nonce, payload).ok()
}
