//! Why a server showed no certificate.

use std::fmt;
use std::io;

/// Why there is no certificate; shown as a few words that complete "the endpoint …".
#[derive(Debug)]
pub enum Failure {
    /// The server's name is none that TLS could send.
    Name,
    /// There is no connection, or it broke.
    Connection(io::Error),
    /// The server's part of the handshake is not what it should be, or it refused.
    Handshake(rustls::Error),
    /// The handshake went through without a certificate.
    Nothing,
}

impl Failure {
    /// The failure that a handshake without a certificate ended in.
    pub(crate) fn of<T>(ended: io::Result<T>) -> Self {
        match ended {
            Ok(_) => Self::Nothing,
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(inner) => Self::Handshake(inner.clone()),
                None => Self::Connection(error),
            },
        }
    }
}

impl From<rustls::Error> for Failure {
    fn from(error: rustls::Error) -> Self {
        Self::Handshake(error)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => out.write_str("cannot be asked under a name that is no host name"),
            Self::Connection(error) => connection(error, out),
            Self::Handshake(error) => handshake(error, out),
            Self::Nothing => out.write_str("showed no certificate"),
        }
    }
}

fn connection(error: &io::Error, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => out.write_str("timed out"),
        io::ErrorKind::UnexpectedEof => out.write_str("closed the connection before it showed a certificate"),
        kind => write!(out, "{kind}"),
    }
}

fn handshake(error: &rustls::Error, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        rustls::Error::AlertReceived(alert) => {
            write!(out, "refused the handshake: {}", words(&format!("{alert:?}")))
        }
        rustls::Error::InvalidMessage(_) => out.write_str("does not speak TLS"),
        rustls::Error::PeerIncompatible(reason) => {
            write!(out, "offers no TLS that is understood: {}", words(&format!("{reason:?}")))
        }
        other => write!(out, "broke off the handshake: {other}"),
    }
}

/// `UnrecognisedName` as `unrecognised name`.
fn words(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
