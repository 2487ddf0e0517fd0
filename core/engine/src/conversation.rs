//! Which protocol two ends speak, by content alone, and its parser.

use crate::http::{self, HttpConversation};
use crate::side::{Recognition, Side};
use crate::ssh::{self, SshConversation};
use crate::tls::{self, Shared, TlsConversation};

/// The parser of a recognised protocol.
#[derive(Debug)]
pub enum Parser {
    /// TLS, any version.
    Tls(Box<TlsConversation>),
    /// SSH 2.
    Ssh(Box<SshConversation>),
    /// HTTP/1 or HTTP/2 in the clear.
    Http(Box<HttpConversation>),
}

/// The protocols that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TLS, any version.
    Tls,
    /// SSH 2.
    Ssh,
    /// HTTP/1 or HTTP/2 in the clear.
    Http,
}

/// All of them, in the order in which they are tried.
pub const KINDS: [Kind; 3] = [Kind::Tls, Kind::Http, Kind::Ssh];

impl Kind {
    /// What it makes of the first bytes of a direction.
    pub fn recognises(self, first: &[u8]) -> Recognition {
        match self {
            Self::Tls => tls::recognises(first),
            Self::Ssh => ssh::recognises(first),
            Self::Http => http::recognises(first),
        }
    }

    /// A parser that has heard nothing yet.
    pub fn parser(self, shared: Shared) -> Parser {
        match self {
            Self::Tls => Parser::Tls(Box::new(TlsConversation::sharing(shared))),
            Self::Ssh => Parser::Ssh(Box::new(SshConversation::new())),
            Self::Http => Parser::Http(Box::default()),
        }
    }
}

impl Parser {
    /// Takes the next bytes of a side.
    pub fn push(&mut self, side: Side, bytes: &[u8]) {
        match self {
            Self::Tls(tls) => tls.push(side, bytes),
            Self::Ssh(ssh) => ssh.push(side, bytes),
            Self::Http(http) => http.push(side, bytes),
        }
    }

    /// So many bytes of a side are not in the capture.
    pub fn skip(&mut self, side: Side, missing: u32) {
        match self {
            Self::Tls(tls) => tls.skip(side, missing),
            Self::Ssh(ssh) => ssh.skip(side, missing),
            Self::Http(http) => http.skip(side, missing),
        }
    }

    /// A side says no more.
    pub fn close(&mut self, side: Side) {
        match self {
            Self::Tls(tls) => tls.close(side),
            Self::Ssh(ssh) => ssh.close(side),
            Self::Http(http) => http.close(side),
        }
    }

    /// Whether nothing can change the facts any more.
    pub fn settled(&self) -> bool {
        match self {
            Self::Tls(tls) => tls.settled(),
            Self::Ssh(ssh) => ssh.settled(),
            Self::Http(http) => http.settled(),
        }
    }
}
