//! TLS handshakes as an onlooker sees them: what was agreed, who refused, who carried on. Without a key log nothing is decrypted.

mod alert;
mod certificate;
mod client_tail;
mod conversation;
mod decrypt;
mod facts;
mod handshake;
mod hello;
mod hellos;
mod ja;
mod legacy;
mod messages;
mod modern;
mod opened;
mod outcome;
mod recognise;
mod record;
mod secrets;
mod server_flight;
mod state;
mod suite;

pub use conversation::{Shared, TlsConversation};
pub use facts::{Alert, ClientCertificate, Outcome, TlsFacts, Version};
pub use hellos::Hellos;
pub use recognise::recognises;
pub use secrets::{MAX_SESSIONS, SecretCounts, Secrets};
