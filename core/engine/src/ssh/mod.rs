//! SSH version banners and the algorithms that both sides agree on; nothing after NEWKEYS is looked at.

mod half;
mod kexinit;
#[cfg(test)]
mod tests;

use crate::side::{Recognition, Side, Speaker};
use half::Half;
use kexinit::Agreement;
pub use kexinit::Offer;

/// The MAC's name when the cipher authenticates by itself.
pub const IMPLICIT_MAC: &str = "implicit";

/// Whether both sides found algorithms in common.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Negotiation {
    /// Not both offers were seen.
    #[default]
    Incomplete,
    /// Every list has a common name.
    Agreed,
    /// At least one list has none.
    Failed,
}

impl Negotiation {
    /// The word of the event format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Agreed => "agreed",
            Self::Failed => "failed",
        }
    }
}

/// What is known of an SSH connection; every text is printable and bounded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SshFacts {
    /// The client's version line without its line end.
    pub client_version: Option<String>,
    /// The server's version line without its line end.
    pub server_version: Option<String>,
    /// Negotiated key exchange method.
    pub key_exchange: Option<String>,
    /// Negotiated host key algorithm.
    pub host_key: Option<String>,
    /// Negotiated cipher from client to server.
    pub cipher: Option<String>,
    /// Negotiated MAC from client to server, or [`IMPLICIT_MAC`].
    pub mac: Option<String>,
    /// Cipher from server to client, where it is another one.
    pub server_cipher: Option<String>,
    /// MAC from server to client, where it is another one.
    pub server_mac: Option<String>,
    /// How the negotiation ended.
    pub negotiation: Negotiation,
    /// Both sides switched to their new keys.
    pub encrypted: bool,
    /// What the client offered.
    pub client_offer: Option<Offer>,
    /// What the server offered.
    pub server_offer: Option<Offer>,
}

/// Reads both directions of one connection.
#[derive(Debug, Default)]
pub struct SshConversation {
    client: Half,
    server: Half,
    agreement: Option<Agreement>,
}

impl SshConversation {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of one side.
    pub fn push(&mut self, side: Side, bytes: &[u8]) {
        self.half(side).push(bytes);
        if self.agreement.is_none() {
            let offers = self.client.kexinit.as_ref().zip(self.server.kexinit.as_ref());
            self.agreement = offers.map(|(client, server)| Agreement::of(client, server));
        }
    }

    /// `missing` bytes of one side are not in the capture.
    pub fn skip(&mut self, side: Side, missing: u32) {
        if missing > 0 {
            self.half(side).skip(missing);
        }
    }

    /// One side said its last byte.
    pub fn close(&mut self, side: Side) {
        self.half(side).lose();
    }

    /// Nothing further can change the facts.
    pub fn settled(&self) -> bool {
        self.negotiation() == Negotiation::Failed || (self.client.finished() && self.server.finished())
    }

    /// What is known so far.
    pub fn facts(&self) -> SshFacts {
        let agreement = self.agreement.clone().unwrap_or_default();
        let [cipher, server_cipher] = agreement.cipher;
        let [mac, server_mac] = agreement.mac;
        SshFacts {
            client_version: self.client.banner.clone(),
            server_version: self.server.banner.clone(),
            key_exchange: agreement.key_exchange,
            host_key: agreement.host_key,
            server_cipher: server_cipher.filter(|name| cipher.as_ref() != Some(name)),
            server_mac: server_mac.filter(|name| mac.as_ref() != Some(name)),
            cipher,
            mac,
            negotiation: self.negotiation(),
            encrypted: self.negotiation() != Negotiation::Failed && self.client.encrypted() && self.server.encrypted(),
            client_offer: self.client.kexinit.as_ref().map(kexinit::KexInit::offer),
            server_offer: self.server.kexinit.as_ref().map(kexinit::KexInit::offer),
        }
    }

    /// What is known at the end.
    pub fn into_facts(self) -> SshFacts {
        self.facts()
    }

    fn negotiation(&self) -> Negotiation {
        match &self.agreement {
            None => Negotiation::Incomplete,
            Some(agreement) if agreement.complete => Negotiation::Agreed,
            Some(_) => Negotiation::Failed,
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// Both ends open with `SSH-` and a version.
pub fn recognises(first: &[u8]) -> Recognition {
    const START: &[u8] = b"SSH-";
    match first.get(..=START.len()) {
        Some([start @ .., version]) if start == START && matches!(version, b'1' | b'2') => {
            Recognition::Yes(Speaker::Either)
        }
        None if START.starts_with(first) => Recognition::NeedMore,
        _ => Recognition::No,
    }
}
