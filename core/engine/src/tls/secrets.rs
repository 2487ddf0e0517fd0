//! The secrets of TLS sessions, as key logs give them (the format of `SSLKEYLOGFILE`). They are kept in memory only and
//! nothing here prints them; what they open is in `decrypt`.

use crate::map::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Sessions whose secrets are kept: at most 100 MB. Later ones are counted and dropped.
pub const MAX_SESSIONS: usize = 262_144;
/// The longest line of the format: `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, a random, and a secret of 48 bytes, with room.
const MAX_LINE: usize = 512;
/// RFC 5246 8.1.
const MASTER_LENGTH: usize = 48;
/// The hashes of TLS 1.3: SHA-256 and SHA-384.
const TRAFFIC_LENGTHS: [usize; 2] = [32, 48];

/// One secret; its bytes never show in output.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Box<[u8]>);

impl Secret {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is known of one session; a client that refuses logs no secret of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// TLS 1.2 and older.
    pub(super) master: Option<Secret>,
    pub(super) client_handshake: Option<Secret>,
    pub(super) server_handshake: Option<Secret>,
    pub(super) client_traffic: Option<Secret>,
    pub(super) server_traffic: Option<Secret>,
}

/// What was read from key logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecretCounts {
    /// Secrets that are kept.
    pub secrets: u64,
    /// Lines that are no secret in this format.
    pub odd_lines: u64,
    /// Secrets for which there was no room.
    pub without_room: u64,
}

/// All secrets of a run, shared by its conversations.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Store>>);

#[derive(Default)]
struct Store {
    sessions: HashMap<[u8; 32], Session>,
    counts: SecretCounts,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.counts()).finish()
    }
}

impl Secrets {
    /// Takes in the text of a key log and says how many secrets it held, those that were known included.
    pub fn add(&self, text: &[u8]) -> u64 {
        let mut store = self.0.write().unwrap_or_else(PoisonError::into_inner);
        text.split(|byte| *byte == b'\n').map(|line| u64::from(store.line(line.trim_ascii()))).sum()
    }

    /// What was read so far.
    pub fn counts(&self) -> SecretCounts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).counts
    }

    /// The secrets of the session that began with this random of the client.
    pub(super) fn session(&self, client_random: &[u8; 32]) -> Option<Session> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).sessions.get(client_random).cloned()
    }
}

impl Store {
    fn line(&mut self, line: &[u8]) -> bool {
        if line.is_empty() || line.starts_with(b"#") {
            return false;
        }
        let Some((label, random, secret)) = parse(line) else {
            self.counts.odd_lines += 1;
            return false;
        };
        let Some(place) = label.place() else { return false };
        if self.sessions.len() >= MAX_SESSIONS && !self.sessions.contains_key(&random) {
            self.counts.without_room += 1;
            return true;
        }
        place(self.sessions.entry(random).or_default()).get_or_insert(secret);
        self.counts.secrets += 1;
        true
    }
}

/// What a line gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Master,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
    /// Of the format, but of no use here: early data and exporters.
    Other,
}

type Place = fn(&mut Session) -> &mut Option<Secret>;

impl Label {
    fn parse(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"CLIENT_RANDOM" => Self::Master,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Self::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Self::ServerHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Self::ClientTraffic,
            b"SERVER_TRAFFIC_SECRET_0" => Self::ServerTraffic,
            b"CLIENT_EARLY_TRAFFIC_SECRET" | b"EARLY_EXPORTER_SECRET" | b"EXPORTER_SECRET" => Self::Other,
            _ => return None,
        })
    }

    fn fits(self, length: usize) -> bool {
        if self == Self::Master { length == MASTER_LENGTH } else { TRAFFIC_LENGTHS.contains(&length) }
    }

    fn place(self) -> Option<Place> {
        match self {
            Self::Master => Some(|session| &mut session.master),
            Self::ClientHandshake => Some(|session| &mut session.client_handshake),
            Self::ServerHandshake => Some(|session| &mut session.server_handshake),
            Self::ClientTraffic => Some(|session| &mut session.client_traffic),
            Self::ServerTraffic => Some(|session| &mut session.server_traffic),
            Self::Other => None,
        }
    }
}

/// Label, client random and secret, between white space.
fn parse(line: &[u8]) -> Option<(Label, [u8; 32], Secret)> {
    if line.len() > MAX_LINE {
        return None;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (label, random, secret) = (Label::parse(words.next()?)?, words.next()?, words.next()?);
    let random = hexadecimal(random)?.try_into().ok()?;
    let secret = hexadecimal(secret)?;
    (words.next().is_none() && label.fits(secret.len())).then(|| (label, random, Secret(secret.into())))
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, random: u8, bytes: usize) -> String {
        format!("{label} {} {}\n", format!("{random:02x}").repeat(32), "ab".repeat(bytes))
    }

    #[test]
    fn secrets_are_found_by_the_clients_random() {
        let secrets = Secrets::default();
        let text = line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 1, 32) + &line("SERVER_TRAFFIC_SECRET_0", 1, 48);
        assert_eq!(secrets.add(text.as_bytes()), 2);
        let session = secrets.session(&[1; 32]).unwrap();
        assert_eq!(session.client_handshake.unwrap().bytes(), [0xab; 32]);
        assert_eq!(session.server_traffic.unwrap().bytes().len(), 48);
        assert!(session.master.is_none() && secrets.session(&[2; 32]).is_none());
    }

    #[test]
    fn odd_lines_are_counted_and_harm_nothing() {
        let secrets = Secrets::default();
        let good = line("CLIENT_RANDOM", 7, 48).replace(' ', "\t").replace('\n', "\r\n").to_uppercase();
        let odd = [
            "RSA 0011 2233\n",
            "CLIENT_RANDOM 00 11\n",
            &line("CLIENT_RANDOM", 1, 47),
            &line("CLIENT_RANDOM", 1, 48).replace("ab", "zz"),
            &line("SERVER_TRAFFIC_SECRET_0", 1, 31),
            "\u{0}\u{ff}",
        ];
        let text = format!("# comment\n\n{good}{}", odd.concat());
        assert_eq!(secrets.add(text.as_bytes()), 1);
        assert_eq!(secrets.counts(), SecretCounts { secrets: 1, odd_lines: 6, without_room: 0 });
        assert!(secrets.session(&[7; 32]).is_some_and(|session| session.master.is_some()));
    }

    #[test]
    fn secrets_of_no_use_are_neither_kept_nor_odd() {
        let secrets = Secrets::default();
        assert_eq!(secrets.add(line("EXPORTER_SECRET", 1, 32).as_bytes()), 0);
        assert_eq!(secrets.counts(), SecretCounts::default());
    }

    #[test]
    fn nothing_prints_a_secret() {
        let secrets = Secrets::default();
        secrets.add(line("CLIENT_RANDOM", 7, 48).as_bytes());
        let shown = format!("{secrets:?} {:?}", secrets.session(&[7; 32]));
        assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
    }
}
