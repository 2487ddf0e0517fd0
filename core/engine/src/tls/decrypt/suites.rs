//! Which cipher and which hashes a suite's number stands for (IANA "TLS Cipher Suites"), for those that are opened:
//! AES-GCM, AES-CCM, ChaCha20-Poly1305 and AES-CBC.

use super::aead::Aead;
use super::derive::Hash;

/// How records are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    Aead(Aead),
    Cbc { key_length: usize, mac: Hash },
}

/// The suites of TLS 1.3.
pub(super) fn modern(suite: u16) -> Option<(Aead, Hash)> {
    Some(match suite {
        0x1301 => (Aead::Aes128Gcm, Hash::Sha256),
        0x1302 => (Aead::Aes256Gcm, Hash::Sha384),
        0x1303 => (Aead::ChaCha20Poly1305, Hash::Sha256),
        0x1304 => (Aead::Aes128Ccm, Hash::Sha256),
        0x1305 => (Aead::Aes128Ccm8, Hash::Sha256),
        _ => return None,
    })
}

/// The suites of TLS 1.2 and older, with the hash of TLS 1.2's PRF.
pub(super) fn legacy(suite: u16) -> Option<(Protection, Hash)> {
    let sha256 = |aead| Some((Protection::Aead(aead), Hash::Sha256));
    let even = suite.is_multiple_of(2);
    match suite {
        0x009c..=0x00ad | 0xd001 | 0xd002 => Some(gcm(even == (suite < 0x0100))),
        0xc02b..=0xc032 => Some(gcm(!even)),
        0xcca8..=0xccae => sha256(Aead::ChaCha20Poly1305),
        0xc09c..=0xc0af => sha256(ccm(suite)),
        0xd003 => sha256(Aead::Aes128Ccm8),
        0xd005 => sha256(Aead::Aes128Ccm),
        _ => cbc(suite),
    }
}

fn gcm(short: bool) -> (Protection, Hash) {
    let (aead, hash) = if short { (Aead::Aes128Gcm, Hash::Sha256) } else { (Aead::Aes256Gcm, Hash::Sha384) };
    (Protection::Aead(aead), hash)
}

/// RFC 6655 and 7251: pairs of 128 and 256 bits; those with a tag of 8 bytes stand apart.
fn ccm(suite: u16) -> Aead {
    let short_tag = matches!(suite, 0xc0a0..=0xc0a3 | 0xc0a8..=0xc0ab | 0xc0ae | 0xc0af);
    match (suite.is_multiple_of(2), short_tag) {
        (true, false) => Aead::Aes128Ccm,
        (false, false) => Aead::Aes256Ccm,
        (true, true) => Aead::Aes128Ccm8,
        (false, true) => Aead::Aes256Ccm8,
    }
}

fn cbc(suite: u16) -> Option<(Protection, Hash)> {
    let (key_length, mac) = match suite {
        0x002f..=0x0034 | 0x008c | 0x0090 | 0x0094 | 0xc004 | 0xc009 | 0xc00e | 0xc013 | 0xc018 | 0xc035 => {
            (16, Hash::Sha1)
        }
        0x0035..=0x003a | 0x008d | 0x0091 | 0x0095 | 0xc005 | 0xc00a | 0xc00f | 0xc014 | 0xc019 | 0xc036 => {
            (32, Hash::Sha1)
        }
        0x003c
        | 0x003e..=0x0040
        | 0x0067
        | 0x006c
        | 0x00ae
        | 0x00b2
        | 0x00b6
        | 0xc023
        | 0xc025
        | 0xc027
        | 0xc029
        | 0xc037 => (16, Hash::Sha256),
        0x003d | 0x0068..=0x006b | 0x006d => (32, Hash::Sha256),
        0x00af | 0x00b3 | 0x00b7 | 0xc024 | 0xc026 | 0xc028 | 0xc02a | 0xc038 => (32, Hash::Sha384),
        _ => return None,
    };
    let prf = if mac == Hash::Sha384 { Hash::Sha384 } else { Hash::Sha256 };
    Some((Protection::Cbc { key_length, mac }, prf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_cut_where_the_registry_cuts_it() {
        let aead = |suite| match legacy(suite) {
            Some((Protection::Aead(aead), hash)) => (aead, hash),
            other => panic!("{suite:04x}: {other:?}"),
        };
        for suite in [0x009c, 0x009e, 0x00ac, 0xc02b, 0xc02f, 0xc031, 0xd001] {
            assert_eq!(aead(suite), (Aead::Aes128Gcm, Hash::Sha256), "{suite:04x}");
        }
        for suite in [0x009d, 0x009f, 0x00ad, 0xc02c, 0xc030, 0xc032, 0xd002] {
            assert_eq!(aead(suite), (Aead::Aes256Gcm, Hash::Sha384), "{suite:04x}");
        }
        assert_eq!(aead(0xc0ad), (Aead::Aes256Ccm, Hash::Sha256));
        assert_eq!(aead(0xc0ae), (Aead::Aes128Ccm8, Hash::Sha256));
        assert_eq!(aead(0xc0a5), (Aead::Aes256Ccm, Hash::Sha256));
        let cbc = |suite| legacy(suite).unwrap();
        assert_eq!(cbc(0xc013), (Protection::Cbc { key_length: 16, mac: Hash::Sha1 }, Hash::Sha256));
        assert_eq!(cbc(0xc028), (Protection::Cbc { key_length: 32, mac: Hash::Sha384 }, Hash::Sha384));
        // NULL, RC4, 3DES, Camellia.
        for suite in [0x0000, 0x0005, 0x000a, 0x003b, 0x0041, 0x0084, 0x00c0, 0xc012] {
            assert_eq!(legacy(suite), None, "{suite:04x}");
        }
    }
}
