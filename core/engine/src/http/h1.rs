//! One direction of HTTP/1: heads line by line, bodies passed over by their length.

use super::ledger::{Answer, Ledger};
use super::line::{self, Keep, LINE_LIMIT, Line};
use crate::side::Side;

/// Bytes looked through for the next head after some are missing; bodies are seldom larger.
const LOST_LIMIT: u64 = 1024 * 1024;
/// Largest head: what Go's servers accept.
const HEAD_LIMIT: u64 = 1024 * 1024;
/// Digits of a chunk's size: 16 fill 64 bits.
const CHUNK_DIGITS: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A start line follows.
    Start,
    /// Somewhere; the next start line is looked for.
    Lost,
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailers,
    /// A body up to the connection's end, or nothing more to learn.
    Over,
}

/// What a head says of the body after it.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    /// The length is not to be relied on.
    broken: bool,
    chunked: bool,
}

/// One direction's place in the stream.
pub(super) struct Http1 {
    side: Side,
    stage: Stage,
    line: Line,
    /// Bytes read in the present head, or since the place was lost.
    read: u64,
    framing: Framing,
    answer: Answer,
}

impl Http1 {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            stage: Stage::Start,
            line: Line::default(),
            read: 0,
            framing: Framing::default(),
            answer: Answer::Body,
        }
    }

    /// Reads on; what is left belongs to another protocol.
    pub(super) fn push<'a>(&mut self, mut bytes: &'a [u8], ledger: &mut Ledger) -> &'a [u8] {
        while !bytes.is_empty() && !ledger.is_complete() {
            bytes = match self.stage {
                Stage::Over => return &[],
                Stage::Body(left) | Stage::Chunk(left) => {
                    let (passed, rest) = bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    self.pass(passed.len() as u64, ledger);
                    rest
                }
                _ => self.read_line(bytes, ledger),
            };
        }
        bytes
    }

    pub(super) fn skip(&mut self, missing: u32, ledger: &mut Ledger) {
        match self.stage {
            Stage::Over => {}
            Stage::Body(left) | Stage::Chunk(left) if u64::from(missing) <= left => {
                self.pass(u64::from(missing), ledger);
            }
            _ => {
                self.cut_line(ledger);
                self.lose(ledger);
                ledger.forget_order();
            }
        }
    }

    pub(super) fn close(&mut self, ledger: &mut Ledger) {
        self.cut_line(ledger);
        self.stop(ledger);
    }

    /// Nothing that this side says can still change the facts.
    pub(super) fn finished(&self) -> bool {
        self.stage == Stage::Over
    }

    fn pass(&mut self, count: u64, ledger: &mut Ledger) {
        match self.stage {
            Stage::Body(left) if count < left => self.stage = Stage::Body(left - count),
            Stage::Chunk(left) if count < left => self.stage = Stage::Chunk(left - count),
            Stage::Chunk(_) => self.enter(Stage::ChunkSize),
            _ => self.next_message(ledger),
        }
    }

    fn read_line<'a>(&mut self, bytes: &'a [u8], ledger: &mut Ledger) -> &'a [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        let searching = matches!(self.stage, Stage::Start | Stage::Lost);
        self.read += piece.len() as u64;
        if self.read > if searching { LOST_LIMIT } else { HEAD_LIMIT } {
            self.stop(ledger);
            return &[];
        }
        if end.is_some() && self.line.bytes.is_empty() && piece.len() <= LINE_LIMIT {
            self.take_line(line::without_end(piece), false, ledger);
            return rest;
        }
        self.line.append(piece, if searching { Keep::Back } else { Keep::Front });
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.take_line(line::without_end(&line.bytes), line.cut, ledger);
        }
        rest
    }

    fn take_line(&mut self, line: &[u8], cut: bool, ledger: &mut Ledger) {
        match self.stage {
            Stage::Start if line.is_empty() => {} // RFC 9112 2.2: empty lines before a request are ignored
            Stage::Start | Stage::Lost => self.start(line, ledger),
            Stage::Head if line.is_empty() => self.end_head(ledger),
            Stage::Head => self.take_field(line, cut, ledger),
            Stage::ChunkSize => self.start_chunk(line, ledger),
            Stage::Trailers if line.is_empty() => self.next_message(ledger),
            _ => {}
        }
    }

    fn start(&mut self, line: &[u8], ledger: &mut Ledger) {
        let in_place = self.stage == Stage::Start;
        let found = match self.side {
            Side::Client => start_request(line, in_place, ledger),
            Side::Server => self.start_response(line, in_place, ledger),
        };
        if found {
            self.framing = Framing::default();
            self.enter(Stage::Head);
        } else {
            self.stage = Stage::Lost;
        }
    }

    fn start_response(&mut self, line: &[u8], in_place: bool, ledger: &mut Ledger) -> bool {
        let strict = if in_place { line::status_line(line) } else { None };
        let Some((version, status)) = strict.or_else(|| line::status_line_at_end(line)) else { return false };
        self.answer = ledger.response(version, status);
        true
    }

    fn take_field(&mut self, line: &[u8], cut: bool, ledger: &mut Ledger) {
        let Some((name, value)) = line::field(line) else { return };
        if !cut {
            self.framing.take(&name, value);
        }
        match self.side {
            Side::Client => ledger.request_field(&name, value, cut),
            Side::Server if self.answer == Answer::Switched && !cut => ledger.switch_field(&name, value),
            Side::Server => {}
        }
    }

    fn end_head(&mut self, ledger: &mut Ledger) {
        let Framing { length, broken, chunked } = std::mem::take(&mut self.framing);
        let bodiless = match self.side {
            Side::Client => {
                ledger.end_request(true);
                length.is_none() && !chunked
            }
            Side::Server => self.answer != Answer::Body,
        };
        match length {
            _ if bodiless => self.next_message(ledger),
            _ if chunked => self.enter(Stage::ChunkSize),
            _ if broken => self.lose(ledger),
            Some(0) => self.next_message(ledger),
            Some(length) => self.enter(Stage::Body(length)),
            None => self.stop(ledger), // RFC 9112 6.3: up to the connection's end
        }
        if self.side == Side::Server && self.answer == Answer::Switched {
            ledger.switch();
        }
    }

    fn start_chunk(&mut self, line: &[u8], ledger: &mut Ledger) {
        let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let text = std::str::from_utf8(digits).ok().filter(|text| text.len() <= CHUNK_DIGITS && !text.starts_with('+'));
        match text.and_then(|text| u64::from_str_radix(text, 16).ok()) {
            Some(0) => self.enter(Stage::Trailers),
            Some(size) => self.enter(Stage::Chunk(size + 2)), // and its line end
            None => self.lose(ledger),
        }
    }

    fn next_message(&mut self, ledger: &mut Ledger) {
        if self.side == Side::Client && ledger.is_full() {
            return self.stop(ledger);
        }
        self.enter(Stage::Start);
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.read = 0;
    }

    /// The place in the stream is not known any more.
    fn lose(&mut self, ledger: &mut Ledger) {
        self.forget(ledger);
        self.enter(Stage::Lost);
    }

    fn stop(&mut self, ledger: &mut Ledger) {
        self.forget(ledger);
        self.stage = Stage::Over;
    }

    fn forget(&mut self, ledger: &mut Ledger) {
        if self.side == Side::Client {
            ledger.end_request(false);
        }
        self.line = Line::default();
    }

    /// The rest of a line will not come; what there is of it may still name credentials.
    fn cut_line(&mut self, ledger: &mut Ledger) {
        let line = std::mem::take(&mut self.line);
        if self.stage == Stage::Head && !line.bytes.is_empty() {
            self.take_field(&line.bytes, true, ledger);
        }
    }
}

impl Framing {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"content-length" => {
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.broken |= length.is_none() || self.length.is_some_and(|other| Some(other) != length);
                self.length = length;
            }
            b"transfer-encoding" => self.chunked |= value.to_ascii_lowercase().ends_with(b"chunked"),
            _ => {}
        }
    }
}

fn start_request(line: &[u8], in_place: bool, ledger: &mut Ledger) -> bool {
    let strict = if in_place { line::request_line(line) } else { None };
    let found = strict.or_else(|| line::request_line_at_end(line));
    let Some((method, target, version)) = found else { return false };
    ledger.begin_request(version);
    ledger.method(method);
    ledger.target(target);
    true
}
