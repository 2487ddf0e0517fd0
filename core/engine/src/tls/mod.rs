//! TLS handshakes as an onlooker sees them: what was agreed, who refused, who carried on. Nothing is decrypted here.

mod alert;
mod certificate;
mod client_tail;
mod conversation;
mod facts;
mod handshake;
mod hello;
mod ja;
mod legacy;
mod messages;
mod modern;
mod outcome;
mod recognise;
mod record;
mod server_flight;
mod state;
mod suite;

pub use conversation::TlsConversation;
pub use facts::{Alert, ClientCertificate, Outcome, TlsFacts, Version};
pub use recognise::recognises;
