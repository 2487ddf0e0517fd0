//! The part of a conversation's facts that rules see, equal for equal conversations; what differs from flow to
//! flow (randoms, paths, tokens) is left out.

use super::chains::Chains;
use crate::http::{Forwarded, HttpFacts};
use crate::side::Side;
use crate::ssh::SshFacts;
use crate::tls::{Alert, Outcome, TlsFacts, Version};
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// No payload at all.
    None,
    /// Payload that no parser recognises.
    Unknown,
    /// TLS.
    Tls,
    /// SSH.
    Ssh,
    /// HTTP/1 or HTTP/2 in the clear.
    Http,
}

/// The facts of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Facts {
    /// What the bytes are.
    pub protocol: Protocol,
    /// An unrecognised conversation that began with text.
    pub readable: bool,
    /// Set for TLS.
    pub tls: Option<TlsShape>,
    /// Set for SSH.
    pub ssh: Option<SshShape>,
    /// Set for HTTP.
    pub http: Option<HttpShape>,
}

impl Facts {
    /// Facts that say no more than the protocol.
    pub const fn of(protocol: Protocol) -> Self {
        Self { protocol, readable: false, tls: None, ssh: None, http: None }
    }

    /// A resumed TLS session.
    pub fn is_resumed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.resumed == Some(true))
    }

    /// A TLS handshake in which the server showed its certificate.
    pub fn is_full_handshake(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.resumed == Some(false))
    }

    /// A number for the server name, equal for equal names.
    pub fn server_name_symbol(&self) -> u32 {
        let mut hasher = DefaultHasher::new();
        self.tls.as_ref().and_then(|tls| tls.server_name.as_deref()).hash(&mut hasher);
        hasher.finish() as u32
    }

    /// The server name that the client asked for.
    pub fn server_name(&self) -> Option<&str> {
        self.tls.as_ref()?.server_name.as_deref()
    }

    /// The length of the server's Certificate message, where TLS 1.3 lets it be seen.
    pub fn certificate_length(&self) -> Option<u32> {
        self.tls.as_ref()?.certificate_length
    }

    /// The same of a full handshake whose certificate itself was not seen.
    pub fn hidden_certificate_length(&self) -> Option<u32> {
        let tls = self.tls.as_ref()?;
        tls.certificate_length.filter(|_| tls.server_chain.is_none() && tls.resumed != Some(true))
    }

    /// Its requests come from the API server's pod proxy, perhaps beside others.
    pub fn forwards_to_pods(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.forwarded == Forwarded::Pod.as_str())
    }

    /// Its requests come from the API server's service proxy alone.
    pub fn forwards_to_services(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.forwarded == Forwarded::Service.as_str())
    }

    /// The same with other numbers for its chains.
    pub(super) fn with_chains(&self, mut number: impl FnMut(u32) -> Option<u32>) -> Self {
        let mut facts = self.clone();
        if let Some(tls) = &mut facts.tls {
            tls.server_chain = tls.server_chain.and_then(&mut number);
            tls.client_chain = tls.client_chain.and_then(&mut number);
        }
        facts
    }

    /// The chains of server and client.
    pub fn chains(&self) -> [Option<u32>; 2] {
        self.tls.as_ref().map_or([None; 2], |tls| [tls.server_chain, tls.client_chain])
    }
}

/// What rules see of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TlsShape {
    version: Option<&'static str>,
    cipher: Option<u16>,
    group: Option<u16>,
    next_protocol: Option<Arc<str>>,
    offered_protocols: Arc<[Arc<str>]>,
    server_name: Option<Arc<str>>,
    resumed: Option<bool>,
    hello_retry: bool,
    early_data: bool,
    outcome: &'static str,
    established: Option<bool>,
    client_certificate: &'static str,
    certificate_requested: Option<bool>,
    server_chain: Option<u32>,
    client_chain: Option<u32>,
    chain_source: Option<&'static str>,
    decrypted: bool,
    certificate_length: Option<u32>,
    ja3: Option<Arc<str>>,
    ja3s: Option<Arc<str>>,
    ja4: Option<Arc<str>>,
    alert: Option<AlertShape>,
}

/// The alert that tells most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct AlertShape {
    side: &'static str,
    level: Option<u8>,
    description: Option<u8>,
    encrypted: bool,
}

impl TlsShape {
    pub(super) fn new(facts: TlsFacts, chains: &mut Chains) -> Self {
        let (server_chain, client_chain) = (chains.intern(facts.server_chain), chains.intern(facts.client_chain));
        // TLS 1.3 never shows a certificate in the clear, older versions always do.
        let source = if facts.version.is_some_and(Version::is_modern) { "decrypted" } else { "clear" };
        Self {
            version: facts.version.and_then(Version::name),
            cipher: facts.cipher,
            group: facts.group,
            next_protocol: facts.next_protocol,
            offered_protocols: facts.offered_protocols,
            server_name: facts.server_name,
            resumed: facts.resumed,
            hello_retry: facts.hello_retry,
            early_data: facts.early_data_offered,
            outcome: facts.outcome.name(),
            established: facts.established,
            client_certificate: facts.client_certificate.name(),
            certificate_requested: facts.certificate_requested,
            server_chain,
            client_chain,
            chain_source: server_chain.or(client_chain).map(|_| source),
            decrypted: facts.decrypted,
            certificate_length: facts.certificate_length,
            ja3: facts.ja3,
            ja3s: facts.ja3s,
            ja4: facts.ja4,
            alert: telling_alert(&facts.alerts, facts.outcome),
        }
    }
}

/// The alert of the side that refused, else the first.
fn telling_alert(alerts: &[Alert], outcome: Outcome) -> Option<AlertShape> {
    let refuser = match outcome {
        Outcome::ClientRefused => Some(Side::Client),
        Outcome::ServerRefused => Some(Side::Server),
        _ => None,
    };
    let telling = alerts.iter().find(|alert| Some(alert.side) == refuser).or_else(|| alerts.first())?;
    Some(AlertShape {
        side: if telling.side == Side::Client { "client" } else { "server" },
        level: telling.level,
        description: telling.description,
        encrypted: telling.encrypted,
    })
}

/// What rules see of SSH.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SshShape {
    client_version: Option<String>,
    server_version: Option<String>,
    key_exchange: Option<String>,
    host_key: Option<String>,
    cipher: Option<String>,
    mac: Option<String>,
    negotiation: &'static str,
    encrypted: bool,
}

impl From<SshFacts> for SshShape {
    fn from(facts: SshFacts) -> Self {
        Self {
            client_version: facts.client_version,
            server_version: facts.server_version,
            key_exchange: facts.key_exchange,
            host_key: facts.host_key,
            cipher: facts.cipher,
            mac: facts.mac,
            negotiation: facts.negotiation.as_str(),
            encrypted: facts.encrypted,
        }
    }
}

/// What rules see of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct HttpShape {
    version: Option<&'static str>,
    method: Option<String>,
    status: Option<u16>,
    upgrade: Option<String>,
    websocket_protocol: Option<String>,
    credentials: Option<&'static str>,
    forwarded: &'static str,
    agent: Option<String>,
    content_type: Option<String>,
    grpc: bool,
    agent_id: bool,
    request_seen: bool,
}

impl From<&HttpFacts> for HttpShape {
    fn from(facts: &HttpFacts) -> Self {
        Self {
            version: facts.version.map(crate::http::Version::as_str),
            method: facts.method.clone(),
            status: facts.status,
            upgrade: facts.upgrade.clone(),
            websocket_protocol: facts.websocket_protocol.clone(),
            credentials: facts.credentials.as_ref().map(|credentials| credentials.kind.as_str()),
            forwarded: forwarded(facts).as_str(),
            agent: facts.agent.clone(),
            content_type: facts.content_type.clone(),
            grpc: facts.grpc,
            agent_id: facts.agent_id,
            request_seen: facts.request_seen,
        }
    }
}

/// The kind of the whole connection: requests for pods and services share connections to the same endpoint, and
/// then the pod is what both reached.
fn forwarded(facts: &HttpFacts) -> Forwarded {
    let kinds = [Forwarded::Node, Forwarded::Pod, Forwarded::Service];
    kinds.into_iter().find(|kind| facts.forwarded_kinds.contains(*kind)).unwrap_or(facts.forwarded)
}

/// The event's `http` object.
#[derive(Serialize)]
pub(super) struct HttpDetail<'a> {
    version: Option<&'static str>,
    method: Option<&'a str>,
    path: Option<&'a str>,
    host: Option<&'a str>,
    user_agent: Option<&'a str>,
    status: Option<u16>,
    upgrade: Option<&'a str>,
    websocket_protocol: Option<&'a str>,
    content_type: Option<&'a str>,
    forwarded_uri: Option<&'a str>,
    connect_target: Option<&'a str>,
    credentials: Option<&'static str>,
    token_hash: Option<&'a str>,
    requests: u32,
}

impl<'a> From<&'a HttpFacts> for HttpDetail<'a> {
    fn from(facts: &'a HttpFacts) -> Self {
        let credentials = facts.credentials.as_ref();
        Self {
            version: facts.version.map(crate::http::Version::as_str),
            method: facts.method.as_deref(),
            path: facts.path.as_deref(),
            host: facts.host.as_deref(),
            user_agent: facts.user_agent.as_deref(),
            status: facts.status,
            upgrade: facts.upgrade.as_deref(),
            websocket_protocol: facts.websocket_protocol.as_deref(),
            content_type: facts.content_type.as_deref(),
            forwarded_uri: facts.forwarded_uri.as_deref(),
            connect_target: facts.connect_target.as_deref(),
            credentials: credentials.map(|credentials| credentials.kind.as_str()),
            token_hash: credentials.and_then(|credentials| credentials.token_hash.as_deref()),
            requests: facts.requests,
        }
    }
}
