//! Any conversation: the facts are the same however it is cut into segments, and stay when it is settled.
#![no_main]

mod script;

use engine::ssh::{SshConversation, recognises};
use libfuzzer_sys::fuzz_target;
use script::{Step, steps};

fuzz_target!(|input: &[u8]| {
    let (mut whole, mut pieces) = (SshConversation::new(), SshConversation::new());
    for step in steps(input) {
        let before = whole.settled().then(|| whole.facts());
        match step {
            Step::Push(side, bytes) => {
                let _ = recognises(bytes);
                whole.push(side, bytes);
                bytes.chunks(7).for_each(|piece| pieces.push(side, piece));
            }
            Step::Skip(side, missing) => {
                whole.skip(side, missing);
                pieces.skip(side, missing);
            }
            Step::Close(side) => {
                whole.close(side);
                pieces.close(side);
            }
        }
        assert!(before.is_none_or(|facts| facts == whole.facts()), "settled facts stay");
    }
    assert_eq!(whole.settled(), pieces.settled());
    assert_eq!(whole.into_facts(), pieces.into_facts());
});
