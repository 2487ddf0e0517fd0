//! What the clear handshake messages add to the facts.

use super::certificate;
use super::facts::ClientCertificate;
use super::handshake::Kind;
use super::hello::{ClientHello, ServerHello, extension};
use super::legacy::Legacy;
use super::modern::Modern;
use super::state::{Phase, State};
use crate::side::Side;
use std::sync::Arc;

/// RFC 1035: a name has 255 bytes at most. Longer ones are cut.
const MAX_NAME: usize = 255;
/// The longest registered protocol name has 16 bytes.
const MAX_PROTOCOL: usize = 64;

impl State {
    /// The body of one clear handshake record; `None` where a part of it is missing.
    pub(super) fn handshake(&mut self, side: Side, body: Option<&[u8]>) {
        let mut assembly = std::mem::take(&mut self.side_mut(side).assembly);
        assembly.take(body, &mut |message| self.message(side, message.kind, message.body));
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
        let offers = self.hellos.offers(&hello);
        let facts = &mut self.facts;
        facts.client_random = Some(hello.random);
        facts.server_name.clone_from(&offers.server_name);
        facts.offered_protocols = offers.protocols.clone();
        facts.psk_modes_offered = offers.psk_modes;
        facts.early_data_offered = self.early;
        facts.ja3 = Some(offers.ja3.clone());
        facts.ja4 = Some(offers.ja4.clone());
        self.offers = Some(offers);
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
        facts.ja3s = Some(self.hellos.ja3s(&hello));
        facts.next_protocol = hello.protocol().map(|name| agreed(&facts.offered_protocols, name));
        if hello.is_retry {
            facts.hello_retry = true;
            return;
        }
        self.prepare_decryption(&hello, version);
        let facts = &mut self.facts;
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
}

/// The name of the protocol agreed on, which nearly always is one of those offered.
fn agreed(offered: &[Arc<str>], name: &[u8]) -> Arc<str> {
    offered.iter().find(|offer| offer.as_bytes() == name).cloned().unwrap_or_else(|| protocol_name(name))
}

/// A server's name as facts show it.
pub(super) fn server_name(name: &[u8]) -> Arc<str> {
    text(name, MAX_NAME)
}

/// An application protocol's name as facts show it.
pub(super) fn protocol_name(name: &[u8]) -> Arc<str> {
    text(name, MAX_PROTOCOL)
}

/// Printable and bounded; bytes outside ASCII are escaped.
fn text(bytes: &[u8], limit: usize) -> Arc<str> {
    bytes.get(..limit.min(bytes.len())).unwrap_or_default().escape_ascii().to_string().into()
}
