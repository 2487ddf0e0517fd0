//! What the records that a key log opened add to the facts: certificates, the protocol, alerts, Finished. Application
//! data is thrown away; where a record does not open, its length speaks (`client_tail.rs`, `server_flight.rs`).

use super::alert;
use super::certificate;
use super::decrypt::{Agreement, Decryption, Direction, Inner};
use super::facts::Version;
use super::handshake::{Kind, Message};
use super::hello::{self, ServerHello, extension};
use super::messages::protocol_name;
use super::record::{ContentType, Record};
use super::state::{Phase, State};
use crate::side::Side;

/// Length of a handshake message's header.
const MESSAGE_HEADER: u32 = 4;

/// What one opened record tells of its side.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The record was opened; otherwise nothing below says anything.
    pub(super) opened: bool,
    /// It was sent under the keys of the handshake.
    pub(super) in_handshake: bool,
    /// Level and description.
    pub(super) alert: Option<(Option<u8>, Option<u8>)>,
    /// A Certificate message, and whether it holds certificates.
    pub(super) certificate: Option<bool>,
    pub(super) finished: bool,
    pub(super) data: bool,
    /// Nothing of this side's handshake was missed.
    pub(super) whole: bool,
}

impl State {
    /// Looks for secrets of the session that this hello begins.
    pub(super) fn prepare_decryption(&mut self, hello: &ServerHello<'_>, version: Version) {
        let (Some(secrets), Some(client_random)) = (&self.secrets, &self.facts.client_random) else { return };
        let Some(session) = secrets.session(client_random) else { return };
        let decryption = if version.is_modern() {
            Decryption::modern(hello.cipher, &session, self.early)
        } else {
            let encrypt_then_mac = hello.extensions.has(extension::ENCRYPT_THEN_MAC);
            let randoms = [&client_random[..], &hello.random];
            Decryption::legacy(&Agreement { version, suite: hello.cipher, randoms, encrypt_then_mac }, &session)
        };
        self.decryption = decryption.map(Box::new);
    }

    /// Opens a record, if there is a key for it, and takes in what it says.
    pub(super) fn decrypt(&mut self, side: Side, record: Record<'_>) -> Told {
        let Some(mut decryption) = self.decryption.take() else { return Told::default() };
        let told = match &self.phase {
            Phase::Modern(_) if record.header.kind == ContentType::APPLICATION_DATA => {
                decryption.direction(side).and_then(|direction| self.open_modern(direction, side, record))
            }
            Phase::Legacy(legacy) if legacy.encrypted(side) => self.open_legacy(&mut decryption, side, record),
            _ => None,
        };
        self.facts.key_misfit |= decryption.misfits();
        self.decryption = Some(decryption);
        told.unwrap_or_default()
    }

    fn open_legacy(&mut self, decryption: &mut Decryption, side: Side, record: Record<'_>) -> Option<Told> {
        let content = decryption.open_legacy(side, record)?;
        self.facts.decrypted = true;
        let is_alert = record.header.kind == ContentType::ALERT;
        Some(Told { opened: true, alert: is_alert.then(|| alert::read(Some(&content))), ..Told::default() })
    }

    fn open_modern(&mut self, direction: &mut Direction, side: Side, record: Record<'_>) -> Option<Told> {
        let Inner { kind, content, in_handshake } = direction.open(record)?;
        self.facts.decrypted = true;
        let mut told = Told { opened: true, in_handshake, whole: direction.is_whole(), ..Told::default() };
        match ContentType(kind) {
            ContentType::HANDSHAKE if in_handshake => self.flight(direction, side, &content, &mut told),
            ContentType::HANDSHAKE if content.first() == Some(&Kind::KEY_UPDATE) => direction.end(),
            ContentType::ALERT => told.alert = Some(alert::read(Some(&content))),
            ContentType::APPLICATION_DATA => told.data = !content.is_empty(),
            _ => {}
        }
        Some(told)
    }

    fn flight(&mut self, direction: &mut Direction, side: Side, content: &[u8], told: &mut Told) {
        direction.assembly.push(Some(content));
        while let Some(message) = direction.assembly.next() {
            self.opened_message(side, message, told);
        }
        if told.finished {
            direction.finish();
        }
    }

    fn opened_message(&mut self, side: Side, message: Message<'_>, told: &mut Told) {
        let Message { kind, body } = message;
        let facts = &mut self.facts;
        match (side, kind) {
            (Side::Server, Kind::ENCRYPTED_EXTENSIONS) => {
                facts.next_protocol = hello::encrypted_protocol(body).map(protocol_name);
                self.protocol_known = true;
            }
            (Side::Server, Kind::CERTIFICATE_REQUEST) => facts.certificate_requested = Some(true),
            (Side::Server, Kind::CERTIFICATE) => {
                facts.server_chain = certificate::modern_chain(body).unwrap_or_default();
                facts.certificate_length = Some(MESSAGE_HEADER + body.len() as u32);
            }
            (Side::Client, Kind::CERTIFICATE) => {
                facts.client_chain = certificate::modern_chain(body).unwrap_or_default();
                told.certificate = Some(!certificate::modern_is_empty(body));
            }
            (_, Kind::FINISHED) => {
                told.finished = true;
                if side == Side::Server && told.whole && facts.resumed == Some(false) {
                    facts.certificate_requested.get_or_insert(false);
                }
            }
            _ => {}
        }
    }
}
