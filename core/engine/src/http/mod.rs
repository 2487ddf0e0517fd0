//! HTTP/1 and HTTP/2 requests in the clear, without their secrets; bodies are never looked at.

mod conversation;
mod facts;
mod forwarded;
mod h1;
mod h2;
pub mod hpack;
mod ledger;
mod line;
mod recognition;
mod redact;
mod secret;
#[cfg(test)]
mod tests;

pub use conversation::HttpConversation;
pub use facts::{CredentialKind, Credentials, Forwarded, ForwardedKinds, HttpFacts, Version};
pub use recognition::recognises;

/// Requests read of one connection: enough to see every kind of caller that shares it.
pub const REQUESTS_LIMIT: u32 = 32;
