//! What the messages of a connection add up to, whichever version carried them; framing is not known here.

use super::facts::{CredentialKind, Credentials, Forwarded, HttpFacts, Version};
use super::{REQUESTS_LIMIT, forwarded, redact, secret};
use crate::text::printable;
use std::collections::VecDeque;

/// Longest path, host, target or content type that is told.
const TEXT_LIMIT: usize = 256;
/// Longest `User-Agent` that is told.
const USER_AGENT_LIMIT: usize = 200;
/// Longest product, protocol or method name that is told.
const TOKEN_LIMIT: usize = 64;
/// Requests that wait for their answer: with more, nobody pipelines, the answers are not in the capture.
const AWAITED_LIMIT: usize = 64;

/// What a request means for the answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

/// What an HTTP/1 response head means for the bytes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Another head answers the same request.
    Interim,
    /// No body, whatever the head says.
    Bodiless,
    /// A body as the head describes it.
    Body,
    /// The connection is no longer HTTP/1.
    Switched,
}

/// How the connection goes on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    #[default]
    Open,
    /// HTTP/2 follows in both directions.
    ToHttp2,
    /// What follows is not HTTP.
    Over,
}

/// Adds messages up to facts.
#[derive(Default)]
pub(super) struct Ledger {
    facts: HttpFacts,
    pub(super) course: Course,
    /// The HTTP/2 stream of the first request.
    first_stream: Option<u32>,
    awaited: VecDeque<(bool, Asked)>,
    asked: Option<Asked>,
    forwarded: Forwarded,
}

impl Ledger {
    /// Whether a further request could still add to the facts.
    pub(super) fn is_full(&self) -> bool {
        self.facts.requests >= REQUESTS_LIMIT && self.asked.is_none()
    }

    /// Nothing further is to be read.
    pub(super) fn is_complete(&self) -> bool {
        self.course != Course::Open || (self.is_full() && self.awaited.is_empty())
    }

    /// The facts, with what an unfinished request head already proves.
    pub(super) fn facts(&self) -> HttpFacts {
        let mut facts = self.facts.clone();
        let unfinished = self.asked.is_some() && self.forwarded != Forwarded::Absent;
        if unfinished && facts.forwarded == Forwarded::Unknown {
            facts.forwarded = self.forwarded;
            facts.forwarded_kinds.insert(self.forwarded);
        }
        facts
    }

    /// An HTTP/2 preface, or the SETTINGS that answer it.
    pub(super) fn speaks_http2(&mut self) {
        self.facts.version.get_or_insert(Version::Http2);
    }

    /// A request's first bytes are certain.
    pub(super) fn begin_request(&mut self, version: Version) {
        if self.facts.requests >= REQUESTS_LIMIT {
            return;
        }
        self.facts.requests += 1;
        self.facts.request_seen = true;
        self.facts.version.get_or_insert(version);
        self.asked = Some(Asked::Other);
        self.forwarded = Forwarded::Absent;
    }

    /// The request's method; it comes before the target.
    pub(super) fn method(&mut self, method: &[u8]) {
        let Some(asked) = &mut self.asked else { return };
        *asked = match method {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        };
        if self.facts.requests == 1 {
            self.facts.method = Some(printable(method, TOKEN_LIMIT));
        }
    }

    /// The request's target: a path, `*`, a whole URI, or the authority that `CONNECT` asks for.
    pub(super) fn target(&mut self, target: &[u8]) {
        if self.facts.requests != 1 || self.asked.is_none() {
            return;
        }
        if self.asked == Some(Asked::Connect) {
            self.facts.connect_target = Some(authority(target));
            return;
        }
        let Some((host, path)) = absolute(target) else {
            self.facts.path = Some(redact::target(target, TEXT_LIMIT));
            return;
        };
        self.facts.host = Some(authority(host));
        self.facts.path = Some(redact::target(if path.is_empty() { b"/" } else { path }, TEXT_LIMIT));
    }

    /// One header field, its name in lower case. Of a value that is `cut` only what its start proves is taken.
    pub(super) fn request_field(&mut self, name: &[u8], value: &[u8], cut: bool) {
        if self.asked.is_none() {
            return;
        }
        match name {
            b"authorization" => self.credentials(secret::authorization(value, cut)),
            b"sec-websocket-protocol" => self.websocket_offer(value, cut),
            _ if cut => {}
            b"x-forwarded-uri" => self.forwarded_uri(value),
            b"upgrade" | b":protocol" => self.upgrade(value),
            b"agentid" => self.facts.agent_id = true,
            b"content-type" => self.content_type(value),
            b"host" | b":authority" if self.facts.requests == 1 => {
                self.facts.host.get_or_insert_with(|| authority(value));
            }
            b"user-agent" if self.facts.requests == 1 => self.user_agent(value),
            _ => {}
        }
    }

    /// The request's head ended; `whole` when nothing of it is missing. HTTP/1 answers come in this order.
    pub(super) fn end_request(&mut self, whole: bool) {
        let Some(asked) = self.asked.take() else { return };
        if self.awaited.len() < AWAITED_LIMIT {
            self.awaited.push_back((self.facts.requests == 1, asked));
        }
        if !whole && self.forwarded == Forwarded::Absent {
            return;
        }
        self.facts.forwarded_kinds.insert(self.forwarded);
        if self.facts.forwarded == Forwarded::Unknown {
            self.facts.forwarded = self.forwarded;
        }
    }

    /// An HTTP/2 request's head ended; its answer is known by the stream.
    pub(super) fn end_stream_request(&mut self, stream: u32) {
        if self.asked == Some(Asked::Connect) && self.facts.requests == 1 && self.facts.path.is_none() {
            self.facts.connect_target = self.facts.host.clone();
        }
        if self.facts.requests == 1 {
            self.first_stream.get_or_insert(stream);
        }
        self.end_request(true);
        self.awaited.clear();
    }

    /// An HTTP/1 response's head begins.
    pub(super) fn response(&mut self, version: Version, status: u16) -> Answer {
        self.facts.version.get_or_insert(version);
        if matches!(status, 100 | 102..=199) {
            return Answer::Interim;
        }
        let (is_first, asked) = self.awaited.pop_front().unwrap_or((false, Asked::Other));
        if is_first || self.facts.status.is_none() {
            self.facts.status = Some(status);
        }
        match (status, asked) {
            (101, _) | (200..=299, Asked::Connect) => Answer::Switched,
            (204 | 304, _) | (_, Asked::Head) => Answer::Bodiless,
            _ => Answer::Body,
        }
    }

    /// An HTTP/2 response's head.
    pub(super) fn stream_response(&mut self, stream: u32, status: u16) {
        self.facts.version.get_or_insert(Version::Http2);
        if status >= 200 && self.first_stream.is_none_or(|first| first == stream) {
            self.facts.status.get_or_insert(status);
        }
    }

    /// A header field of an answer that changes the protocol.
    pub(super) fn switch_field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"upgrade" => self.upgrade(value),
            b"sec-websocket-protocol" if !secret::is_websocket_bearer(value) => {
                self.facts.websocket_protocol = Some(printable(value, TOKEN_LIMIT));
            }
            _ => {}
        }
    }

    /// The head of an answer that changes the protocol ended.
    pub(super) fn switch(&mut self) {
        self.facts.switched = true;
        let to_http2 = self.facts.upgrade.as_deref() == Some("h2c");
        self.course = if to_http2 { Course::ToHttp2 } else { Course::Over };
    }

    /// Bytes are missing: which answer is to which request is no longer known.
    pub(super) fn forget_order(&mut self) {
        self.awaited.clear();
    }

    fn credentials(&mut self, found: Option<Credentials>) {
        let Some(found) = found else { return };
        let better = match &self.facts.credentials {
            None => true,
            Some(known) if known.kind == CredentialKind::Basic => found.kind == CredentialKind::Bearer,
            Some(known) => known.token_hash.is_none() && found.token_hash.is_some(),
        };
        if better {
            self.facts.credentials = Some(found);
        }
    }

    fn websocket_offer(&mut self, value: &[u8], cut: bool) {
        let mut offers = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).peekable();
        while let Some(offer) = offers.next() {
            let is_cut = cut && offers.peek().is_none();
            if secret::is_websocket_bearer(offer) {
                self.credentials(secret::websocket_bearer(offer, is_cut));
            } else if !is_cut && !offer.is_empty() {
                self.facts.websocket_protocol.get_or_insert_with(|| printable(offer, TOKEN_LIMIT));
            }
        }
    }

    fn forwarded_uri(&mut self, value: &[u8]) {
        if self.forwarded == Forwarded::Absent {
            self.forwarded = forwarded::kind(value);
            self.facts.forwarded_uri.get_or_insert_with(|| redact::target(value, TEXT_LIMIT));
        }
    }

    fn upgrade(&mut self, value: &[u8]) {
        self.facts.upgrade.get_or_insert_with(|| printable(value, TOKEN_LIMIT).to_ascii_lowercase());
    }

    fn content_type(&mut self, value: &[u8]) {
        self.facts.grpc |= value.starts_with(b"application/grpc");
        if self.facts.requests == 1 {
            self.facts.content_type.get_or_insert_with(|| printable(value, TEXT_LIMIT));
        }
    }

    fn user_agent(&mut self, value: &[u8]) {
        let product = value.split(|&byte| byte == b'/' || byte == b' ').next().unwrap_or_default();
        self.facts.agent.get_or_insert_with(|| printable(product, TOKEN_LIMIT));
        self.facts.user_agent.get_or_insert_with(|| printable(value, USER_AGENT_LIMIT));
    }
}

/// A host and port without the user that a URI may name.
fn authority(bytes: &[u8]) -> String {
    printable(redact::without_user(&printable(bytes, bytes.len())).as_bytes(), TEXT_LIMIT)
}

/// The authority and the path of `scheme://authority/path`.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme = target.windows(3).position(|window| window == b"://").filter(|_| !target.starts_with(b"/"))?;
    let rest = target.get(scheme + 3..)?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    rest.split_at_checked(end)
}
