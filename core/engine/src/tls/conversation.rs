//! The parser that the flow layer feeds: bytes of both sides in, facts out.

use super::facts::TlsFacts;
use super::hellos::Hellos;
use super::outcome::View;
use super::record::Deframer;
use super::secrets::Secrets;
use super::state::State;
use crate::bytes::Reader;
use crate::side::Side;

/// What the conversations of a run share.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// What key logs gave; `None` until there is one, so that nobody pays for none.
    pub secrets: Option<Secrets>,
    /// The hellos that were read before.
    pub hellos: Hellos,
}

/// One TLS conversation under way. It never fails: what it cannot read becomes a fact that is not known.
#[derive(Debug, Default)]
pub struct TlsConversation {
    client: Deframer,
    server: Deframer,
    state: State,
    settled: bool,
}

impl TlsConversation {
    /// A conversation of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same; what can be opened with these secrets is.
    pub fn with_secrets(secrets: Secrets) -> Self {
        Self::sharing(Shared { secrets: Some(secrets), ..Shared::default() })
    }

    /// One of many conversations that share this.
    pub fn sharing(shared: Shared) -> Self {
        let Shared { secrets, hellos } = shared;
        Self { state: State { hellos, secrets, ..State::default() }, ..Self::default() }
    }

    /// The next bytes of one side.
    pub fn push(&mut self, side: Side, bytes: &[u8]) {
        let mut input = Reader::new(bytes);
        while !self.settled && self.record(side, &mut input) {
            self.settle();
        }
        self.settle();
    }

    /// So many bytes of one side are missing from the capture.
    pub fn skip(&mut self, side: Side, missing: u32) {
        if self.settled {
            return;
        }
        let Self { client, server, state, .. } = self;
        let framing = if side == Side::Client { client } else { server };
        if let Some(record) = framing.skip(missing) {
            state.record(side, record);
        }
        self.settle();
    }

    /// One side has ended, by FIN or RST.
    pub fn close(&mut self, side: Side) {
        if self.settled {
            return;
        }
        let framing = if side == Side::Client { &self.client } else { &self.server };
        self.state.close(side, framing.between_records());
        self.settle();
    }

    /// Whether the facts are final: nothing more needs to be pushed, and nothing more is kept.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// What is known by now.
    pub fn facts(&self) -> TlsFacts {
        self.view().complete(self.state.facts.clone())
    }

    /// The same, without the copy.
    pub fn into_facts(mut self) -> TlsFacts {
        let facts = std::mem::take(&mut self.state.facts);
        self.view().complete(facts)
    }

    /// Reads up to the end of one record; false where the input ends before it.
    fn record(&mut self, side: Side, input: &mut Reader<'_>) -> bool {
        let Self { client, server, state, .. } = self;
        let framing = if side == Side::Client { client } else { server };
        let Some(record) = framing.next(input, |header| state.wants(side, header)) else { return false };
        state.record(side, record);
        true
    }

    fn settle(&mut self) {
        if self.client.lost() {
            self.state.lose_client();
        }
        if !self.settled && self.view().settled() {
            self.settled = true;
            self.state.free();
            self.client.free();
            self.server.free();
        }
    }

    fn view(&self) -> View<'_> {
        View { state: &self.state, client: &self.client, server: &self.server }
    }
}
