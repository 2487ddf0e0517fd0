//! Any header blocks of one direction, each with its length before it.
#![no_main]

use engine::http::hpack::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new();
    let mut rest = input;
    while let Some((&[length], after)) = rest.split_first_chunk() {
        let (block, next) = after.split_at(usize::from(length).min(after.len()));
        let mut fields = 0;
        let _ = decoder.decode(block, |_, _| fields += 1);
        assert!(fields <= block.len(), "each field takes a byte at least");
        rest = next;
    }
});
