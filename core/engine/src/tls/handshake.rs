//! Puts one side's clear handshake messages together across records.

use crate::bytes::Reader;

/// A hello is 2 KiB, a long chain 20: more than this in one flight is not a handshake worth its memory.
const MAX_ASSEMBLY: usize = 64 * 1024;

/// A message's type byte.
pub(super) struct Kind;

impl Kind {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(super) const CERTIFICATE_REQUEST: u8 = 13;
    pub(super) const SERVER_HELLO_DONE: u8 = 14;
    pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(super) const FINISHED: u8 = 20;
    pub(super) const KEY_UPDATE: u8 = 24;
}

/// One whole message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message that bytes begin with, if it is whole, and what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut reader = Reader::new(bytes);
        let (kind, body) = (reader.u8().ok()?, reader.vector24().ok()?.rest());
        Some((Self { kind, body }, reader.rest()))
    }
}

/// The messages of one side that are under way.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    buffer: Vec<u8>,
    read: usize,
    lost: bool,
}

impl Assembly {
    /// Takes in the body of a handshake record (`None`: a part of it is missing) and gives each message that is whole.
    /// One that lies in a single record, as nearly all do, is not copied.
    pub(super) fn take(&mut self, mut body: Option<&[u8]>, each: &mut impl FnMut(Message<'_>)) {
        if let Some(whole) = &mut body
            && self.buffer.is_empty()
            && !self.lost
        {
            while let Some((message, rest)) = Message::split(whole) {
                *whole = rest;
                each(message);
            }
        }
        self.push(body);
        while let Some(message) = self.next() {
            each(message);
        }
    }

    /// Adds the body of a handshake record; `None` is a body of which a part is missing.
    pub(super) fn push(&mut self, body: Option<&[u8]>) {
        let fits = body.filter(|body| self.buffer.len() + body.len() <= MAX_ASSEMBLY);
        match fits {
            Some(body) if !self.lost => self.buffer.extend_from_slice(body),
            _ => self.lose(),
        }
    }

    /// The next message that is whole.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        let (kind, length) = self.header()?;
        if length > MAX_ASSEMBLY {
            self.lose();
            return None;
        }
        let start = self.read + 4;
        if self.buffer.len() < start + length {
            self.compact();
            return None;
        }
        self.read = start + length;
        Some(Message { kind, body: self.buffer.get(start..start + length)? })
    }

    /// Whether messages are missing from here on.
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// Gives the memory back; what follows is unreadable.
    pub(super) fn lose(&mut self) {
        *self = Self { lost: true, ..Self::default() };
    }

    fn header(&mut self) -> Option<(u8, usize)> {
        let mut reader = Reader::new(self.buffer.get(self.read..)?);
        let header = reader.u8().and_then(|kind| Ok((kind, reader.u24()? as usize)));
        if header.is_err() {
            self.compact();
        }
        header.ok()
    }

    fn compact(&mut self) {
        self.buffer.drain(..self.read);
        self.read = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_span_records_and_a_record_may_hold_several() {
        let mut assembly = Assembly::default();
        assembly.push(Some(&[14, 0, 0, 0, 11, 0, 0, 3, 1]));
        assert_eq!(assembly.next().map(|m| (m.kind, m.body.len())), Some((14, 0)));
        assert!(assembly.next().is_none());
        assembly.push(Some(&[2, 3, 16]));
        assert_eq!(assembly.next().map(|m| (m.kind, m.body.to_vec())), Some((11, vec![1, 2, 3])));
        assert!(assembly.next().is_none());
        assert!(!assembly.lost());
    }

    #[test]
    fn messages_come_out_the_same_however_the_records_cut_them() {
        let bytes = [14, 0, 0, 0, 11, 0, 0, 3, 1, 2, 3, 16, 0, 0, 1, 9, 20];
        let told = |records: &[&[u8]]| {
            let (mut assembly, mut told) = (Assembly::default(), Vec::new());
            for record in records {
                assembly.take(Some(record), &mut |message| told.push((message.kind, message.body.to_vec())));
            }
            told
        };
        let whole = told(&[&bytes]);
        assert_eq!(whole, [(14, vec![]), (11, vec![1, 2, 3]), (16, vec![9])]);
        for cut in 0..bytes.len() {
            assert_eq!(told(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_part_that_is_missing_ends_the_reading() {
        let mut assembly = Assembly::default();
        assembly.push(None);
        assembly.push(Some(&[14, 0, 0, 0]));
        assert!(assembly.next().is_none() && assembly.lost());
    }

    #[test]
    fn a_message_without_bound_is_given_up() {
        let mut assembly = Assembly::default();
        assembly.push(Some(&[11, 0xff, 0, 0]));
        assert!(assembly.next().is_none() && assembly.lost());
    }
}
