//! A key log up to a zero byte, then a conversation under its secrets: nothing panics, facts stay once settled.
#![no_main]

mod script;

use engine::tls::{Secrets, TlsConversation};
use libfuzzer_sys::fuzz_target;
use script::{Step, steps};

fuzz_target!(|input: &[u8]| {
    let (text, rest) = input.split_at(input.iter().position(|byte| *byte == 0).unwrap_or(input.len()));
    let secrets = Secrets::default();
    let taken = secrets.add(text);
    let counts = secrets.counts();
    assert_eq!(taken, counts.secrets + counts.without_room);
    let lines = text.split(|byte| *byte == b'\n').count() as u64;
    assert!(counts.secrets + counts.odd_lines <= lines);
    let mut conversation = TlsConversation::with_secrets(secrets);
    let mut settled = None;
    for step in steps(rest.get(1..).unwrap_or_default()) {
        match step {
            Step::Push(side, bytes) => conversation.push(side, bytes),
            Step::Skip(side, missing) => conversation.skip(side, missing),
            Step::Close(side) => conversation.close(side),
        }
        let facts = conversation.facts();
        if let Some(before) = &settled {
            assert_eq!(before, &facts);
        }
        settled = conversation.settled().then_some(facts);
    }
});
