//! Opens the records of one side of a TLS 1.3 connection: handshake keys, then those of application data. Key updates
//! are not followed.

use super::MAX_TRIES;
use super::aead::{Aead, NONCE};
use super::derive::{Hash, expand_label};
use crate::tls::handshake::Assembly;
use crate::tls::record::Record;
use crate::tls::secrets::Secret;

/// RFC 8446 5.2: what a record holds, and of which kind it really is.
pub(in crate::tls) struct Inner {
    pub(in crate::tls) kind: u8,
    pub(in crate::tls) content: Vec<u8>,
    /// Sent under the keys of the handshake.
    pub(in crate::tls) in_handshake: bool,
}

/// The keys of one epoch.
struct Keys {
    aead: Aead,
    key: Vec<u8>,
    iv: [u8; NONCE],
}

impl Keys {
    fn derive(aead: Aead, hash: Hash, secret: &Secret) -> Option<Self> {
        let mut keys = Self { aead, key: vec![0; aead.key_length()], iv: [0; NONCE] };
        expand_label(secret, hash, "key", &mut keys.key)?;
        expand_label(secret, hash, "iv", &mut keys.iv)?;
        Some(keys)
    }

    fn open(&self, sequence: u64, record: Record<'_>) -> Option<(u8, Vec<u8>)> {
        let mut nonce = self.iv;
        nonce.iter_mut().rev().zip(sequence.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
        let mut content = self.aead.open(&self.key, nonce, &record.header.bytes(), record.body?)?;
        // The kind stands behind the content and before the padding.
        let end = content.iter().rposition(|byte| *byte != 0)?;
        let kind = *content.get(end)?;
        content.truncate(end);
        Some((kind, content))
    }
}

/// One side of a connection.
pub(in crate::tls) struct Direction {
    handshake: Option<Keys>,
    application: Option<Keys>,
    in_handshake: bool,
    sequence: u64,
    tries: u32,
    /// Records that do not open are early data.
    early: bool,
    over: bool,
    /// Every record since the hello was opened.
    whole: bool,
    misfit: bool,
    /// Handshake messages under way.
    pub(in crate::tls) assembly: Assembly,
}

impl Direction {
    /// `early`: the side may send early data before its handshake.
    pub(super) fn new(
        (aead, hash): (Aead, Hash),
        handshake: Option<&Secret>,
        application: Option<&Secret>,
        early: bool,
    ) -> Self {
        let derive = |secret: Option<&Secret>| secret.and_then(|secret| Keys::derive(aead, hash, secret));
        let (handshake, application) = (derive(handshake), derive(application));
        let over = handshake.is_none() && application.is_none();
        let assembly = Assembly::default();
        Self {
            handshake,
            application,
            in_handshake: true,
            sequence: 0,
            tries: 0,
            early,
            over,
            whole: true,
            misfit: false,
            assembly,
        }
    }

    /// Opens the next record of this side; `None` where that is not possible.
    pub(in crate::tls) fn open(&mut self, record: Record<'_>) -> Option<Inner> {
        if self.over {
            return None;
        }
        self.tries += 1;
        self.over = self.tries >= MAX_TRIES;
        if record.body.is_none() {
            self.sequence += 1;
            self.whole = false;
            self.assembly.lose();
            return None;
        }
        let opened = self.open_in_epoch(record).or_else(|| self.enter_application(record));
        let Some((kind, content)) = opened else {
            self.fail();
            return None;
        };
        self.sequence += 1;
        self.early = false;
        Some(Inner { kind, content, in_handshake: self.in_handshake })
    }

    /// This side's Finished has passed.
    pub(in crate::tls) fn finish(&mut self) {
        self.in_handshake = false;
        self.sequence = 0;
        self.over |= self.application.is_none();
    }

    /// Nothing more of this side is of interest.
    pub(in crate::tls) fn end(&mut self) {
        self.over = true;
    }

    pub(in crate::tls) fn is_over(&self) -> bool {
        self.over
    }

    pub(in crate::tls) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether a key did not open what it should.
    pub(in crate::tls) fn misfits(&self) -> bool {
        self.misfit
    }

    fn open_in_epoch(&self, record: Record<'_>) -> Option<(u8, Vec<u8>)> {
        let keys = if self.in_handshake { &self.handshake } else { &self.application };
        keys.as_ref()?.open(self.sequence, record)
    }

    /// Where Finished was not seen (lost, or its keys are missing), the first record of the next epoch shows it.
    fn enter_application(&mut self, record: Record<'_>) -> Option<(u8, Vec<u8>)> {
        let keys = self.application.as_ref().filter(|_| self.in_handshake)?;
        let opened = keys.open(0, record)?;
        self.finish();
        self.whole = false;
        Some(opened)
    }

    fn fail(&mut self) {
        if self.early || (self.in_handshake && self.handshake.is_none()) {
            return;
        }
        self.whole = false;
        self.misfit = true;
        self.over = true;
    }
}
