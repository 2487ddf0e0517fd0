//! Everything a TLS conversation remembers between two records. Each record of either side passes through `record`,
//! in the order of capture; what the whole of them means is said by `outcome.rs`.

use super::certificate;
use super::client_tail::Stage;
use super::facts::{Alert, ClientCertificate, TlsFacts};
use super::handshake::{Assembly, Kind};
use super::hello::{ClientHello, ServerHello, extension};
use super::legacy::Legacy;
use super::modern::Modern;
use super::record::{ContentType, Header, Record};
use super::{alert, ja};
use crate::side::Side;

/// Alerts come once or twice; the first ones tell why.
const MAX_ALERTS: usize = 4;
/// RFC 1035: a name has 255 bytes at most. Longer ones are cut.
const MAX_NAME: usize = 255;
/// Clients offer one to five.
const MAX_PROTOCOLS: usize = 16;
/// The longest registered protocol name has 16 bytes.
const MAX_PROTOCOL: usize = 64;

/// What the client's first record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Opening {
    #[default]
    Nothing,
    /// A `ClientHello`, readable or not.
    Hello,
    /// Something else: the conversation is older than the capture.
    Midstream,
}

/// Where the handshake is.
#[derive(Debug, Default)]
pub(super) enum Phase {
    /// No final `ServerHello` yet.
    #[default]
    Hello,
    /// After the `ServerHello` of TLS 1.2 or older.
    Legacy(Legacy),
    /// After the final `ServerHello` of TLS 1.3.
    Modern(Box<Modern>),
}

/// What is remembered of one side.
#[derive(Debug, Default)]
pub(super) struct SideState {
    assembly: Assembly,
    /// Records after the `ServerHello`, of any kind.
    pub(super) answered: bool,
    pub(super) data: bool,
    pub(super) closed: bool,
}

/// The state itself.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) facts: TlsFacts,
    pub(super) opening: Opening,
    pub(super) phase: Phase,
    pub(super) client: SideState,
    pub(super) server: SideState,
    /// Who refused, once that is certain.
    pub(super) refusal: Option<Side>,
    /// Who ended the conversation first: by FIN, RST or a closing alert.
    pub(super) left: Option<Side>,
    /// Without a `ServerHello` the client went on as if there were one.
    pub(super) answer_missing: bool,
    /// Lengths of the offered protocols' names; `None` where they are not all known.
    pub(super) offered: Option<Vec<usize>>,
    pub(super) compresses_certificates: bool,
    early: bool,
}

impl State {
    /// Whether the body of this record can tell something.
    pub(super) fn wants(&self, side: Side, header: Header) -> bool {
        let clear = matches!(header.kind, ContentType::HANDSHAKE | ContentType::ALERT);
        clear && !self.encrypted(side)
    }

    /// One whole record. Later key-log decryption hooks in here: this sees them all.
    pub(super) fn record(&mut self, side: Side, record: Record<'_>) {
        self.open(side, record);
        match record.header.kind {
            ContentType::HANDSHAKE if !self.encrypted(side) => self.handshake(side, record.body),
            ContentType::ALERT => self.alert(side, record),
            ContentType::APPLICATION_DATA => self.side_mut(side).data = true,
            _ => {}
        }
        self.advance(side, record.header);
    }

    /// FIN or RST of that side; `whole`: its last record is complete and its framing known.
    pub(super) fn close(&mut self, side: Side, whole: bool) {
        self.side_mut(side).closed = true;
        if let (Side::Client, Phase::Modern(modern)) = (side, &mut self.phase) {
            modern.client.end();
        }
        self.leave(side, whole);
    }

    /// Gives back what is needed only while messages are read.
    pub(super) fn free(&mut self) {
        self.client.assembly.lose();
        self.server.assembly.lose();
    }

    fn open(&mut self, side: Side, record: Record<'_>) {
        if side == Side::Server || self.opening != Opening::Nothing {
            return;
        }
        let first = record.body.and_then(<[u8]>::first);
        let hello = match record.header.kind {
            ContentType::SSL2_HELLO => true,
            ContentType::HANDSHAKE => first.is_none_or(|kind| *kind == Kind::CLIENT_HELLO),
            _ => false,
        };
        self.opening = if hello { Opening::Hello } else { Opening::Midstream };
        self.early = true;
    }

    fn advance(&mut self, side: Side, header: Header) {
        let left = self.left;
        match &mut self.phase {
            Phase::Hello => {
                let later = matches!(header.kind, ContentType::CHANGE_CIPHER_SPEC | ContentType::APPLICATION_DATA);
                self.answer_missing |= side == Side::Client && later;
                return;
            }
            Phase::Legacy(legacy) => {
                legacy.record(side, header);
                let resumed = legacy.abbreviated() && !self.server.assembly.lost();
                if resumed && self.facts.resumed.is_none() {
                    self.facts.resumed = Some(true);
                }
            }
            Phase::Modern(modern) => modern.record(side, header, left),
        }
        self.side_mut(side).answered |= header.kind != ContentType::CHANGE_CIPHER_SPEC;
        self.note_encrypted_end(side);
    }

    fn note_encrypted_end(&mut self, side: Side) {
        let Phase::Modern(modern) = &self.phase else { return };
        if modern.ended(side) {
            self.left.get_or_insert(side);
        }
        if modern.client.stage() == Stage::Refused {
            self.refusal.get_or_insert(Side::Client);
        }
    }

    fn handshake(&mut self, side: Side, body: Option<&[u8]>) {
        let mut assembly = std::mem::take(&mut self.side_mut(side).assembly);
        assembly.push(body);
        while let Some(message) = assembly.next() {
            self.message(side, message.kind, message.body);
        }
        self.side_mut(side).assembly = assembly;
    }

    fn message(&mut self, side: Side, kind: u8, body: &[u8]) {
        match (side, kind) {
            (Side::Client, Kind::CLIENT_HELLO) => self.client_hello(body),
            (Side::Server, Kind::SERVER_HELLO) => self.server_hello(body),
            (Side::Server, _) => self.server_message(kind, body),
            (Side::Client, Kind::CERTIFICATE) => self.client_chain(body),
            (Side::Client, Kind::CLIENT_KEY_EXCHANGE) => self.client_key_exchange(),
            _ => {}
        }
    }

    fn client_hello(&mut self, body: &[u8]) {
        let Ok(hello) = ClientHello::parse(body) else { return };
        // RFC 8446 4.2.10: no early data after a retry.
        self.early = !self.facts.hello_retry && hello.extensions.has(extension::EARLY_DATA);
        if self.facts.client_random.is_some() {
            return;
        }
        let names = hello.protocols();
        self.offered = (names.len() <= MAX_PROTOCOLS).then(|| names.iter().map(|name| name.len()).collect());
        self.compresses_certificates = hello.extensions.has(extension::COMPRESS_CERTIFICATE);
        let facts = &mut self.facts;
        facts.client_random = Some(hello.random);
        facts.server_name = hello.server_name().map(|name| text(name, MAX_NAME));
        facts.offered_protocols = names.iter().take(MAX_PROTOCOLS).map(|name| text(name, MAX_PROTOCOL)).collect();
        facts.psk_modes_offered = hello.extensions.has(extension::PSK_MODES);
        facts.early_data_offered = self.early;
        facts.ja3 = Some(ja::ja3(&hello));
        facts.ja4 = Some(ja::ja4(&hello));
    }

    fn server_hello(&mut self, body: &[u8]) {
        let Ok(hello) = ServerHello::parse(body) else { return };
        if !matches!(self.phase, Phase::Hello) {
            return;
        }
        let version = hello.version();
        let facts = &mut self.facts;
        facts.version = Some(version);
        facts.cipher = Some(hello.cipher);
        facts.group = hello.group();
        facts.ja3s = Some(ja::ja3s(&hello));
        facts.next_protocol = hello.protocol().map(|name| text(name, MAX_PROTOCOL));
        if hello.is_retry {
            facts.hello_retry = true;
            return;
        }
        self.phase = if version.is_modern() {
            facts.resumed = Some(hello.resumes());
            Phase::Modern(Box::new(Modern::new(hello.cipher, self.early, hello.resumes())))
        } else {
            Phase::Legacy(Legacy::default())
        };
    }

    fn server_message(&mut self, kind: u8, body: &[u8]) {
        let Phase::Legacy(legacy) = &mut self.phase else { return };
        let facts = &mut self.facts;
        match kind {
            Kind::CERTIFICATE => facts.server_chain = certificate::chain(body).unwrap_or_default(),
            Kind::SERVER_KEY_EXCHANGE => facts.group = certificate::named_curve(body),
            Kind::CERTIFICATE_REQUEST => facts.certificate_requested = Some(true),
            Kind::SERVER_HELLO_DONE => {
                legacy.flight_complete = true;
                facts.certificate_requested.get_or_insert(false);
            }
            _ => return,
        }
        facts.resumed = Some(false);
    }

    fn client_chain(&mut self, body: &[u8]) {
        let sent = if certificate::is_empty(body) { ClientCertificate::None } else { ClientCertificate::Sent };
        self.facts.client_certificate = sent;
        self.facts.client_chain = certificate::chain(body).unwrap_or_default();
    }

    /// It stands after the client's Certificate, if there is one.
    fn client_key_exchange(&mut self) {
        if self.facts.client_certificate == ClientCertificate::Unknown {
            self.facts.client_certificate = ClientCertificate::None;
        }
    }

    fn alert(&mut self, side: Side, record: Record<'_>) {
        let clear = record.header.length == 2 && !self.encrypted(side);
        let (level, description) = if clear { alert::read(record.body) } else { (None, None) };
        if self.facts.alerts.len() < MAX_ALERTS {
            self.facts.alerts.push(Alert { side, level, description, encrypted: !clear });
        }
        let modern = matches!(self.phase, Phase::Modern(_));
        match alert::meaning(level, description, modern) {
            alert::Meaning::Passing => {}
            alert::Meaning::Leaving => self.leave(side, true),
            alert::Meaning::Cancelled => self.leave(side, false),
            alert::Meaning::Refusal => self.refuse(side),
        }
    }

    fn refuse(&mut self, side: Side) {
        let hello_seen = !matches!(self.phase, Phase::Hello) || self.facts.hello_retry;
        let too_late = matches!(&self.phase, Phase::Modern(modern) if modern.client.finished());
        if side == Side::Client && (!hello_seen || too_late) {
            self.answer_missing |= !hello_seen;
            self.left.get_or_insert(side);
        } else {
            self.refusal.get_or_insert(side);
        }
    }

    /// A client that leaves on a whole flight of the server, without a word of its own, refuses it.
    fn leave(&mut self, side: Side, whole: bool) {
        if side == Side::Client && whole && self.left.is_none() && self.client_owes_answer() {
            self.refusal.get_or_insert(Side::Client);
        }
        self.left.get_or_insert(side);
    }

    fn client_owes_answer(&self) -> bool {
        match &self.phase {
            Phase::Hello => false,
            Phase::Legacy(legacy) => legacy.flight_complete && !self.client.answered,
            Phase::Modern(modern) => modern.client.stage() == Stage::Waiting && !modern.flight.lengths().is_empty(),
        }
    }

    fn encrypted(&self, side: Side) -> bool {
        matches!(&self.phase, Phase::Legacy(legacy) if legacy.encrypted(side))
    }

    fn side_mut(&mut self, side: Side) -> &mut SideState {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// Printable and bounded; bytes outside ASCII are escaped.
fn text(bytes: &[u8], limit: usize) -> Box<str> {
    bytes.get(..limit.min(bytes.len())).unwrap_or_default().escape_ascii().to_string().into()
}
