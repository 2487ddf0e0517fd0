//! What is known of one TLS conversation, as plain values; how it came to be known is elsewhere.

use crate::side::Side;
use std::sync::Arc;

/// A protocol version as it stands on the wire; odd values survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// SSL 2.0.
    pub const SSL2: Self = Self(0x0002);
    /// TLS 1.3.
    pub const TLS13: Self = Self(0x0304);

    /// Whether the handshake is that of TLS 1.3, its drafts included.
    pub fn is_modern(self) -> bool {
        self == Self::TLS13 || self.0 >> 8 == 0x7f
    }

    /// The usual short name (`1.2`), where the version has one.
    pub fn name(self) -> Option<&'static str> {
        match self.0 {
            0x0002 => Some("ssl2"),
            0x0300 => Some("ssl3"),
            0x0301 => Some("1.0"),
            0x0302 => Some("1.1"),
            0x0303 => Some("1.2"),
            _ if self.is_modern() => Some("1.3"),
            _ => None,
        }
    }
}

/// Whether the client showed a certificate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClientCertificate {
    /// It did.
    Sent,
    /// It did not: not asked, or asked and answered with none.
    None,
    /// The wire does not tell (resumption, loss, an unfinished handshake).
    #[default]
    Unknown,
}

impl ClientCertificate {
    /// The word used in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// How the handshake ended, as far as the capture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Outcome {
    /// The client finished the handshake and sent application data.
    CarriedOn,
    /// The client finished the handshake and then ended the conversation without sending data.
    FinishedNoData,
    /// The client ended the handshake after it saw the server's hello.
    ClientRefused,
    /// The server ended it by an alert.
    ServerRefused,
    /// No `ServerHello` came, nor anything else that explains it.
    NoServerHello,
    /// The answer to the `ClientHello` is not TLS but readable text or HTTP/2.
    PlaintextAnswer,
    /// The capture, a loss or the server's leaving hides how the handshake ended.
    #[default]
    Incomplete,
    /// Records without a `ClientHello`: the conversation is older than the capture.
    Midstream,
}

impl Outcome {
    /// The word used in shapes.
    pub fn name(self) -> &'static str {
        match self {
            Self::CarriedOn => "carried-on",
            Self::FinishedNoData => "finished-no-data",
            Self::ClientRefused => "client-refused",
            Self::ServerRefused => "server-refused",
            Self::NoServerHello => "no-server-hello",
            Self::PlaintextAnswer => "plaintext-answer",
            Self::Incomplete => "incomplete",
            Self::Midstream => "midstream",
        }
    }
}

/// An alert, or a record that can be nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert {
    /// Who sent it.
    pub side: Side,
    /// 1 warning, 2 fatal; `None` where lost, or encrypted and not decrypted.
    pub level: Option<u8>,
    /// The alert's number; `None` where lost, or encrypted and not decrypted.
    pub description: Option<u8>,
    /// Whether it was sent under encryption (and so, without a key log, known by its type or length only).
    pub encrypted: bool,
}

/// Everything the wire tells about one TLS conversation. `None` and empty mean: not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, not a state machine in disguise.
pub struct TlsFacts {
    /// The version agreed on (in `supported_versions` where that is used).
    pub version: Option<Version>,
    /// The cipher suite agreed on.
    pub cipher: Option<u16>,
    /// The key-exchange group (IANA number) agreed on.
    pub group: Option<u16>,
    /// The application protocol agreed on; `None` with `next_protocol_inferred`: surely none.
    pub next_protocol: Option<Arc<str>>,
    /// The line above follows from the size of an encrypted `EncryptedExtensions`.
    pub next_protocol_inferred: bool,
    /// The application protocols the client offers, in its order.
    pub offered_protocols: Arc<[Arc<str>]>,
    /// The server name the client asks for.
    pub server_name: Option<Arc<str>>,
    /// JA3 of the first `ClientHello`, MD5 in hexadecimal.
    pub ja3: Option<Arc<str>>,
    /// JA3S of the last `ServerHello`, MD5 in hexadecimal.
    pub ja3s: Option<Arc<str>>,
    /// JA4 of the first `ClientHello`.
    pub ja4: Option<Arc<str>>,
    /// Whether an earlier session was resumed, so that no certificate was shown.
    pub resumed: Option<bool>,
    /// The client offers `psk_key_exchange_modes`: it is able to resume in TLS 1.3.
    pub psk_modes_offered: bool,
    /// The client offers early data.
    pub early_data_offered: bool,
    /// The server asked for another `ClientHello`.
    pub hello_retry: bool,
    /// The server's certificates in DER, leaf first, where they are clear or were decrypted.
    pub server_chain: Vec<Box<[u8]>>,
    /// The client's certificates in DER, leaf first, where they are clear or were decrypted.
    pub client_chain: Vec<Box<[u8]>>,
    /// Whether the server asked for a client certificate.
    pub certificate_requested: Option<bool>,
    /// Whether the client showed one.
    pub client_certificate: ClientCertificate,
    /// TLS 1.3: length in bytes of the server's Certificate message with its four-byte header,
    /// 4 + 1 + 3 + Σ(3 + DER + 2), where one message stands in one record.
    pub certificate_length: Option<u32>,
    /// TLS 1.3: lengths of the server's encrypted records before the client's first.
    pub server_flight: Vec<u16>,
    /// Records of the handshake were opened with a key log: alerts, protocol and certificates are exact.
    pub decrypted: bool,
    /// A key of the key log did not open what it should; what follows rests on the records' lengths.
    pub key_misfit: bool,
    /// The first alerts, in the order of capture.
    pub alerts: Vec<Alert>,
    /// The client's random, to join the flow with events of the process.
    pub client_random: Option<[u8; 32]>,
    /// How the handshake ended.
    pub outcome: Outcome,
    /// Whether a TLS session came about between the two.
    pub established: Option<bool>,
}
