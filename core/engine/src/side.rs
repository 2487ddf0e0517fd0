//! The two ends of a conversation.

/// Which end of a conversation said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that opened the connection.
    Client,
    /// The end that was called.
    Server,
}

impl Side {
    /// The opposite end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Which end says such bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Only the end that opened the connection.
    Client,
    /// Only the end that was called.
    Server,
    /// Both may.
    Either,
}

/// What a protocol makes of the first bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognition {
    /// They are not of this protocol, whatever follows.
    No,
    /// Too few to tell.
    NeedMore,
    /// They are, and this end says them.
    Yes(Speaker),
}
