//! Fuzz input as a conversation: one byte says who does what, two how much, then come the bytes said.

use engine::side::Side;

/// One step of a conversation.
pub enum Step<'a> {
    /// Bytes of one side.
    Push(Side, &'a [u8]),
    /// Bytes of one side that are missing.
    Skip(Side, u32),
    /// The end of one side.
    Close(Side),
}

/// The steps that the input holds.
pub fn steps(mut input: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let Some((&[action, high, low], rest)) = input.split_first_chunk() {
        let side = if action & 1 == 0 { Side::Client } else { Side::Server };
        let count = u16::from_be_bytes([high, low]);
        let (bytes, after) = rest.split_at(usize::from(count).min(rest.len()));
        let (step, next) = match action >> 1 {
            1 => (Step::Skip(side, u32::from(count)), rest),
            2 => (Step::Close(side), rest),
            _ => (Step::Push(side, bytes), after),
        };
        steps.push(step);
        input = next;
    }
    steps
}
