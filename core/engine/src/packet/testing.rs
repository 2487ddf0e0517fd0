//! Builds frames in memory for tests: Ethernet, IPv4, IPv6 and TCP headers whose lengths agree.

/// An Ethernet frame.
pub(crate) fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind.to_be_bytes(), body].concat()
}

/// An IPv4 datagram from 10.0.0.1 to 10.0.0.2 with the identification 7.
pub(crate) fn ipv4(protocol: u8, options: &[u8], body: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let [len0, len1] = ((header_len + body.len()) as u16).to_be_bytes();
    let first = 0x40 | (header_len / 4) as u8;
    let header = [first, 0, len0, len1, 0, 7, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header[..], options, body].concat()
}

/// An IPv6 datagram from `fd00::1` to `fd00::2`.
pub(crate) fn ipv6(next_header: u8, body: &[u8]) -> Vec<u8> {
    let [len0, len1] = (body.len() as u16).to_be_bytes();
    let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0, len0, len1, next_header, 64][..], &address(1), &address(2), body].concat()
}

/// A segment from port 40000 to port 6443, sequence 1, acknowledgment 2, PSH and ACK.
pub(crate) fn tcp(options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = ((20 + options.len()) / 4 * 16) as u8;
    let header = [0x9c, 0x40, 0x19, 0x2b, 0, 0, 0, 1, 0, 0, 0, 2, offset, 0x18, 0x20, 0, 0, 0, 0, 0];
    [&header[..], options, payload].concat()
}
