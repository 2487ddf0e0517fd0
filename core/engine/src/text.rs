//! Bytes of the traffic as text that may be shown: bounded and printable ASCII only; nothing is decoded.

/// Stands in the place of each byte that is not printable ASCII.
const PLACEHOLDER: char = '?';

/// At most `limit` bytes as text; no control sequence of the traffic reaches a terminal or a page.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    bytes.iter().take(limit).map(|&byte| if is_printable(byte) { char::from(byte) } else { PLACEHOLDER }).collect()
}

/// Whether a byte is a visible ASCII character or a space.
pub fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_high_bytes_are_replaced_and_the_length_is_bounded() {
        assert_eq!(printable(b"a\x1b[31m\xc3\xa9 z", 9), "a?[31m?? ");
    }
}
