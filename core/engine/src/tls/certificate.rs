//! Cuts certificate messages into certificates; it does not look into those.

use crate::bytes::{Parsed, Reader};

/// The longest chains in use have four; a longer one is not kept at all, since a part of it could mislead.
const MAX_CHAIN: usize = 16;
/// RFC 8422 5.4: the curve is named by a number.
const NAMED_CURVE: u8 = 3;
/// Curves of RFC 8422 and 7919 end well below; anything else in this place is a Diffie-Hellman prime.
const LAST_NAMED_CURVE: u16 = 0x00ff;
/// Points are 32 (X25519) to 133 bytes (P-521).
const POINT_LENGTHS: std::ops::RangeInclusive<usize> = 32..=145;

/// The certificates of a Certificate message, leaf first; empty also where there are too many.
pub(super) fn chain(message: &[u8]) -> Parsed<Vec<Box<[u8]>>> {
    let mut list = Reader::new(message).vector24()?;
    let mut chain = Vec::new();
    while !list.is_empty() {
        chain.push(Box::from(list.vector24()?.rest()));
    }
    Ok(if chain.len() > MAX_CHAIN { Vec::new() } else { chain })
}

/// The same for TLS 1.3 (RFC 8446 4.4.2), where each certificate has extensions.
pub(super) fn modern_chain(message: &[u8]) -> Parsed<Vec<Box<[u8]>>> {
    let mut reader = Reader::new(message);
    reader.vector8()?;
    let mut list = reader.vector24()?;
    let mut chain = Vec::new();
    while !list.is_empty() {
        chain.push(Box::from(list.vector24()?.rest()));
        list.vector16()?;
    }
    Ok(if chain.len() > MAX_CHAIN { Vec::new() } else { chain })
}

/// Whether a Certificate message of TLS 1.3 has no certificate in it.
pub(super) fn modern_is_empty(message: &[u8]) -> bool {
    let mut reader = Reader::new(message);
    reader.vector8().is_ok() && reader.u24() == Ok(0)
}

/// Whether a Certificate message has no certificate in it.
pub(super) fn is_empty(message: &[u8]) -> bool {
    Reader::new(message).u24() == Ok(0)
}

/// The named curve of a `ServerKeyExchange`, if that is what it holds.
pub(super) fn named_curve(message: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(message);
    let kind = reader.u8().ok()?;
    let curve = reader.u16().ok()?;
    let point = reader.vector8().ok()?;
    let plausible = kind == NAMED_CURVE && (1..=LAST_NAMED_CURVE).contains(&curve);
    (plausible && POINT_LENGTHS.contains(&point.len())).then_some(curve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_keeps_its_order() {
        let message = [0, 0, 9, 0, 0, 2, 1, 2, 0, 0, 1, 3];
        assert_eq!(chain(&message), Ok(vec![Box::from([1, 2]), Box::from([3])]));
    }

    #[test]
    fn the_chain_of_tls13_has_extensions_between_its_certificates() {
        let message = [0, 0, 0, 14, 0, 0, 2, 1, 2, 0, 1, 9, 0, 0, 1, 3, 0, 0];
        assert_eq!(modern_chain(&message), Ok(vec![Box::from([1, 2]), Box::from([3])]));
        assert!(modern_is_empty(&[0, 0, 0, 0]) && !modern_is_empty(&message));
    }

    #[test]
    fn a_chain_without_end_is_not_kept_in_part() {
        let mut message = vec![0, 0, 17 * 4];
        message.extend([0, 0, 1, 9].repeat(17));
        assert_eq!(chain(&message), Ok(Vec::new()));
    }

    #[test]
    fn a_prime_is_no_curve() {
        assert_eq!(named_curve(&[1, 0, 0xff, 0xff, 0xff, 0xff]), None);
        let mut x25519 = vec![3, 0, 29, 32];
        x25519.extend([7; 32]);
        assert_eq!(named_curve(&x25519), Some(29));
    }
}
