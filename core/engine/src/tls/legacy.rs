//! How a handshake of TLS 1.2 or older goes on after the hellos, from the types of the records.

use super::record::{ContentType, Header};
use crate::side::Side;

/// What one side has done.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Progress {
    pub(super) cipher_changed: bool,
    pub(super) finished: bool,
    pub(super) data: bool,
}

impl Progress {
    fn record(&mut self, kind: ContentType) {
        match kind {
            ContentType::CHANGE_CIPHER_SPEC => self.cipher_changed = true,
            ContentType::HANDSHAKE if self.cipher_changed => self.finished = true,
            ContentType::APPLICATION_DATA if self.finished => self.data = true,
            _ => {}
        }
    }
}

/// Both sides of one handshake.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    pub(super) client: Progress,
    pub(super) server: Progress,
    /// `ServerHelloDone` was seen: the server waits for the client.
    pub(super) flight_complete: bool,
}

impl Legacy {
    /// One record after the `ServerHello`.
    pub(super) fn record(&mut self, side: Side, header: Header) {
        self.side_mut(side).record(header.kind);
    }

    /// Whether what this side sends is encrypted from here on.
    pub(super) fn encrypted(&self, side: Side) -> bool {
        self.side(side).cipher_changed
    }

    /// The client sent data on a finished handshake; the server may still refuse it.
    pub(super) fn carried_on(&self) -> bool {
        self.client.data
    }

    /// Both sides have said Finished.
    pub(super) fn finished(&self) -> bool {
        self.client.finished && self.server.finished
    }

    /// The server gives keys without `ServerHelloDone`: the session is an earlier one.
    pub(super) fn abbreviated(&self) -> bool {
        self.server.cipher_changed && !self.flight_complete
    }

    fn side(&self, side: Side) -> &Progress {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Progress {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
