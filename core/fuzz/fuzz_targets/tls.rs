//! Any conversation in any pieces: nothing panics, facts can be asked for at any time and stay once settled.
#![no_main]

use engine::bytes::{Parsed, Reader};
use engine::side::Side;
use engine::tls::{TlsConversation, recognises};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = recognises(input);
    let mut conversation = TlsConversation::new();
    let mut settled = None;
    let mut commands = Reader::new(input);
    while step(&mut conversation, &mut commands).is_ok() {
        let facts = conversation.facts();
        if let Some(before) = &settled {
            assert_eq!(before, &facts);
        }
        settled = conversation.settled().then_some(facts);
    }
});

/// One command: a byte whose bits say side and operation, two bytes of length, and the bytes of a push.
fn step(conversation: &mut TlsConversation, commands: &mut Reader<'_>) -> Parsed<()> {
    let operation = commands.u8()?;
    let side = if operation & 1 == 0 { Side::Client } else { Side::Server };
    let length = commands.u16()?;
    match operation >> 1 & 3 {
        2 => conversation.skip(side, u32::from(length)),
        3 => conversation.close(side),
        _ => conversation.push(side, commands.take(usize::from(length).min(commands.len()))?),
    }
    Ok(())
}
