//! Which certificates each server endpoint showed and when, so that a TLS 1.3 handshake, which hides them, can be given
//! the one that has the length of its Certificate message, and a change be noticed. What that proves is not decided here.

use crate::facts::{FactTable, Facts};
use crate::flow::{Endpoint, FlowRecord};
use crate::map::HashMap;
use serde::Serialize;

/// Server endpoints remembered: the kubelets and services of a large cluster; later ones are not.
pub const MAX_ENDPOINTS: usize = 65_536;
/// Chains and names remembered per endpoint. One that shows more gives no certificate to anybody, since a chain that
/// was not kept might have the same length.
pub const MAX_SHOWN: usize = 32;
/// Other chains of its endpoint that are told of a flow, the first ones by time.
const MAX_OTHERS: usize = 8;

/// How a chain came to be known; earlier ones say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
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
    /// When the last of them began: a connection outlives the certificate that it began with.
    pub last_ns: u64,
}

/// Why a hidden certificate is not known, though some of its endpoint are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// None of them has its length.
    NoneFits,
    /// Several of them have.
    Ambiguous,
    /// The endpoint showed more than are kept.
    TooMany,
}

/// When an endpoint showed another chain, held against when it showed the one in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// For the last time before.
    Before,
    /// Between two times, or the other way round.
    Meanwhile,
    /// For the first time after.
    After,
}

/// Another chain that an endpoint showed to clients that asked for the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Other {
    /// When it was shown.
    pub when: When,
    /// Number of the chain.
    pub chain: u32,
    /// How it is known.
    pub source: Source,
}

/// What is known from elsewhere of the certificate of one flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Recollection {
    /// The chain that a handshake which hides its own must have shown, and how that is known.
    pub chain: Option<(u32, Source)>,
    /// Why there is none.
    pub doubt: Option<Doubt>,
    /// What else the endpoint showed, where the flow's own chain is known.
    pub others: Vec<Other>,
}

/// A chain that an endpoint is known to show, from elsewhere than these captures.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name that was asked for.
    pub server_name: Option<Box<str>>,
    /// The certificates as DER, leaf first.
    pub chain: Vec<Box<[u8]>>,
    /// How it is known.
    pub source: Source,
    /// When it was shown for the first time.
    pub first_ns: u64,
    /// When it was shown for the last time.
    pub last_ns: u64,
}

#[derive(Debug, Clone, Default)]
struct History {
    shown: Vec<Shown>,
    overflowed: bool,
}

impl History {
    fn seen_ns(&self) -> u64 {
        self.shown.iter().map(|shown| shown.last_ns).max().unwrap_or(0)
    }
}

/// What each server endpoint showed.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    endpoints: HashMap<Endpoint, History>,
}

impl Memory {
    /// Adds a chain that is known from elsewhere; an empty one, or one that finds no room, is nothing.
    pub fn know(&mut self, facts: &mut FactTable, server: Endpoint, known: Known) {
        let Known { server_name, chain, source, first_ns, last_ns } = known;
        let Some(chain) = facts.intern_chain(chain) else { return };
        let length = facts.certificate_length(chain);
        self.add(server, Shown { chain, server_name, length, source, flows: 0, first_ns, last_ns });
    }

    /// Adds what a flow showed, if it showed anything; `flows` is 0 for one that is told again later.
    pub(super) fn note(&mut self, facts: &FactTable, record: &FlowRecord, flows: u64) {
        let of = facts.facts(record.facts.shape);
        let [Some(chain), _] = of.chains() else { return };
        self.add(
            record.server,
            Shown {
                chain,
                server_name: of.server_name().map(Box::from),
                length: of.certificate_length().unwrap_or_else(|| facts.certificate_length(chain)),
                source: Source::Remembered,
                flows,
                first_ns: record.first_ns,
                last_ns: record.first_ns,
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

    /// What is known from elsewhere of the certificate of a flow.
    pub(super) fn recollect(&self, facts: &Facts, record: &FlowRecord) -> Recollection {
        let Some(history) = facts.tls.as_ref().and_then(|_| self.endpoints.get(&record.server)) else {
            return Recollection::default();
        };
        let [own, _] = facts.chains();
        if own.is_some_and(|own| history.shown.iter().all(|shown| shown.chain == own)) {
            return Recollection::default();
        }
        let (chain, doubt) = match facts.hidden_certificate_length() {
            Some(length) => history.fitting(length, facts.server_name()),
            None => (None, None),
        };
        let subject = own.or(chain.map(|(chain, _)| chain));
        let others = subject
            .map_or_else(Vec::new, |subject| history.others(subject, facts.server_name(), Span::at(record.first_ns)));
        Recollection { chain, doubt, others }
    }

    /// Whether there is little room for new endpoints.
    pub(super) fn is_crowded(&self) -> bool {
        self.endpoints.len() >= MAX_ENDPOINTS / 4 * 3
    }

    /// Gives every chain its new number, and forgets the endpoints unseen for longest where there are many. An endpoint
    /// that loses a chain gives no certificate to anybody any more.
    pub(super) fn renumber(&mut self, mut number: impl FnMut(u32) -> Option<u32>) {
        if self.is_crowded() {
            self.forget_unseen();
        }
        for history in self.endpoints.values_mut() {
            let before = history.shown.len();
            history.shown.retain_mut(|shown| number(shown.chain).map(|chain| shown.chain = chain).is_some());
            history.overflowed |= history.shown.len() < before;
        }
    }

    fn forget_unseen(&mut self) {
        let mut seen_ns: Vec<u64> = self.endpoints.values().map(History::seen_ns).collect();
        let (_, median_ns, _) = seen_ns.select_nth_unstable(self.endpoints.len() / 2);
        self.endpoints.retain(|_, history| history.seen_ns() > *median_ns);
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

impl History {
    /// The only chain that has a length, or why there is none.
    fn fitting(&self, length: u32, server_name: Option<&str>) -> (Option<(u32, Source)>, Option<Doubt>) {
        if self.overflowed {
            return (None, Some(Doubt::TooMany));
        }
        let known = || self.shown.iter().filter(|shown| agree(shown.server_name.as_deref(), server_name));
        let mut fitting = known().filter(|shown| shown.length == length);
        let Some(first) = fitting.next() else {
            return (None, known().next().map(|_| Doubt::NoneFits));
        };
        let (mut source, mut only) = (first.source, true);
        for shown in fitting {
            source = source.min(shown.source);
            only &= shown.chain == first.chain;
        }
        if only { (Some((first.chain, source)), None) } else { (None, Some(Doubt::Ambiguous)) }
    }

    /// The other chains shown for a name, by when that was; `now`: when the one in question is seen.
    fn others(&self, subject: u32, server_name: Option<&str>, now: Span) -> Vec<Other> {
        let mut spans: Vec<(u32, Span, Source)> = Vec::new();
        let mut own = now;
        for shown in self.shown.iter().filter(|shown| shown.server_name.as_deref() == server_name) {
            let span = Span { first_ns: shown.first_ns, last_ns: shown.last_ns };
            if shown.chain == subject {
                own = own.with(span);
            } else if let Some(known) = spans.iter_mut().find(|(chain, ..)| *chain == shown.chain) {
                (known.1, known.2) = (known.1.with(span), known.2.min(shown.source));
            } else {
                spans.push((shown.chain, span, shown.source));
            }
        }
        spans.sort_by_key(|(chain, span, _)| (span.first_ns, *chain));
        let told = spans.into_iter().take(MAX_OTHERS);
        let mut others: Vec<_> =
            told.map(|(chain, span, source)| Other { when: span.to(own), chain, source }).collect();
        others.sort_unstable();
        others
    }
}

/// From when to when something was seen.
#[derive(Debug, Clone, Copy)]
struct Span {
    first_ns: u64,
    last_ns: u64,
}

impl Span {
    fn at(time_ns: u64) -> Self {
        Self { first_ns: time_ns, last_ns: time_ns }
    }

    fn with(self, other: Self) -> Self {
        Self { first_ns: self.first_ns.min(other.first_ns), last_ns: self.last_ns.max(other.last_ns) }
    }

    /// Where it lies, seen from another one.
    fn to(self, other: Self) -> When {
        if self.last_ns < other.first_ns {
            When::Before
        } else if self.first_ns > other.last_ns {
            When::After
        } else {
            When::Meanwhile
        }
    }
}

/// The recollections so far, by their numbers; 0 is that of nothing.
#[derive(Debug, Default)]
pub(super) struct Recollections {
    list: Vec<Recollection>,
    index: HashMap<Recollection, u32>,
}

impl Recollections {
    /// The number of one.
    pub(super) fn intern(&mut self, one: Recollection) -> u32 {
        if one == Recollection::default() {
            return 0;
        }
        if let Some(known) = self.index.get(&one) {
            return *known;
        }
        self.list.push(one.clone());
        let number = self.list.len() as u32;
        self.index.insert(one, number);
        number
    }

    /// The one behind a number.
    pub(super) fn get(&self, number: u32) -> Recollection {
        let place = (number as usize).checked_sub(1);
        place.and_then(|place| self.list.get(place)).cloned().unwrap_or_default()
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
        doubt: Option<Doubt>,
    }

    impl Bench {
        fn shows(&mut self, certificate: &[u8], server_name: Option<&str>, at_ns: u64) {
            let record = record(self.facts.intern_tls(showing(certificate, server_name)), at_ns);
            self.memory.note(&self.facts, &record, 1);
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
            let recollection = self.memory.recollect(self.facts.facts(ids.shape), &record(ids, 0));
            self.doubt = recollection.doubt;
            let (chain, source) = recollection.chain?;
            assert_eq!(source, Source::Remembered);
            Some(self.facts.chain(chain).first()?.to_vec())
        }

        /// First bytes of the other chains of the endpoint, and when they were shown, seen from a flow.
        fn others(&mut self, certificate: &[u8], at_ns: u64) -> Vec<(u8, When)> {
            let ids = self.facts.intern_tls(showing(certificate, None));
            let others = self.memory.recollect(self.facts.facts(ids.shape), &record(ids, at_ns)).others;
            others.iter().map(|other| (self.facts.chain(other.chain)[0][0], other.when)).collect()
        }
    }

    fn showing(certificate: &[u8], server_name: Option<&str>) -> TlsFacts {
        TlsFacts {
            version: Some(Version(0x0303)),
            resumed: Some(false),
            server_chain: vec![Box::from(certificate)],
            server_name: server_name.map(Into::into),
            ..TlsFacts::default()
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
            sequences: None,
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
        assert_eq!(bench.doubt, Some(Doubt::NoneFits));
    }

    #[test]
    fn of_two_certificates_of_one_length_it_is_neither() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], None, 0);
        bench.shows(&[2; 700], None, 0);
        assert_eq!(bench.recalls(713, None, false), None);
        assert_eq!(bench.doubt, Some(Doubt::Ambiguous));
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
        assert_eq!(bench.doubt, Some(Doubt::TooMany));
    }

    #[test]
    fn an_endpoint_of_which_nothing_is_known_leaves_no_doubt() {
        let mut bench = Bench::default();
        assert_eq!((bench.recalls(713, None, false), bench.doubt), (None, None));
    }

    #[test]
    fn what_was_shown_before_after_and_meanwhile_is_told_apart() {
        let mut bench = Bench::default();
        for (certificate, at_ns) in [(1, 10), (2, 20), (3, 25), (2, 30), (4, 40)] {
            bench.shows(&[certificate; 700], None, at_ns);
        }
        let told = [(1, When::Before), (3, When::Meanwhile), (4, When::After)];
        assert_eq!(bench.others(&[2; 700], 20), told);
        assert_eq!(bench.others(&[4; 700], 40), [(1, When::Before), (2, When::Before), (3, When::Before)]);
    }

    #[test]
    fn a_flow_that_outlives_its_certificate_does_not_make_two_at_once() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], None, 10);
        bench.shows(&[2; 700], None, 12);
        assert_eq!(bench.others(&[2; 700], 12), [(1, When::Before)]);
    }

    #[test]
    fn certificates_for_other_names_are_no_others() {
        let mut bench = Bench::default();
        bench.shows(&[1; 700], Some("a"), 10);
        bench.shows(&[2; 700], None, 20);
        assert_eq!(bench.others(&[2; 700], 20), []);
    }

    #[test]
    fn what_was_shown_is_told_with_its_first_and_last_time() {
        let mut bench = Bench::default();
        for at_ns in [20, 10, 30] {
            bench.shows(&[1; 700], None, at_ns);
        }
        let known = Known {
            server_name: None,
            chain: vec![Box::from([1; 700])],
            source: Source::Probed,
            first_ns: 1,
            last_ns: 1,
        };
        bench.memory.know(&mut bench.facts, SERVER, known);
        let told = bench.memory.shown();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].1.flows, told[0].1.first_ns, told[0].1.last_ns), (3, 10, 30));
    }
}
