//! How a TLS 1.3 handshake goes on after the final `ServerHello`: the order between the two sides' encrypted records.

use super::alert::{self, Meaning};
use super::client_tail::{ClientTail, Stage};
use super::opened::Told;
use super::record::{ContentType, Header};
use super::server_flight::ServerFlight;
use super::suite::Suite;
use crate::side::Side;

/// Both sides of one handshake.
#[derive(Debug)]
pub(super) struct Modern {
    pub(super) suite: Option<Suite>,
    pub(super) client: ClientTail,
    pub(super) flight: ServerFlight,
    after: After,
}

/// What the server sent since the client answered its flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// One record, as long as an alert, while the client had not left.
    Alert,
    /// An alert that was read and is no refusal.
    Closed,
    /// Anything else: a ticket or data.
    More,
}

impl Modern {
    pub(super) fn new(cipher: u16, early: bool, resumed: bool) -> Self {
        let suite = Suite::of(cipher);
        let client = ClientTail::new(suite, early, resumed);
        Self { suite, client, flight: ServerFlight::default(), after: After::Nothing }
    }

    /// One record after the `ServerHello`; `left` is who has ended the conversation before it.
    pub(super) fn record(&mut self, side: Side, header: Header, left: Option<Side>, told: &Told) {
        if header.kind != ContentType::APPLICATION_DATA {
            return;
        }
        match side {
            Side::Client if told.opened => self.client.opened(told, header.length),
            Side::Client => self.client.record(header.length),
            Side::Server if told.in_handshake && told.alert.is_none() => self.flight.record(header.length),
            Side::Server if told.opened && self.client.begun() => self.opened_answer(told),
            Side::Server if self.client.begun() => self.answer(header.length, left),
            Side::Server => self.flight.record(header.length),
        }
    }

    /// Whether this side's last record was, or may have been, its closing alert.
    pub(super) fn ended(&self, side: Side) -> bool {
        match side {
            Side::Client => matches!(self.client.stage(), Stage::Finished { ended: true, .. } | Stage::Refused),
            Side::Server => self.after == After::Alert,
        }
    }

    /// The server's only answer to the client's flight is an alert, and it had asked for the certificate that it may refuse.
    pub(super) fn server_refused(&self) -> bool {
        self.after == After::Alert && self.client.requested() == Some(true)
    }

    /// The server answered the client's flight with more than an alert.
    pub(super) fn accepted(&self) -> bool {
        self.after == After::More
    }

    fn opened_answer(&mut self, told: &Told) {
        match told.alert {
            Some((level, description)) if self.after == After::Nothing => {
                let refusal = alert::meaning(level, description, true) == Meaning::Refusal;
                self.after = if refusal { After::Alert } else { After::Closed };
            }
            Some(_) => {}
            None => {
                self.after = After::More;
                self.client.answered();
            }
        }
    }

    fn answer(&mut self, length: u16, left: Option<Side>) {
        let alert = self.suite.is_some_and(|suite| suite.alert(length).is_some());
        if alert && self.after == After::Nothing && left.is_none() {
            self.after = After::Alert;
        } else {
            self.after = After::More;
            self.client.answered();
        }
    }
}
