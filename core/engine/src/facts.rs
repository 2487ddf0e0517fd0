//! What was said, interned: equal conversations share one small number, so that rules judge each kind once. The
//! certificates, server names and the readable parts of requests live here and nowhere else.

mod chains;
mod shape;

pub use shape::{Facts, HttpShape, Protocol, SshShape, TlsShape};

use crate::conversation::Parser;
use crate::http::HttpFacts;
use crate::map::HashMap;
use crate::tls::TlsFacts;
use chains::Chains;
use shape::HttpDetail;

/// Different facts kept; a conversation beyond it is only counted. Real clusters stay in the thousands.
pub const MAX_FACTS: usize = 262_144;
/// Bytes of different readable requests kept; beyond it, an event's `http` is null.
pub const MAX_DETAIL_BYTES: usize = 32 * 1024 * 1024;

/// From this many facts, or bytes of requests or of chains, on a table that is never done is renewed: far below what
/// may be kept, since an agent's memory is its node's.
const RENEWAL: [usize; 3] = [65_536, 8 * 1024 * 1024, 16 * 1024 * 1024];
/// Hundredths of that which must have come in since the last renewal for another one to be worth its time.
const WORTH_RENEWING: usize = 25;

/// The interned facts of one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactIds {
    /// Index for [`FactTable::facts`].
    pub shape: u32,
    /// Index for [`FactTable::detail`].
    pub detail: u32,
}

/// All different facts of a capture.
#[derive(Debug)]
pub struct FactTable {
    facts: Vec<Facts>,
    index: HashMap<Facts, u32>,
    details: Vec<Box<[u8]>>,
    detail_index: HashMap<Box<[u8]>, u32>,
    detail_bytes: usize,
    chains: Chains,
    any_resumed: bool,
    /// How full it was when it was renewed.
    kept: usize,
    /// Conversations whose facts found no room.
    pub overflowed: u64,
    /// Conversations that a key of the key log should have opened and did not.
    pub misfit_keys: u64,
}

/// The facts of a flow without payload.
const SILENT: u32 = 0;
/// The facts of a conversation that was not followed.
const NOT_FOLLOWED: u32 = 1;
/// The detail of anything that is not HTTP.
const NO_DETAIL: u32 = 0;

impl Default for FactTable {
    fn default() -> Self {
        let facts = vec![Facts::of(Protocol::None), Facts::of(Protocol::Unknown)];
        let index = facts.iter().cloned().zip(0..).collect();
        Self {
            facts,
            index,
            details: vec![Box::from(&b"null"[..])],
            detail_index: [(Box::from(&b"null"[..]), NO_DETAIL)].into_iter().collect(),
            detail_bytes: 0,
            chains: Chains::default(),
            any_resumed: false,
            kept: 0,
            overflowed: 0,
            misfit_keys: 0,
        }
    }
}

impl FactTable {
    /// Takes the facts out of a conversation; `readable` says that an unrecognised one began with text.
    pub fn intern(&mut self, parser: Option<Parser>, readable: bool) -> FactIds {
        match parser {
            Some(Parser::Tls(tls)) => self.intern_tls(tls.into_facts()),
            Some(Parser::Ssh(ssh)) => {
                self.shape(Facts { ssh: Some(SshShape::from(ssh.into_facts())), ..Facts::of(Protocol::Ssh) })
            }
            Some(Parser::Http(http)) => self.http(&http.into_facts()),
            None => self.shape(Facts { readable, ..Facts::of(Protocol::Unknown) }),
        }
    }

    /// The facts of a conversation that may still go on.
    pub fn so_far(&mut self, parser: Option<&Parser>) -> FactIds {
        match parser {
            Some(Parser::Tls(tls)) => self.intern_tls(tls.facts()),
            Some(Parser::Ssh(ssh)) => {
                self.shape(Facts { ssh: Some(SshShape::from(ssh.facts())), ..Facts::of(Protocol::Ssh) })
            }
            Some(Parser::Http(http)) => self.http(&http.facts()),
            None => self.shape(Facts::of(Protocol::Unknown)),
        }
    }

    /// The same for the facts of a TLS conversation.
    pub(crate) fn intern_tls(&mut self, facts: TlsFacts) -> FactIds {
        self.misfit_keys += u64::from(facts.key_misfit);
        let facts = TlsShape::new(facts, &mut self.chains);
        self.shape(Facts { tls: Some(facts), ..Facts::of(Protocol::Tls) })
    }

    /// The facts so far of a conversation in the clear, once it was answered; `None` for the others, as how they end
    /// decides what is said of them.
    pub fn intern_so_far(&mut self, parser: &Parser) -> Option<FactIds> {
        let Parser::Http(http) = parser else { return None };
        let facts = http.facts();
        facts.status.is_some().then(|| self.http(&facts))
    }

    /// The facts of a flow in which nobody said anything.
    pub fn silent(&self) -> FactIds {
        FactIds { shape: SILENT, detail: NO_DETAIL }
    }

    /// The facts of a flow that was counted without being followed.
    pub fn not_followed(&self) -> FactIds {
        FactIds { shape: NOT_FOLLOWED, detail: NO_DETAIL }
    }

    /// The facts behind a number.
    pub fn facts(&self, shape: u32) -> &Facts {
        static UNKNOWN: Facts = Facts::of(Protocol::Unknown);
        self.facts.get(shape as usize).unwrap_or(&UNKNOWN)
    }

    /// All facts, by their numbers.
    pub fn all(&self) -> impl Iterator<Item = &Facts> {
        self.facts.iter()
    }

    /// The `http` value of an event.
    pub fn detail(&self, detail: u32) -> &[u8] {
        self.details.get(detail as usize).map_or(b"null", |detail| detail)
    }

    /// The certificates of a chain as DER, leaf first.
    pub fn chain(&self, chain: u32) -> &[Box<[u8]>] {
        self.chains.get(chain)
    }

    /// The number of a chain that is known from elsewhere; `None` where it is empty or has no room.
    pub fn intern_chain(&mut self, certificates: Vec<Box<[u8]>>) -> Option<u32> {
        self.chains.intern(certificates)
    }

    /// Length of the Certificate message in which TLS 1.3 would show a chain, its header included.
    pub fn certificate_length(&self, chain: u32) -> u32 {
        // RFC 8446 4.4.2: header, empty context, list, and around each certificate its length and empty extensions.
        let certificates = self.chain(chain).iter().map(|certificate| 3 + certificate.len() + 2);
        (4 + 1 + 3 + certificates.sum::<usize>()) as u32
    }

    /// How many chains there are.
    pub fn chain_count(&self) -> usize {
        self.chains.len()
    }

    /// Whether any session was resumed.
    pub fn any_resumed(&self) -> bool {
        self.any_resumed
    }

    /// Whether it holds so much that it is worth a look at what of it is still needed.
    pub fn is_crowded(&self) -> bool {
        let fill = self.fill();
        fill >= 100 && fill >= self.kept + WORTH_RENEWING
    }

    /// An empty table that goes on counting in place of this one, which keeps what [`Self::carry`] asks for.
    pub(crate) fn renew(&mut self) -> Self {
        let fresh = Self { overflowed: self.overflowed, misfit_keys: self.misfit_keys, ..Self::default() };
        std::mem::replace(self, fresh)
    }

    /// The numbers, here, of what has these numbers in the table before.
    pub(crate) fn carry(&mut self, old: &Self, ids: FactIds) -> FactIds {
        let facts = old.facts(ids.shape).with_chains(|chain| self.carry_chain(old, chain));
        FactIds { detail: self.intern_detail(Box::from(old.detail(ids.detail))), ..self.shape(facts) }
    }

    /// The same for a chain; `None` where it has no room.
    pub(crate) fn carry_chain(&mut self, old: &Self, chain: u32) -> Option<u32> {
        self.chains.intern(old.chain(chain).to_vec())
    }

    /// All that is needed was carried over.
    pub(crate) fn renewed(&mut self) {
        self.kept = self.fill();
    }

    /// How much of what calls for a renewal it holds, in hundredths.
    fn fill(&self) -> usize {
        let held = [self.facts.len(), self.detail_bytes, self.chains.bytes()];
        held.into_iter().zip(RENEWAL).map(|(held, renewal)| held * 100 / renewal).max().unwrap_or(0)
    }

    fn http(&mut self, facts: &HttpFacts) -> FactIds {
        let ids = self.shape(Facts { http: Some(HttpShape::from(facts)), ..Facts::of(Protocol::Http) });
        let detail = serde_json::to_vec(&HttpDetail::from(facts)).unwrap_or_else(|_| b"null".to_vec());
        FactIds { detail: self.intern_detail(detail.into_boxed_slice()), ..ids }
    }

    fn shape(&mut self, facts: Facts) -> FactIds {
        if let Some(shape) = self.index.get(&facts) {
            return FactIds { shape: *shape, detail: NO_DETAIL };
        }
        if self.facts.len() >= MAX_FACTS {
            self.overflowed += 1;
            return self.not_followed();
        }
        self.any_resumed |= facts.is_resumed();
        let shape = self.facts.len() as u32;
        self.facts.push(facts.clone());
        self.index.insert(facts, shape);
        FactIds { shape, detail: NO_DETAIL }
    }

    fn intern_detail(&mut self, detail: Box<[u8]>) -> u32 {
        if let Some(known) = self.detail_index.get(&detail) {
            return *known;
        }
        if self.detail_bytes + detail.len() > MAX_DETAIL_BYTES {
            self.overflowed += 1;
            return NO_DETAIL;
        }
        self.detail_bytes += detail.len();
        let index = self.details.len() as u32;
        self.details.push(detail.clone());
        self.detail_index.insert(detail, index);
        index
    }
}
