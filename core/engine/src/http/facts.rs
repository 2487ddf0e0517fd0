//! What is told of an HTTP connection: printable, bounded, without secrets.

/// The protocol's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl Version {
    /// The word of the event format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// How a caller says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A bearer token.
    Bearer,
    /// A user and a password.
    Basic,
}

impl CredentialKind {
    /// The word of the event format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Basic => "basic",
        }
    }
}

/// Credentials that crossed the wire readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The authentication scheme.
    pub kind: CredentialKind,
    /// The first 12 hex digits of the token's SHA-256, by which the same token is known again. Never given
    /// for `Basic`, where a password could be guessed from it, nor for a token that was not read whole.
    pub token_hash: Option<String>,
}

/// Which API server proxy an `X-Forwarded-Uri` speaks of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forwarded {
    /// No request head was read whole.
    #[default]
    Unknown,
    /// A whole request head had no such header.
    Absent,
    /// `/api/v1/nodes/NAME/proxy`.
    Node,
    /// `/api/v1/namespaces/NAMESPACE/pods/NAME/proxy`.
    Pod,
    /// `/api/v1/namespaces/NAMESPACE/services/NAME/proxy`.
    Service,
    /// Something else.
    Other,
}

impl Forwarded {
    /// The word of the event format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Other => "other",
        }
    }
}

/// The set of the kinds that the requests of one connection had.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForwardedKinds(u8);

impl ForwardedKinds {
    /// Whether a request of this kind was seen.
    pub fn contains(self, kind: Forwarded) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    pub(super) fn insert(&mut self, kind: Forwarded) {
        self.0 |= Self::bit(kind);
    }

    fn bit(kind: Forwarded) -> u8 {
        match kind {
            Forwarded::Unknown => 0,
            Forwarded::Absent => 1,
            Forwarded::Node => 1 << 1,
            Forwarded::Pod => 1 << 2,
            Forwarded::Service => 1 << 3,
            Forwarded::Other => 1 << 4,
        }
    }
}

/// What is known of an HTTP connection. Unless said otherwise of its first request that was seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // independent facts, not a state
pub struct HttpFacts {
    /// Version of the first message.
    pub version: Option<Version>,
    /// Request method.
    pub method: Option<String>,
    /// Path and query, secrets replaced.
    pub path: Option<String>,
    /// `Host` or `:authority`.
    pub host: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The first product of `User-Agent`, without its version.
    pub agent: Option<String>,
    /// Status of the first response.
    pub status: Option<u16>,
    /// The first protocol that any request asked to change to, in lower case.
    pub upgrade: Option<String>,
    /// The connection changed its protocol: 101, or 2xx to `CONNECT`.
    pub switched: bool,
    /// The subprotocol that the server chose, else the first that was offered.
    pub websocket_protocol: Option<String>,
    /// Credentials in any request; a bearer token goes before a password.
    pub credentials: Option<Credentials>,
    /// `X-Forwarded-Uri`'s kind in the first request head that was read whole.
    pub forwarded: Forwarded,
    /// The kinds of all requests that were read.
    pub forwarded_kinds: ForwardedKinds,
    /// The first `X-Forwarded-Uri`, secrets replaced.
    pub forwarded_uri: Option<String>,
    /// `Content-Type` of the request.
    pub content_type: Option<String>,
    /// Any request is gRPC.
    pub grpc: bool,
    /// Any request carries `agentid`, as a Konnectivity agent's does.
    pub agent_id: bool,
    /// What `CONNECT` asks for, `host:port`.
    pub connect_target: Option<String>,
    /// Requests seen, at most [`super::REQUESTS_LIMIT`].
    pub requests: u32,
    /// At least a request's first line was read.
    pub request_seen: bool,
}
