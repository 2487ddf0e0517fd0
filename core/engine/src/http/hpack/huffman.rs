//! The static Huffman code of RFC 7541 Appendix B. It is canonical, so that the lengths alone give all codes.

use crate::bytes::{Parsed, Stop};

/// Code length in bits of each byte, then of the end-of-string symbol.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const SYMBOLS: usize = 257;
const LONGEST: usize = 30;

/// All codes of one length: they are consecutive numbers, and so are their places in `ORDER`.
#[derive(Clone, Copy)]
struct Group {
    /// One past the last code, aligned to the left of 32 bits.
    end: u64,
    first_code: u32,
    first_place: usize,
}

/// Symbols by length of code, then by value.
const ORDER: [u16; SYMBOLS] = order();
const GROUPS: [Group; LONGEST + 1] = groups();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler
const fn order() -> [u16; SYMBOLS] {
    let mut order = [0; SYMBOLS];
    let (mut length, mut place) = (1, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                order[place] = symbol as u16;
                place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    order
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler
const fn groups() -> [Group; LONGEST + 1] {
    let mut groups = [Group { end: 0, first_code: 0, first_place: 0 }; LONGEST + 1];
    let (mut length, mut code, mut place) = (1, 0_u32, 0);
    while length <= LONGEST {
        let (first_code, first_place) = (code, place);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        groups[length] = Group { end: (code as u64) << (32 - length), first_code, first_place };
        code <<= 1;
        length += 1;
    }
    groups
}

/// Decodes a whole string; what is left must be fewer than eight bits, all ones (RFC 7541 5.2).
pub(super) fn decode(encoded: &[u8]) -> Parsed<Vec<u8>> {
    let mut out = Vec::with_capacity(encoded.len() * 8 / 5);
    let (mut window, mut bits) = (0_u64, 0_u32);
    let mut input = encoded.iter();
    loop {
        while bits <= 32 {
            let Some(&byte) = input.next() else { break };
            window |= u64::from(byte) << (56 - bits);
            bits += 8;
        }
        let Some((symbol, length)) = first_symbol(window >> 32).filter(|&(_, length)| length <= bits) else { break };
        out.push(u8::try_from(symbol).map_err(|_| Stop::Invalid)?);
        window <<= length;
        bits -= length;
    }
    let padding = !(u64::MAX >> bits);
    if bits < 8 && window == padding { Ok(out) } else { Err(Stop::Invalid) }
}

/// The symbol at the left of 32 bits and its length.
fn first_symbol(window: u64) -> Option<(u16, u32)> {
    let (length, group) = GROUPS.iter().enumerate().find(|(_, group)| window < group.end)?;
    let code = (window >> (32 - length)) as u32;
    let place = group.first_place + code.checked_sub(group.first_code)? as usize;
    ORDER.get(place).map(|&symbol| (symbol, length as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END_OF_STRING: u16 = 256;

    #[test]
    fn the_code_is_complete_and_ends_with_the_end_of_string() {
        assert_eq!(GROUPS[LONGEST].end, 1 << 32);
        assert_eq!(ORDER[SYMBOLS - 1], END_OF_STRING);
        assert_eq!(first_symbol(0xffff_ffff), Some((END_OF_STRING, 30)));
    }

    #[test]
    fn padding_is_short_and_of_ones() {
        assert_eq!(decode(&[0x1f]), Ok(b"a".to_vec())); // 00011 and three ones
        assert_eq!(decode(&[0x1e]), Err(Stop::Invalid));
        assert_eq!(decode(&[0x1f, 0xff]), Err(Stop::Invalid));
        assert_eq!(decode(&[0xff; 4]), Err(Stop::Invalid));
        assert_eq!(decode(&[]), Ok(vec![]));
    }
}
