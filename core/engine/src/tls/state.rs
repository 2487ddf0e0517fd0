//! Everything a TLS conversation remembers between two records. Each record of either side passes through `record`,
//! in the order of capture; what the whole of them means is said by `outcome.rs`.

use super::alert;
use super::client_tail::Stage;
use super::decrypt::Decryption;
use super::facts::{Alert, TlsFacts};
use super::handshake::{Assembly, Kind};
use super::hellos::{Hellos, Offers};
use super::legacy::Legacy;
use super::modern::Modern;
use super::opened::Told;
use super::record::{ContentType, Header, Record};
use super::secrets::Secrets;
use crate::side::Side;
use std::sync::Arc;

/// Alerts come once or twice; the first ones tell why.
const MAX_ALERTS: usize = 4;

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
    pub(super) assembly: Assembly,
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
    /// A record of a handshake was seen, clear or not, of either side.
    pub(super) handshaking: bool,
    /// What the first `ClientHello` offers.
    pub(super) offers: Option<Arc<Offers>>,
    /// The hellos that were read before, of any conversation.
    pub(super) hellos: Hellos,
    /// The client may send early data, as far as is known.
    pub(super) early: bool,
    /// What key logs gave, if there are any.
    pub(super) secrets: Option<Secrets>,
    /// The keys of this conversation, if its secrets are known.
    pub(super) decryption: Option<Box<Decryption>>,
    /// `EncryptedExtensions` was read.
    pub(super) protocol_known: bool,
}

impl State {
    /// Whether the body of this record can tell something.
    pub(super) fn wants(&self, side: Side, header: Header) -> bool {
        let clear = matches!(header.kind, ContentType::HANDSHAKE | ContentType::ALERT);
        (clear && !self.encrypted(side)) || self.decryption.as_ref().is_some_and(|keys| keys.wants(side))
    }

    /// One whole record; this sees them all.
    pub(super) fn record(&mut self, side: Side, record: Record<'_>) {
        self.open(side, record);
        self.handshaking |= matches!(record.header.kind, ContentType::HANDSHAKE | ContentType::CHANGE_CIPHER_SPEC);
        let told = self.decrypt(side, record);
        match record.header.kind {
            ContentType::HANDSHAKE if !self.encrypted(side) => self.handshake(side, record.body),
            ContentType::ALERT => self.alert(side, record, told.alert.unwrap_or_default()),
            ContentType::APPLICATION_DATA => self.side_mut(side).data = true,
            _ => {}
        }
        if let (ContentType::APPLICATION_DATA, Some((level, description))) = (record.header.kind, told.alert) {
            self.take_alert(Alert { side, level, description, encrypted: true });
        }
        self.advance(side, record.header, &told);
    }

    /// FIN or RST of that side; `whole`: its last record is complete and its framing known.
    pub(super) fn close(&mut self, side: Side, whole: bool) {
        self.side_mut(side).closed = true;
        if let (Side::Client, true, Phase::Modern(modern)) = (side, whole, &mut self.phase) {
            modern.client.end();
        }
        self.leave(side, whole);
    }

    /// The client's records are unreadable from here on.
    pub(super) fn lose_client(&mut self) {
        if let Phase::Modern(modern) = &mut self.phase {
            modern.client.lose();
        }
    }

    /// Gives back what is needed only while messages are read.
    pub(super) fn free(&mut self) {
        self.client.assembly.lose();
        self.server.assembly.lose();
        self.decryption = None;
        self.secrets = None;
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

    fn advance(&mut self, side: Side, header: Header, told: &Told) {
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
            Phase::Modern(modern) => modern.record(side, header, left, told),
        }
        self.side_mut(side).answered |= header.kind != ContentType::CHANGE_CIPHER_SPEC;
        self.note_encrypted_end(side);
    }

    fn note_encrypted_end(&mut self, side: Side) {
        let Phase::Modern(modern) = &self.phase else { return };
        if modern.ended(side) {
            self.left.get_or_insert(side);
        }
        if modern.client.stage() == Stage::Refused && self.opening == Opening::Hello {
            self.refusal.get_or_insert(Side::Client);
        }
    }

    fn alert(&mut self, side: Side, record: Record<'_>, opened: (Option<u8>, Option<u8>)) {
        let clear = record.header.length == 2 && !self.encrypted(side);
        let (level, description) = if clear { alert::read(record.body) } else { opened };
        self.take_alert(Alert { side, level, description, encrypted: !clear });
    }

    fn take_alert(&mut self, alert: Alert) {
        let Alert { side, level, description, .. } = alert;
        if self.facts.alerts.len() < MAX_ALERTS {
            self.facts.alerts.push(alert);
        }
        let modern = matches!(self.phase, Phase::Modern(_));
        match alert::meaning(level, description, modern) {
            alert::Meaning::Passing => {}
            alert::Meaning::Leaving => self.leave(side, true),
            alert::Meaning::Cancelled => self.leave(side, false),
            alert::Meaning::Refusal => self.refuse(side, alert::is_about_certificate(description)),
        }
    }

    fn refuse(&mut self, side: Side, certificate: bool) {
        let answered = !matches!(self.phase, Phase::Hello) || self.facts.hello_retry;
        let certain = match side {
            Side::Client => answered && !self.is_past_refusal(side, certificate),
            Side::Server => (answered || self.opening == Opening::Hello) && !self.is_past_refusal(side, certificate),
        };
        self.answer_missing |= side == Side::Client && !answered;
        self.left.get_or_insert(side);
        if certain {
            self.refusal.get_or_insert(side);
        }
    }

    /// Whether this side's alert ends a session that it had accepted. Some clients look at the certificate after
    /// Finished, and refuse it before they send data.
    fn is_past_refusal(&self, side: Side, certificate: bool) -> bool {
        match &self.phase {
            Phase::Hello => false,
            Phase::Legacy(legacy) => legacy.finished() && (legacy.carried_on() || !certificate),
            Phase::Modern(modern) if side == Side::Server => modern.accepted(),
            Phase::Modern(modern) => {
                let finished = modern.client.finished();
                finished && (modern.client.stage() == Stage::CarriedOn || !certificate)
            }
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
            // Where its hello was not seen, more of what it said may be missing.
            _ if self.opening != Opening::Hello => false,
            Phase::Hello => false,
            Phase::Legacy(legacy) => legacy.flight_complete && !self.client.answered,
            Phase::Modern(modern) => modern.client.stage() == Stage::Waiting && !modern.flight.lengths().is_empty(),
        }
    }

    fn encrypted(&self, side: Side) -> bool {
        matches!(&self.phase, Phase::Legacy(legacy) if legacy.encrypted(side))
    }

    pub(super) fn side_mut(&mut self, side: Side) -> &mut SideState {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
