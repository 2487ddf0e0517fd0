//! One conversation under several addresses: a service's before and after its translation. The sequence numbers of the two
//! SYNs are random and no translation of addresses changes them, so whoever shares both is the same. Pure.

use engine::flow::{Endpoint, FlowRecord};
use engine::packet::Segment;
use std::collections::{HashMap, VecDeque};

/// Conversations remembered; beyond it the oldest are forgotten.
const MAX_CONVERSATIONS: usize = 65_536;
/// Forms of one conversation: before and after the service, and after the node's own address took the client's place.
const MAX_FORMS: usize = 4;

type Sequences = [u32; 2];
type Ends = [Endpoint; 2];

/// The conversations that are going on.
#[derive(Debug, Default)]
pub struct Translations {
    conversations: HashMap<Sequences, Conversation>,
    order: VecDeque<Sequences>,
    /// Conversations forgotten for want of room.
    pub forgotten: u64,
}

#[derive(Debug, Default)]
struct Conversation {
    /// In the order in which they were seen.
    forms: Vec<Ends>,
    ended: usize,
}

impl Translations {
    /// Takes in a segment; only the answer to a SYN tells both numbers.
    pub fn note(&mut self, segment: &Segment<'_>) {
        if segment.flags.syn() && segment.flags.ack() {
            let client = Endpoint { address: segment.destination, port: segment.destination_port };
            let server = Endpoint { address: segment.source, port: segment.source_port };
            self.add([segment.acknowledgment.wrapping_sub(1), segment.sequence], [client, server]);
        }
    }

    /// The other form of a flow's conversation: of its last form the first, of the others the last.
    pub fn other(&self, record: &FlowRecord) -> Option<Ends> {
        let forms = &self.conversations.get(&record.sequences?)?.forms;
        let (own, first, last) = ([record.client, record.server], *forms.first()?, *forms.last()?);
        let other = if own == last { first } else { last };
        (other != own && forms.contains(&own)).then_some(other)
    }

    /// A flow has ended.
    pub fn end(&mut self, record: &FlowRecord) {
        let Some(sequences) = record.sequences else { return };
        let Some(conversation) = self.conversations.get_mut(&sequences) else { return };
        conversation.ended += 1;
        if conversation.ended >= conversation.forms.len() {
            self.conversations.remove(&sequences);
        }
    }

    fn add(&mut self, sequences: Sequences, ends: Ends) {
        if let Some(known) = self.conversations.get_mut(&sequences) {
            if known.forms.len() < MAX_FORMS && !known.forms.contains(&ends) {
                known.forms.push(ends);
            }
            return;
        }
        self.make_room();
        self.order.push_back(sequences);
        self.conversations.insert(sequences, Conversation { forms: vec![ends], ended: 0 });
    }

    fn make_room(&mut self) {
        while self.order.len() >= MAX_CONVERSATIONS {
            let oldest = self.order.pop_front().and_then(|oldest| self.conversations.remove(&oldest));
            self.forgotten += u64::from(oldest.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::facts::FactTable;
    use engine::flow::FlowState;
    use engine::packet::Address;

    fn end(last: u8, port: u16) -> Endpoint {
        Endpoint { address: Address::V4([10, 0, 0, last]), port }
    }

    fn record(sequences: Option<Sequences>, [client, server]: Ends) -> FlowRecord {
        FlowRecord {
            client,
            server,
            first_ns: 0,
            last_ns: 0,
            packets: [0; 2],
            bytes: [0; 2],
            state: FlowState::Open,
            midstream: false,
            direction_guessed: false,
            sequences,
            gaps: 0,
            facts: FactTable::default().silent(),
        }
    }

    const SAME: Option<Sequences> = Some([1, 2]);

    #[test]
    fn a_service_and_what_is_behind_it_are_each_others_other_form() {
        let (service, behind) = ([end(1, 4000), end(9, 443)], [end(1, 4000), end(2, 6443)]);
        let mut translations = Translations::default();
        translations.add([1, 2], service);
        assert_eq!(translations.other(&record(SAME, service)), None);
        translations.add([1, 2], behind);
        translations.add([1, 2], service);
        assert_eq!(translations.other(&record(SAME, service)), Some(behind));
        assert_eq!(translations.other(&record(SAME, behind)), Some(service));
    }

    #[test]
    fn of_three_forms_the_first_and_the_last_are_told() {
        let forms = [[end(1, 4), end(9, 443)], [end(1, 4), end(2, 6443)], [end(7, 99), end(2, 6443)]];
        let mut translations = Translations::default();
        for form in forms {
            translations.add([1, 2], form);
        }
        let others = forms.map(|form| translations.other(&record(SAME, form)));
        assert_eq!(others, [Some(forms[2]), Some(forms[2]), Some(forms[0])]);
    }

    #[test]
    fn other_numbers_are_another_conversation() {
        let mut translations = Translations::default();
        translations.add([1, 2], [end(1, 4), end(9, 443)]);
        translations.add([1, 3], [end(1, 5), end(2, 6443)]);
        assert_eq!(translations.other(&record(SAME, [end(1, 4), end(9, 443)])), None);
        assert_eq!(translations.other(&record(None, [end(1, 4), end(9, 443)])), None);
        assert_eq!(translations.other(&record(SAME, [end(5, 5), end(5, 5)])), None);
    }

    #[test]
    fn both_forms_are_remembered_until_both_have_ended() {
        let (service, behind) = ([end(1, 4000), end(9, 443)], [end(1, 4000), end(2, 6443)]);
        let mut translations = Translations::default();
        translations.add([1, 2], service);
        translations.add([1, 2], behind);
        translations.end(&record(SAME, service));
        assert_eq!(translations.other(&record(SAME, behind)), Some(service));
        translations.end(&record(SAME, behind));
        assert!(translations.conversations.is_empty());
    }

    #[test]
    fn the_oldest_make_room() {
        let mut translations = Translations::default();
        for number in 0..=MAX_CONVERSATIONS as u32 {
            translations.add([number, 0], [end(1, 4000), end(9, 443)]);
        }
        assert_eq!((translations.conversations.len(), translations.forgotten), (MAX_CONVERSATIONS, 1));
    }
}
