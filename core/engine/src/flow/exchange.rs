//! What two ends say to each other: puts each direction in order, recognises the protocol by its content and
//! feeds its parser. Which bytes mean what is the parser's concern.

use super::key::End;
use super::stream::{Delivery, Stream};
use crate::conversation::{KINDS, Kind, Parser};
use crate::side::{Recognition, Side, Speaker};
use crate::tls::Shared;

/// Bytes of one direction kept until its protocol is recognised; the longest recogniser needs far fewer.
pub(super) const MAX_HEAD_BYTES: usize = 1024;
/// Segments of a flow that started before the capture which are tried as the start of a message.
pub(super) const MAX_SYNC_TRIES: u8 = 16;
/// A conversation that has not settled after so many bytes in one direction never will: handshakes with long
/// certificate chains stay below a tenth of it.
pub(super) const MAX_FED_BYTES: u32 = 1024 * 1024;

/// One payload to take in, where it stands in its direction and when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'a> {
    /// Capture time.
    pub(super) time_ns: u64,
    /// Sequence number of the first byte.
    pub(super) start: u32,
    /// The captured bytes.
    pub(super) bytes: &'a [u8],
    /// How many there were on the wire.
    pub(super) length: u32,
}

/// A conversation whose facts are not final yet.
#[derive(Debug)]
pub(super) struct Exchange {
    streams: [Stream; 2],
    fin_at: [Option<u32>; 2],
    talk: Talk,
}

/// The recognised or not yet recognised conversation.
#[derive(Debug)]
struct Talk {
    speech: [Speech; 2],
    recognised: Option<(Kind, Parser)>,
    client: Option<End>,
    port_guess: End,
    midstream: bool,
    shared: Shared,
}

/// What is known of one direction.
#[derive(Debug, Default)]
struct Speech {
    head: Vec<u8>,
    /// The parser follows this direction.
    synced: bool,
    /// No protocol begins like this.
    foreign: bool,
    tries: u8,
    fed: u32,
    /// The first bytes look like text.
    readable: Option<bool>,
}

impl Exchange {
    /// A conversation between two ends whose next sequence numbers may be known. `client` is the end that opened
    /// it, where that was seen; `port_guess` is used where the content does not tell either.
    pub(super) fn new(next: [Option<u32>; 2], client: Option<End>, port_guess: End, shared: Shared) -> Self {
        Self {
            streams: next.map(Stream::starting_at),
            fin_at: [None; 2],
            talk: Talk {
                speech: Default::default(),
                recognised: None,
                client,
                port_guess,
                midstream: next.iter().any(Option::is_none) && client.is_none(),
                shared,
            },
        }
    }

    /// One end sent a payload.
    pub(super) fn payload(&mut self, end: End, payload: &Payload<'_>) {
        let Self { streams, talk, .. } = self;
        end.of_mut(streams).insert(payload.time_ns, payload.start, payload.bytes, payload.length, &mut |delivery| {
            talk.hear(end, &delivery);
        });
        self.close_if_drained(end);
    }

    /// One end acknowledged what the other sent.
    pub(super) fn acknowledged(&mut self, end: End, time_ns: u64, acknowledgment: u32) {
        let sender = end.other();
        let Self { streams, talk, .. } = self;
        let stream = sender.of_mut(streams);
        if stream.is_waiting() {
            stream.acknowledged(time_ns, acknowledgment, &mut |delivery| talk.hear(sender, &delivery));
            self.close_if_drained(sender);
        }
    }

    /// One end sends no more after this sequence number.
    pub(super) fn fin(&mut self, end: End, at: u32) {
        *end.of_mut(&mut self.fin_at) = Some(at);
        end.of_mut(&mut self.streams).ends_at(at);
        self.close_if_drained(end);
    }

    /// One end tore the connection down: what still waits for a lost segment was said before.
    pub(super) fn reset(&mut self, end: End, at: u32) {
        end.of_mut(&mut self.streams).ends_at(at);
        self.finish();
        self.talk.close(end);
    }

    /// Nothing more comes: what waits is taken in with its gaps.
    pub(super) fn finish(&mut self) {
        for end in [End::Low, End::High] {
            let Self { streams, talk, .. } = self;
            end.of_mut(streams).flush(&mut |delivery| talk.hear(end, &delivery));
            self.close_if_drained(end);
        }
    }

    /// Whether nothing can change the facts any more.
    pub(super) fn settled(&self) -> bool {
        self.talk.settled()
    }

    /// The end that the content shows to be the client, or that was known before.
    pub(super) fn client(&self) -> Option<End> {
        self.talk.client
    }

    /// How often bytes of either direction were lost.
    pub(super) fn gaps(&self) -> u32 {
        self.streams.iter().fold(0, |sum, stream| sum.saturating_add(stream.gaps))
    }

    /// Bytes held for late segments.
    pub(super) fn held_bytes(&self) -> usize {
        self.streams.iter().map(Stream::held_bytes).sum()
    }

    /// The parser, as far as it is.
    pub(super) fn parser(&self) -> Option<&Parser> {
        self.talk.recognised.as_ref().map(|(_, parser)| parser)
    }

    /// The parser, and whether the first bytes of the client (else of anyone) read as text.
    pub(super) fn into_parts(self) -> (Option<Parser>, bool) {
        let client = self.talk.client.unwrap_or(self.talk.port_guess);
        let [low, high] = [End::Low, End::High].map(|end| end.of(&self.talk.speech).readable);
        let readable = if client == End::Low { low.or(high) } else { high.or(low) };
        (self.talk.recognised.map(|(_, parser)| parser), readable.unwrap_or(false))
    }

    fn close_if_drained(&mut self, end: End) {
        let stream = end.of(&self.streams);
        let fin = end.of_mut(&mut self.fin_at);
        if fin.is_some_and(|at| stream.has_reached(at)) {
            *fin = None;
            self.talk.close(end);
        }
    }
}

impl Talk {
    fn hear(&mut self, end: End, delivery: &Delivery<'_>) {
        match *delivery {
            Delivery::Bytes(bytes) => self.bytes(end, bytes),
            Delivery::Missing(count) => self.missing(end, count),
        }
    }

    fn bytes(&mut self, end: End, bytes: &[u8]) {
        let speech = end.of_mut(&mut self.speech);
        speech.fed = speech.fed.saturating_add(bytes.len() as u32);
        speech.readable.get_or_insert_with(|| reads_as_text(bytes));
        if speech.synced {
            let side = self.side(end);
            if let Some((_, parser)) = &mut self.recognised {
                parser.push(side, bytes);
            }
            return;
        }
        match self.recognised {
            Some((kind, _)) => self.sync(kind, end, bytes),
            None => self.recognise(end, bytes),
        }
    }

    fn missing(&mut self, end: End, count: u32) {
        let side = self.side(end);
        let speech = end.of_mut(&mut self.speech);
        if let (Some((_, parser)), true) = (&mut self.recognised, speech.synced) {
            parser.skip(side, count);
        } else {
            self.midstream = true;
            speech.head.clear();
        }
    }

    /// Looks for the protocol in the first bytes of a direction.
    fn recognise(&mut self, end: End, bytes: &[u8]) {
        let speech = end.of_mut(&mut self.speech);
        if speech.foreign {
            return;
        }
        let room = MAX_HEAD_BYTES.saturating_sub(speech.head.len());
        let (fitting, beyond) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        if speech.head.is_empty() {
            // Nearly always the first segment tells: it is read where it lies.
            return match recognised(fitting) {
                Opinion::Is(kind, speaker) => self.start(kind, end, speaker, bytes),
                Opinion::Undecided => speech.head.extend_from_slice(fitting),
                Opinion::Foreign => self.not_recognised(end),
            };
        }
        speech.head.extend_from_slice(fitting);
        match recognised(&speech.head) {
            Opinion::Is(kind, speaker) => self.start(kind, end, speaker, beyond),
            Opinion::Undecided if room > 0 => {}
            Opinion::Undecided | Opinion::Foreign => self.not_recognised(end),
        }
    }

    fn not_recognised(&mut self, end: End) {
        let midstream = self.midstream;
        let speech = end.of_mut(&mut self.speech);
        speech.head = Vec::new();
        speech.tries += 1;
        speech.foreign = !midstream || speech.tries >= MAX_SYNC_TRIES;
    }

    /// Begins to parse: what the other end said before comes first.
    fn start(&mut self, kind: Kind, end: End, speaker: Speaker, beyond: &[u8]) {
        self.client = self.client.or(match speaker {
            Speaker::Client => Some(end),
            Speaker::Server => Some(end.other()),
            Speaker::Either => None,
        });
        let mut parser = kind.parser(std::mem::take(&mut self.shared));
        for from in [end.other(), end] {
            let side = self.side(from);
            let midstream = self.midstream;
            let speech = from.of_mut(&mut self.speech);
            let head = std::mem::take(&mut speech.head);
            speech.synced = from == end || !head.is_empty() || !midstream;
            if !head.is_empty() {
                parser.push(side, &head);
            }
        }
        if !beyond.is_empty() {
            parser.push(self.side(end), beyond);
        }
        self.recognised = Some((kind, parser));
    }

    /// A direction that started in the middle joins where a message begins.
    fn sync(&mut self, kind: Kind, end: End, bytes: &[u8]) {
        let side = self.side(end);
        let speech = end.of_mut(&mut self.speech);
        if speech.tries >= MAX_SYNC_TRIES {
            return;
        }
        speech.tries += 1;
        if let (Recognition::Yes(_), Some((_, parser))) = (kind.recognises(bytes), &mut self.recognised) {
            speech.synced = true;
            parser.push(side, bytes);
        }
    }

    fn close(&mut self, end: End) {
        let side = self.side(end);
        if let Some((_, parser)) = &mut self.recognised {
            parser.close(side);
        }
    }

    fn settled(&self) -> bool {
        if self.speech.iter().any(|speech| speech.fed > MAX_FED_BYTES) {
            return true;
        }
        match &self.recognised {
            Some((_, parser)) => parser.settled(),
            None if self.midstream => self.speech.iter().all(|speech| speech.foreign),
            None => self.speech.iter().any(|speech| speech.foreign),
        }
    }

    fn side(&self, end: End) -> Side {
        if self.client.unwrap_or(self.port_guess) == end { Side::Client } else { Side::Server }
    }
}

/// What the first bytes of a direction are.
enum Opinion {
    Is(Kind, Speaker),
    /// More bytes may tell.
    Undecided,
    /// No protocol begins like this.
    Foreign,
}

fn recognised(head: &[u8]) -> Opinion {
    let mut undecided = false;
    for kind in KINDS {
        match kind.recognises(head) {
            Recognition::Yes(speaker) => return Opinion::Is(kind, speaker),
            Recognition::NeedMore => undecided = true,
            Recognition::No => {}
        }
    }
    if undecided { Opinion::Undecided } else { Opinion::Foreign }
}

/// Bytes that must all read as text: random ones do so once in five million times.
const MIN_TEXT_BYTES: usize = 16;

/// Whether bytes are printable ASCII and white space.
fn reads_as_text(bytes: &[u8]) -> bool {
    bytes.len() >= MIN_TEXT_BYTES
        && bytes.iter().take(64).all(|byte| matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n'))
}
