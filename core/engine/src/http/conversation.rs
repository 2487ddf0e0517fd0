//! Both directions of an HTTP connection; each is told by its own first bytes, for the two may differ.

use super::facts::HttpFacts;
use super::h1::Http1;
use super::h2::{FRAME_HEADER_LEN, Http2, PREFACE, is_settings};
use super::ledger::{Course, Ledger};
use crate::side::Side;
use std::fmt;

/// One direction.
enum Half {
    /// Too few bytes to tell the version; at most a preface.
    Undecided(Vec<u8>),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// Reads both directions of one connection.
pub struct HttpConversation {
    client: Half,
    server: Half,
    ledger: Ledger,
}

impl Default for HttpConversation {
    fn default() -> Self {
        Self::new()
    }
}

/// Buffers may hold secrets: only the facts are shown.
impl fmt::Debug for HttpConversation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("HttpConversation").field(&self.facts()).finish()
    }
}

impl HttpConversation {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self { client: Half::new(), server: Half::new(), ledger: Ledger::default() }
    }

    /// The next bytes of one side.
    pub fn push(&mut self, side: Side, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.settled() {
            let (half, ledger) = self.parts(side);
            bytes = half.push(side, bytes, ledger);
            if self.ledger.course == Course::ToHttp2 {
                self.ledger.course = Course::Open;
                (self.client, self.server) = (Half::new(), Half::new());
            }
        }
    }

    /// `missing` bytes of one side are not in the capture.
    pub fn skip(&mut self, side: Side, missing: u32) {
        if missing == 0 || self.settled() {
            return;
        }
        let (half, ledger) = self.parts(side);
        match half.decided(side, ledger) {
            Half::Http1(http1) => http1.skip(missing, ledger),
            Half::Http2(http2) => http2.skip(missing),
            Half::Undecided(_) => {}
        }
    }

    /// One side said its last byte.
    pub fn close(&mut self, side: Side) {
        if self.settled() {
            return;
        }
        let (half, ledger) = self.parts(side);
        match half.decided(side, ledger) {
            Half::Http1(http1) => http1.close(ledger),
            Half::Http2(http2) => http2.lose(),
            Half::Undecided(_) => {}
        }
    }

    /// Nothing further can change the facts.
    pub fn settled(&self) -> bool {
        self.ledger.is_complete() || (self.client.finished() && self.server.finished())
    }

    /// What is known so far.
    pub fn facts(&self) -> HttpFacts {
        self.ledger.facts()
    }

    /// What is known at the end.
    pub fn into_facts(self) -> HttpFacts {
        self.ledger.facts()
    }

    fn parts(&mut self, side: Side) -> (&mut Half, &mut Ledger) {
        match side {
            Side::Client => (&mut self.client, &mut self.ledger),
            Side::Server => (&mut self.server, &mut self.ledger),
        }
    }
}

impl Half {
    fn new() -> Self {
        Self::Undecided(Vec::new())
    }

    /// Reads on; what is left comes after a change of protocol.
    fn push<'a>(&mut self, side: Side, bytes: &'a [u8], ledger: &mut Ledger) -> &'a [u8] {
        match self {
            Self::Undecided(first) => {
                let room = deciding_len(side).saturating_sub(first.len());
                let (head, rest) = bytes.split_at(bytes.len().min(room));
                first.extend_from_slice(head);
                if let Some(half) = Self::of(side, first, ledger) {
                    *self = half;
                }
                rest
            }
            Self::Http1(http1) => http1.push(bytes, ledger),
            Self::Http2(http2) => {
                http2.push(bytes, ledger);
                &[]
            }
        }
    }

    /// The reader that the first bytes call for, with those bytes read; `None` when they are too few.
    fn of(side: Side, first: &[u8], ledger: &mut Ledger) -> Option<Self> {
        let whole = first.len() >= deciding_len(side);
        let may_be_http2 = match side {
            Side::Client => PREFACE.starts_with(first),
            Side::Server => first.first() == Some(&0) && (!whole || is_settings(first)),
        };
        if may_be_http2 && !whole {
            return None;
        }
        if !may_be_http2 {
            return Some(Self::http1(side, first, ledger));
        }
        ledger.speaks_http2();
        let mut http2 = Box::new(Http2::new(side));
        if side == Side::Server {
            http2.push(first, ledger);
        }
        Some(Self::Http2(http2))
    }

    fn http1(side: Side, first: &[u8], ledger: &mut Ledger) -> Self {
        let mut http1 = Box::new(Http1::new(side));
        http1.push(first, ledger);
        Self::Http1(http1)
    }

    /// No more of the first bytes will come: they are read as HTTP/1, whatever they are.
    fn decided(&mut self, side: Side, ledger: &mut Ledger) -> &mut Self {
        if let Self::Undecided(first) = self {
            let first = std::mem::take(first);
            *self = Self::http1(side, &first, ledger);
        }
        self
    }

    fn finished(&self) -> bool {
        match self {
            Self::Undecided(_) => false,
            Self::Http1(http1) => http1.finished(),
            Self::Http2(http2) => http2.finished(),
        }
    }
}

/// How many first bytes tell the versions apart.
fn deciding_len(side: Side) -> usize {
    match side {
        Side::Client => PREFACE.len(),
        Side::Server => FRAME_HEADER_LEN,
    }
}
