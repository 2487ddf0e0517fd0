//! Any bytes as a frame: the first says which link type.
#![no_main]

use engine::capture::LinkType;
use engine::packet::{Decoded, decode};
use libfuzzer_sys::fuzz_target;

const LINKS: [u16; 10] = [1, 0, 12, 14, 101, 108, 113, 228, 229, 276];

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, frame)) = bytes.split_first() else { return };
    let link = LINKS[usize::from(first) % LINKS.len()];
    if let Decoded::Tcp(segment) = decode(LinkType(link), frame) {
        assert!(segment.payload.len() <= segment.payload_len as usize, "more payload than there was");
    }
});
