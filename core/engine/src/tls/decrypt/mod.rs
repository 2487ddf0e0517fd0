//! Opens encrypted handshake records with the secrets of a key log. What they say is taken in by `opened.rs`; a key that
//! does not fit is given up at once, and nothing here is ever printed.

mod aead;
mod cbc;
mod derive;
mod legacy;
mod modern;
mod suites;
#[cfg(test)]
mod tests;

pub(super) use legacy::{Agreement, Direction as LegacyDirection};
pub(super) use modern::{Direction, Inner};

use super::record::Record;
use super::secrets::Session;
use crate::side::Side;
use std::fmt;

/// Records of one side that are tried: a handshake has about ten, early data before it somewhat more.
const MAX_TRIES: u32 = 64;

/// The keys of one connection.
pub(super) enum Decryption {
    Modern { client: Direction, server: Direction },
    Legacy([LegacyDirection; 2]),
}

impl fmt::Debug for Decryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decryption(..)")
    }
}

impl Decryption {
    /// For TLS 1.3; `None` for suites that are not opened. `early`: the client may send early data.
    pub(super) fn modern(suite: u16, session: &Session, early: bool) -> Option<Self> {
        let suite = suites::modern(suite)?;
        let client = Direction::new(suite, session.client_handshake.as_ref(), session.client_traffic.as_ref(), early);
        let server = Direction::new(suite, session.server_handshake.as_ref(), session.server_traffic.as_ref(), false);
        Some(Self::Modern { client, server })
    }

    /// For TLS 1.2 and older.
    pub(super) fn legacy(agreement: &Agreement<'_>, session: &Session) -> Option<Self> {
        legacy::directions(agreement, session.master.as_ref()?).map(Self::Legacy)
    }

    /// Whether records of this side may still be opened.
    pub(super) fn wants(&self, side: Side) -> bool {
        match self {
            Self::Modern { client, server } => !if side == Side::Client { client } else { server }.is_over(),
            Self::Legacy(directions) => directions.get(legacy::index(side)).is_some_and(|one| !one.is_over()),
        }
    }

    /// Whether a key did not open what it should.
    pub(super) fn misfits(&self) -> bool {
        match self {
            Self::Modern { client, server } => client.misfits() || server.misfits(),
            Self::Legacy(directions) => directions.iter().any(LegacyDirection::misfits),
        }
    }

    /// One side of a TLS 1.3 connection.
    pub(super) fn direction(&mut self, side: Side) -> Option<&mut Direction> {
        match self {
            Self::Modern { client, .. } if side == Side::Client => Some(client),
            Self::Modern { server, .. } => Some(server),
            Self::Legacy(_) => None,
        }
    }

    /// The content of a record of TLS 1.2 or older.
    pub(super) fn open_legacy(&mut self, side: Side, record: Record<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Legacy(directions) => directions.get_mut(legacy::index(side))?.open(record),
            Self::Modern { .. } => None,
        }
    }
}
