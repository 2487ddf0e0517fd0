//! Which certificates each server endpoint showed, so that a TLS 1.3 handshake, which hides them, can be given the
//! one that has the length of its Certificate message. What that proves is not decided here.

use crate::facts::{FactTable, Facts};
use crate::flow::{Endpoint, FlowRecord};
use crate::map::HashMap;

/// Server endpoints remembered: the kubelets and services of a large cluster; later ones are not.
pub const MAX_ENDPOINTS: usize = 65_536;
/// Chains and names remembered per endpoint. One that shows more gives no certificate to anybody, since a chain that
/// was not kept might have the same length.
pub const MAX_SHOWN: usize = 32;

/// How a chain came to be known; earlier ones say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Another flow of the same captures showed it.
    Remembered,
    /// It was asked for.
    Probed,
    /// Captures of an earlier run showed it.
    Earlier,
}

impl Source {
    /// Every source, by its rank.
    pub const ALL: [Self; 3] = [Self::Remembered, Self::Probed, Self::Earlier];

    /// The word used in shapes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remembered => "remembered",
            Self::Probed => "probed",
            Self::Earlier => "earlier",
        }
    }
}

/// One chain that an endpoint showed to clients that asked for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Number of the chain.
    pub chain: u32,
    /// The name that was asked for.
    pub server_name: Option<Box<str>>,
    /// Length of the Certificate message of TLS 1.3 with its header.
    pub length: u32,
    /// How it is known.
    pub source: Source,
    /// Flows that showed it.
    pub flows: u64,
    /// When the first of them began.
    pub first_ns: u64,
    /// When the last of them ended.
    pub last_ns: u64,
}

#[derive(Debug, Clone, Default)]
struct History {
    shown: Vec<Shown>,
    overflowed: bool,
}

/// What each server endpoint showed.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    endpoints: HashMap<Endpoint, History>,
}

impl Memory {
    /// Adds a chain that is known from elsewhere.
    pub fn know(&mut self, server: Endpoint, shown: Shown) {
        self.add(server, shown);
    }

    /// Adds what a flow showed, if it showed anything.
    pub(super) fn note(&mut self, facts: &FactTable, record: &FlowRecord) {
        let of = facts.facts(record.facts.shape);
        let [Some(chain), _] = of.chains() else { return };
        self.add(
            record.server,
            Shown {
                chain,
                server_name: of.server_name().map(Box::from),
                length: of.certificate_length().unwrap_or_else(|| facts.certificate_length(chain)),
                source: Source::Remembered,
                flows: 1,
                first_ns: record.first_ns,
                last_ns: record.last_ns,
            },
        );
    }

    fn add(&mut self, server: Endpoint, new: Shown) {
        if self.endpoints.len() >= MAX_ENDPOINTS && !self.endpoints.contains_key(&server) {
            return;
        }
        let history = self.endpoints.entry(server).or_default();
        let same =
            |old: &&mut Shown| old.chain == new.chain && old.source == new.source && old.server_name == new.server_name;
        if let Some(old) = history.shown.iter_mut().find(same) {
            old.flows += new.flows;
            old.first_ns = old.first_ns.min(new.first_ns);
            old.last_ns = old.last_ns.max(new.last_ns);
        } else if history.shown.len() < MAX_SHOWN {
            history.shown.push(new);
        } else {
            history.overflowed = true;
        }
    }

    /// The chain that a full TLS 1.3 handshake must have shown: the only one of its endpoint that has its length.
    pub(super) fn recall(&self, facts: &Facts, server: Endpoint) -> Option<(u32, Source)> {
        let length = facts.hidden_certificate_length()?;
        let history = self.endpoints.get(&server).filter(|history| !history.overflowed)?;
        let fits = |shown: &&Shown| shown.length == length && agree(shown.server_name.as_deref(), facts.server_name());
        let mut fitting = history.shown.iter().filter(fits);
        let first = fitting.next()?;
        let rest: Vec<&Shown> = fitting.collect();
        let source = rest.iter().map(|shown| shown.source).min().unwrap_or(first.source).min(first.source);
        rest.iter().all(|shown| shown.chain == first.chain).then_some((first.chain, source))
    }

    /// What these captures showed, by endpoint.
    pub fn shown(&self) -> Vec<(Endpoint, &Shown)> {
        let mut all: Vec<_> = self
            .endpoints
            .iter()
            .flat_map(|(server, history)| history.shown.iter().map(|shown| (*server, shown)))
            .filter(|(_, shown)| shown.source == Source::Remembered)
            .collect();
        all.sort_by(|(a, one), (b, other)| {
            (a, &one.server_name, one.first_ns, one.chain).cmp(&(b, &other.server_name, other.first_ns, other.chain))
        });
        all
    }
}

/// Whether a server may have answered both with the same certificate: one that is asked for two names may have two.
fn agree(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FactIds;
    use crate::flow::FlowState;
    use crate::packet::Address;
    use crate::tls::{TlsFacts, Version};

    const SERVER: Endpoint = Endpoint { address: Address::V4([10, 0, 0, 2]), port: 10250 };

    /// A table of facts, and flows made of it.
    #[derive(Default)]
    struct Bench {
        facts: FactTable,
        memory: Memory,
    }

    impl Bench {
        fn shows(&mut self, certificate: &[u8], server_name: Option<&str>, at_ns: u64) {
            let facts = TlsFacts {
                version: Some(Version(0x0303)),
                resumed: Some(false),
                server_chain: vec![Box::from(certificate)],
                server_name: server_name.map(Into::into),
                ..TlsFacts::default()
            };
            let record = record(self.facts.intern_tls(facts), at_ns);
            self.memory.note(&self.facts, &record);
        }

        fn recalls(&mut self, length: u32, server_name: Option<&str>, resumed: bool) -> Option<Vec<u8>> {
            let facts = TlsFacts {
                version: Some(Version::TLS13),
                resumed: Some(resumed),
                certificate_length: Some(length),
                server_name: server_name.map(Into::into),
                ..TlsFacts::default()
            };
            let ids = self.facts.intern_tls(facts);
            let (chain, source) = self.memory.recall(self.facts.facts(ids.shape), SERVER)?;
            assert_eq!(source, Source::Remembered);
            Some(self.facts.chain(chain).first()?.to_vec())
        }
    }

    fn record(facts: FactIds, at_ns: u64) -> FlowRecord {
        FlowRecord {
            client: Endpoint { address: Address::V4([10, 0, 0, 1]), port: 40_000 },
            server: SERVER,
            first_ns: at_ns,
            last_ns: at_ns + 5,
            packets: [1; 2],
            bytes: [1; 2],
            state: FlowState::Closed,
            midstream: false,
            direction_guessed: false,
            gaps: 0,
            facts,
        }
    }

    #[test]
    fn a_hidden_certificate_is_the_one_that_has_its_length() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], None, 0);
        bench.shows(&[2; 900], None, 0);
        assert_eq!(bench.recalls(713, None, false), Some(vec![1; 700]));
        assert_eq!(bench.recalls(913, None, false), Some(vec![2; 900]));
        assert_eq!(bench.recalls(714, None, false), None);
    }

    #[test]
    fn of_two_certificates_of_one_length_it_is_neither() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], None, 0);
        bench.shows(&[2; 700], None, 0);
        assert_eq!(bench.recalls(713, None, false), None);
    }

    #[test]
    fn certificates_shown_for_another_name_do_not_count() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], Some("a"), 0);
        bench.shows(&[2; 700], Some("b"), 0);
        assert_eq!(bench.recalls(713, Some("b"), false), Some(vec![2; 700]));
        assert_eq!(bench.recalls(713, Some("c"), false), None);
        assert_eq!(bench.recalls(713, None, false), None);
    }

    #[test]
    fn a_resumed_session_showed_no_certificate() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], None, 0);
        assert_eq!(bench.recalls(713, None, true), None);
    }

    #[test]
    fn an_endpoint_that_showed_more_than_is_kept_gives_no_certificate() {
        let mut bench = Bench::default();
        for length in 0..=MAX_SHOWN {
            bench.shows(&vec![1; 700 + length], None, 0);
        }
        assert_eq!(bench.recalls(713, None, false), None);
    }

    #[test]
    fn what_was_shown_is_told_with_its_first_and_last_time() {
        let mut bench = Bench::default();
        for at_ns in [20, 10, 30] {
            bench.shows(&[1; 700], None, at_ns);
        }
        bench.memory.know(SERVER, Shown { source: Source::Probed, ..bench.memory.shown()[0].1.clone() });
        let told = bench.memory.shown();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].1.flows, told[0].1.first_ns, told[0].1.last_ns), (3, 10, 35));
    }
}
