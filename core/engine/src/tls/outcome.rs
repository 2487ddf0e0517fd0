//! How a conversation ended, from all that its state remembers. Where the evidence stops, so does the claim.

use super::client_tail::Stage;
use super::facts::{Alert, Outcome, TlsFacts, Version};
use super::legacy::Legacy;
use super::modern::Modern;
use super::record::Deframer;
use super::server_flight::Chosen;
use super::state::{Opening, Phase, State};
use crate::side::Side;

/// The state and the two framings it rests on.
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    pub(super) client: &'a Deframer,
    pub(super) server: &'a Deframer,
}

impl View<'_> {
    /// Adds to the facts what only the whole tells.
    pub(super) fn complete(&self, mut facts: TlsFacts) -> TlsFacts {
        if let Phase::Modern(modern) = &self.state.phase {
            self.complete_modern(modern, &mut facts);
        }
        if self.ssl2_answer() {
            facts.version = Some(Version::SSL2);
        }
        facts.outcome = self.outcome();
        facts.established = self.established(facts.outcome);
        facts
    }

    /// Nothing that can still come changes the facts.
    pub(super) fn settled(&self) -> bool {
        let state = self.state;
        let closed = state.client.closed && state.server.closed;
        let blind = self.client.lost() && self.server.lost();
        if closed || blind || state.refusal.is_some() {
            return true;
        }
        match &state.phase {
            _ if state.opening == Opening::Midstream => state.client.data && state.server.data,
            Phase::Hello => !self.server.strange_opening().is_empty() && self.server.lost(),
            Phase::Legacy(legacy) => legacy.carried_on() && (legacy.finished() || self.server.lost()),
            Phase::Modern(modern) => carried_on(modern) && (modern.accepted() || self.server.lost()),
        }
    }

    fn outcome(&self) -> Outcome {
        match (self.state.refusal, self.state.opening) {
            (Some(Side::Client), _) => Outcome::ClientRefused,
            (Some(Side::Server), _) => Outcome::ServerRefused,
            (None, Opening::Midstream) => Outcome::Midstream,
            (None, Opening::Nothing) if self.server.framed() => Outcome::Midstream,
            (None, Opening::Nothing) => Outcome::Incomplete,
            (None, Opening::Hello) => match &self.state.phase {
                Phase::Hello => self.without_server_hello(),
                Phase::Legacy(legacy) => self.legacy_outcome(legacy),
                Phase::Modern(modern) => self.modern_outcome(modern),
            },
        }
    }

    fn without_server_hello(&self) -> Outcome {
        let opening = self.server.strange_opening();
        let unseen = self.server.lost() && opening.is_empty();
        if self.server.framed() || unseen || self.ssl2_answer() || self.state.answer_missing {
            Outcome::Incomplete
        } else if is_readable(opening) && (self.server.lost() || self.state.server.closed) {
            Outcome::PlaintextAnswer
        } else {
            Outcome::NoServerHello
        }
    }

    fn legacy_outcome(&self, legacy: &Legacy) -> Outcome {
        if legacy.carried_on() {
            Outcome::CarriedOn
        } else if legacy.client.finished && self.client_left() {
            Outcome::FinishedNoData
        } else {
            Outcome::Incomplete
        }
    }

    fn modern_outcome(&self, modern: &Modern) -> Outcome {
        if self.server_refused_modern(modern) {
            Outcome::ServerRefused
        } else if carried_on(modern) {
            Outcome::CarriedOn
        } else if modern.client.finished() && self.client_left() {
            Outcome::FinishedNoData
        } else {
            Outcome::Incomplete
        }
    }

    /// An alert's length proves an alert only when nothing but the end follows it.
    fn server_refused_modern(&self, modern: &Modern) -> bool {
        let ended = self.state.server.closed || self.state.client.closed;
        modern.server_refused() && ended && !self.server.lost()
    }

    /// The client left first, and nothing of what it said before is missing.
    fn client_left(&self) -> bool {
        self.state.left == Some(Side::Client) && self.client.between_records()
    }

    fn established(&self, outcome: Outcome) -> Option<bool> {
        match outcome {
            Outcome::CarriedOn | Outcome::FinishedNoData | Outcome::Incomplete => self.finished().then_some(true),
            Outcome::Midstream => self.underway().then_some(true),
            Outcome::ClientRefused | Outcome::ServerRefused | Outcome::NoServerHello | Outcome::PlaintextAnswer => {
                Some(false)
            }
        }
    }

    /// Data both ways, and nothing of a handshake: in TLS 1.3 its records look like data.
    fn underway(&self) -> bool {
        self.state.client.data && self.state.server.data && !self.state.handshaking
    }

    fn finished(&self) -> bool {
        match &self.state.phase {
            Phase::Hello => false,
            Phase::Legacy(legacy) => legacy.finished(),
            Phase::Modern(modern) => modern.client.finished() && (modern.accepted() || self.client_left()),
        }
    }

    fn complete_modern(&self, modern: &Modern, facts: &mut TlsFacts) {
        facts.server_flight = modern.flight.lengths().to_vec();
        facts.client_certificate = modern.client.certificate();
        facts.certificate_requested = facts.certificate_requested.or(modern.client.requested());
        let offer = self.state.offers.as_ref().and_then(|offers| offers.sizes.as_ref());
        if let (Some(suite), Some(offer)) = (modern.suite, offer) {
            let length = || modern.flight.certificate(suite).filter(|_| !offer.compression);
            facts.certificate_length = facts.certificate_length.or_else(length);
            let chosen = modern.flight.protocol(suite, offer);
            facts.next_protocol_inferred = chosen != Chosen::Unknown && !self.state.protocol_known;
            if let (Chosen::Offer(index), false) = (chosen, self.state.protocol_known) {
                facts.next_protocol = facts.offered_protocols.get(index).cloned();
            }
        }
        let mut ended = [Side::Client, Side::Server];
        ended.sort_by_key(|side| Some(*side) != self.state.left);
        let alert = |side| Alert { side, level: None, description: None, encrypted: true };
        let read: Vec<Side> = facts.alerts.iter().filter(|alert| alert.encrypted).map(|alert| alert.side).collect();
        let inferred = ended.into_iter().filter(|side| modern.ended(*side) && !read.contains(side));
        facts.alerts.extend(inferred.map(alert));
    }

    /// SSL 2.0's own answer: two bytes of length, type 4.
    fn ssl2_answer(&self) -> bool {
        matches!(self.server.strange_opening(), [high, _, 4, ..] if high & 0x80 != 0)
    }
}

fn carried_on(modern: &Modern) -> bool {
    modern.client.stage() == Stage::CarriedOn
}

/// Text, or the SETTINGS frame with which an HTTP/2 server begins.
fn is_readable(opening: &[u8]) -> bool {
    let text = opening.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let settings = matches!(opening, [0, 0, length, 4, 0] if length % 6 == 0);
    !opening.is_empty() && (text || settings)
}
