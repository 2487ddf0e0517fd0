//! Credentials in header values: their kind and, of tokens, a hash prefix; the secret itself is never kept.

use super::facts::{CredentialKind, Credentials};
use sha2::{Digest, Sha256};

/// 48 bits: enough to know a token again within one cluster.
const HASH_BYTES: usize = 6;
/// The subprotocol in which a WebSocket client that cannot set headers sends its token to the API server.
const WEBSOCKET_BEARER: &[u8] = b"base64url.bearer.authorization.k8s.io.";

/// Reads an `Authorization` value; of a value that is `cut` only the scheme can be told.
pub(super) fn authorization(value: &[u8], cut: bool) -> Option<Credentials> {
    let space = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, secret) = value.split_at(space);
    if scheme.eq_ignore_ascii_case(b"bearer") {
        let token = secret.trim_ascii();
        return Some(bearer((!cut && !token.is_empty()).then(|| hash(token))));
    }
    scheme.eq_ignore_ascii_case(b"basic").then_some(Credentials { kind: CredentialKind::Basic, token_hash: None })
}

/// Whether a WebSocket subprotocol is a token in disguise.
pub(super) fn is_websocket_bearer(protocol: &[u8]) -> bool {
    protocol.starts_with(WEBSOCKET_BEARER)
}

/// The token in a WebSocket subprotocol, with the hash that it has in an `Authorization` header.
pub(super) fn websocket_bearer(protocol: &[u8], cut: bool) -> Option<Credentials> {
    let encoded = protocol.strip_prefix(WEBSOCKET_BEARER)?;
    let token = if cut { None } else { from_base64url(encoded) };
    Some(bearer(token.map(|token| hash(&token))))
}

fn bearer(token_hash: Option<String>) -> Credentials {
    Credentials { kind: CredentialKind::Bearer, token_hash }
}

fn hash(secret: &[u8]) -> String {
    Sha256::digest(secret).iter().take(HASH_BYTES).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn from_base64url(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(encoded.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &letter in encoded {
        bits = bits << 6 | u32::from(sextet(letter)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
        bits &= 0xff;
    }
    (!out.is_empty()).then_some(out)
}

fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf 'my-token' | sha256sum
    const HASH: &str = "fece50d2287f";

    #[test]
    fn a_token_has_the_same_hash_wherever_it_is_sent() {
        let header = authorization(b"BEARER  my-token ", false).unwrap();
        let socket = websocket_bearer(b"base64url.bearer.authorization.k8s.io.bXktdG9rZW4", false).unwrap();
        assert_eq!(header.token_hash.as_deref(), Some(HASH));
        assert_eq!(header, socket);
    }

    #[test]
    fn a_password_or_a_cut_token_gives_no_hash() {
        assert_eq!(authorization(b"Basic dTpw", false).unwrap().token_hash, None);
        assert_eq!(authorization(b"Bearer my-to", true).unwrap().token_hash, None);
        assert_eq!(authorization(b"Negotiate abc", false), None);
        assert_eq!(authorization(b"Bear", true), None);
    }
}
