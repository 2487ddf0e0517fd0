//! Real TLS conversations as transcripts: what is known of each, whole, in pieces, cut short and with losses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test fails loudly.

use engine::side::Side;
use engine::tls::{Alert, ClientCertificate, Outcome, TlsConversation, TlsFacts, Version};
use proptest::prelude::*;

/// One step of a transcript.
#[derive(Debug, Clone)]
enum Step {
    Push(Side, Vec<u8>),
    Skip(Side, u32),
    Close(Side),
}

/// Every transcript in `tests/data/tls`, named after what it shows.
const TRANSCRIPTS: [(&str, &str); 17] = [
    ("midstream", include_str!("data/tls/midstream.txt")),
    ("plaintext_answer", include_str!("data/tls/plaintext_answer.txt")),
    ("server_only", include_str!("data/tls/server_only.txt")),
    ("tls11_cbc", include_str!("data/tls/tls11_cbc.txt")),
    ("tls12_client_certificate", include_str!("data/tls/tls12_client_certificate.txt")),
    ("tls12_client_refuses", include_str!("data/tls/tls12_client_refuses.txt")),
    ("tls12_finished_without_data", include_str!("data/tls/tls12_finished_without_data.txt")),
    ("tls12_server_refuses", include_str!("data/tls/tls12_server_refuses.txt")),
    ("tls13_client_certificate_http2", include_str!("data/tls/tls13_client_certificate_http2.txt")),
    ("tls13_go_client_refuses", include_str!("data/tls/tls13_go_client_refuses.txt")),
    ("tls13_hello_retry", include_str!("data/tls/tls13_hello_retry.txt")),
    ("tls13_hybrid_group_carried_on", include_str!("data/tls/tls13_hybrid_group_carried_on.txt")),
    ("tls13_openssl_client_refuses_in_clear", include_str!("data/tls/tls13_openssl_client_refuses_in_clear.txt")),
    ("tls13_resumption", include_str!("data/tls/tls13_resumption.txt")),
    ("tls13_server_misses_client_certificate", include_str!("data/tls/tls13_server_misses_client_certificate.txt")),
    ("tls13_server_rejects_client_certificate", include_str!("data/tls/tls13_server_rejects_client_certificate.txt")),
    ("tls13_wrong_name_finished_without_data", include_str!("data/tls/tls13_wrong_name_finished_without_data.txt")),
];

fn transcript(name: &str) -> Vec<Step> {
    let (_, text) = TRANSCRIPTS.iter().find(|(known, _)| *known == name).expect("a known transcript");
    text.lines().map(step).collect()
}

fn step(line: &str) -> Step {
    let mut words = line.split(' ');
    let side = if words.next() == Some("client") { Side::Client } else { Side::Server };
    match words.next() {
        Some("push") => Step::Push(side, hexadecimal(words.next().unwrap_or_default())),
        Some("close") => Step::Close(side),
        other => panic!("unknown step {other:?}"),
    }
}

fn hexadecimal(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn apply(conversation: &mut TlsConversation, step: &Step) {
    match step {
        Step::Push(side, bytes) => conversation.push(*side, bytes),
        Step::Skip(side, missing) => conversation.skip(*side, *missing),
        Step::Close(side) => conversation.close(*side),
    }
}

fn run(steps: &[Step]) -> TlsFacts {
    let mut conversation = TlsConversation::new();
    for step in steps {
        apply(&mut conversation, step);
    }
    let facts = conversation.facts();
    assert_eq!(facts, conversation.into_facts());
    facts
}

fn facts(name: &str) -> TlsFacts {
    run(&transcript(name))
}

fn encrypted_alert(side: Side) -> Alert {
    Alert { side, level: None, description: None, encrypted: true }
}

fn clear_alert(side: Side, description: u8) -> Alert {
    Alert { side, level: Some(2), description: Some(description), encrypted: false }
}

#[test]
fn a_kubelet_with_a_certificate_carries_on_in_tls13() {
    let facts = facts("tls13_client_certificate_http2");
    assert_eq!((facts.outcome, facts.established, facts.resumed), (Outcome::CarriedOn, Some(true), Some(false)));
    assert_eq!((facts.version, facts.cipher, facts.group), (Some(Version::TLS13), Some(0x1301), Some(29)));
    assert_eq!((facts.client_certificate, facts.certificate_requested), (ClientCertificate::Sent, Some(true)));
    assert_eq!((facts.next_protocol.as_deref(), facts.next_protocol_inferred), (Some("h2"), true));
    assert_eq!((facts.certificate_length, &facts.server_flight[..]), (Some(947), &[32, 122, 964, 281, 53][..]));
    assert!(!facts.psk_modes_offered && !facts.early_data_offered && facts.server_name.is_none());
}

#[test]
fn a_go_client_refuses_by_one_short_record() {
    let facts = facts("tls13_go_client_refuses");
    assert_eq!((facts.outcome, facts.established), (Outcome::ClientRefused, Some(false)));
    assert_eq!(facts.alerts, vec![encrypted_alert(Side::Client)]);
    assert_eq!(facts.client_certificate, ClientCertificate::Unknown);
}

#[test]
fn an_openssl_client_refuses_in_clear_even_in_tls13() {
    let facts = facts("tls13_openssl_client_refuses_in_clear");
    assert_eq!((facts.outcome, facts.version), (Outcome::ClientRefused, Some(Version::TLS13)));
    assert_eq!(facts.alerts, vec![clear_alert(Side::Client, 45)]);
}

#[test]
fn curl_with_the_wrong_name_finishes_and_leaves_without_data() {
    let facts = facts("tls13_wrong_name_finished_without_data");
    assert_eq!((facts.outcome, facts.established), (Outcome::FinishedNoData, Some(true)));
    assert_eq!((facts.client_certificate, facts.certificate_requested), (ClientCertificate::None, Some(true)));
}

#[test]
fn a_hybrid_group_changes_nothing_else() {
    let facts = facts("tls13_hybrid_group_carried_on");
    assert_eq!((facts.outcome, facts.group), (Outcome::CarriedOn, Some(0x11ec)));
    assert_eq!(facts.client_certificate, ClientCertificate::Sent);
}

#[test]
fn a_resumed_session_shows_no_certificate_and_does_not_tell_the_clients() {
    let facts = facts("tls13_resumption");
    assert_eq!((facts.outcome, facts.resumed), (Outcome::CarriedOn, Some(true)));
    assert_eq!((facts.client_certificate, facts.certificate_requested), (ClientCertificate::Unknown, None));
    assert_eq!((facts.certificate_length, facts.psk_modes_offered), (None, true));
}

#[test]
fn a_retry_is_noted_and_the_last_hello_counts() {
    let facts = facts("tls13_hello_retry");
    assert_eq!((facts.outcome, facts.hello_retry, facts.group), (Outcome::CarriedOn, true, Some(25)));
    assert_eq!(facts.client_certificate, ClientCertificate::None);
}

#[test]
fn a_server_that_misses_a_certificate_refuses_after_the_clients_finished() {
    let facts = facts("tls13_server_misses_client_certificate");
    assert_eq!((facts.outcome, facts.established), (Outcome::ServerRefused, Some(false)));
    assert_eq!(facts.alerts, vec![encrypted_alert(Side::Server)]);
    assert_eq!(facts.client_certificate, ClientCertificate::None);
}

#[test]
fn a_server_that_rejects_a_certificate_refuses_even_after_data() {
    let facts = facts("tls13_server_rejects_client_certificate");
    assert_eq!((facts.outcome, facts.client_certificate), (Outcome::ServerRefused, ClientCertificate::Sent));
}

#[test]
fn tls12_shows_both_chains_and_the_protocol() {
    let facts = facts("tls12_client_certificate");
    assert_eq!((facts.outcome, facts.version.and_then(Version::name)), (Outcome::CarriedOn, Some("1.2")));
    let lengths = |chain: &[Box<[u8]>]| chain.iter().map(|der| der.len()).collect::<Vec<_>>();
    assert_eq!((lengths(&facts.server_chain), lengths(&facts.client_chain)), (vec![863], vec![824]));
    assert_eq!((facts.next_protocol.as_deref(), facts.next_protocol_inferred), (Some("h2"), false));
    assert_eq!((facts.group, facts.client_certificate), (Some(29), ClientCertificate::Sent));
}

#[test]
fn tls12_refusals_are_clear_on_either_side() {
    let (client, server) = (facts("tls12_client_refuses"), facts("tls12_server_refuses"));
    assert_eq!((client.outcome, client.alerts), (Outcome::ClientRefused, vec![clear_alert(Side::Client, 42)]));
    assert_eq!((server.outcome, server.alerts), (Outcome::ServerRefused, vec![clear_alert(Side::Server, 42)]));
    assert_eq!(server.client_certificate, ClientCertificate::None);
}

#[test]
fn tls12_finished_without_data_is_not_carried_on() {
    assert_eq!(facts("tls12_finished_without_data").outcome, Outcome::FinishedNoData);
}

#[test]
fn tls11_is_read_like_tls12() {
    let facts = facts("tls11_cbc");
    assert_eq!((facts.outcome, facts.version), (Outcome::CarriedOn, Some(Version(0x0302))));
    assert_eq!((facts.resumed, facts.server_chain.len()), (Some(false), 1));
}

#[test]
fn an_http_answer_to_a_hello_is_plaintext() {
    let facts = facts("plaintext_answer");
    assert_eq!((facts.outcome, facts.version, facts.established), (Outcome::PlaintextAnswer, None, Some(false)));
}

#[test]
fn data_both_ways_without_a_handshake_is_midstream_and_established() {
    let facts = facts("midstream");
    assert_eq!((facts.outcome, facts.established), (Outcome::Midstream, Some(true)));
}

#[test]
fn a_server_heard_alone_tells_its_half() {
    let facts = facts("server_only");
    assert_eq!((facts.outcome, facts.established, facts.ja3), (Outcome::Midstream, None, None));
    assert_eq!((facts.version, facts.cipher), (Some(Version::TLS13), Some(0x1301)));
}

#[test]
fn a_hello_without_an_answer_is_just_that() {
    let steps = &transcript("tls13_go_client_refuses")[..1];
    let facts = run(steps);
    assert_eq!((facts.outcome, facts.established), (Outcome::NoServerHello, Some(false)));
    assert_eq!(facts.ja3.as_deref().map(str::len), Some(32));
}

#[test]
fn a_client_that_closes_on_the_servers_flight_refuses_and_a_server_that_does_says_nothing() {
    let hellos = &transcript("tls13_go_client_refuses")[..2];
    let ended_by = |side| run(&[hellos, &[Step::Close(side)]].concat()).outcome;
    assert_eq!((ended_by(Side::Client), ended_by(Side::Server)), (Outcome::ClientRefused, Outcome::Incomplete));
}

#[test]
fn a_client_heard_alone_proves_nothing() {
    let client: Vec<Step> = transcript("tls13_client_certificate_http2")
        .into_iter()
        .filter(|step| matches!(step, Step::Push(Side::Client, _) | Step::Close(Side::Client)))
        .collect();
    let facts = run(&client);
    assert_eq!((facts.outcome, facts.established), (Outcome::Incomplete, None));
}

/// Whether a conversation that looks like `now` can turn out to be `whole`.
fn may_become(now: Outcome, whole: Outcome) -> bool {
    match now {
        Outcome::NoServerHello | Outcome::Incomplete | Outcome::Midstream => true,
        Outcome::CarriedOn => matches!(whole, Outcome::CarriedOn | Outcome::ServerRefused),
        _ => now == whole,
    }
}

#[test]
fn no_prefix_claims_what_the_whole_denies() {
    for (name, _) in TRANSCRIPTS {
        let whole = facts(name).outcome;
        let mut conversation = TlsConversation::new();
        for step in transcript(name) {
            if let Step::Push(side, bytes) = &step {
                for byte in bytes {
                    conversation.push(*side, &[*byte]);
                    let now = conversation.facts().outcome;
                    assert!(may_become(now, whole), "{name}: {now:?} before {whole:?}");
                }
            } else {
                apply(&mut conversation, &step);
            }
        }
        assert_eq!(conversation.facts(), facts(name), "{name}: byte by byte");
    }
}

/// Splits each push at the given places (parts of 1000).
fn split(steps: &[Step], cuts: &[usize]) -> Vec<Step> {
    let mut pieces = Vec::new();
    for step in steps {
        let Step::Push(side, bytes) = step else {
            pieces.push(step.clone());
            continue;
        };
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut * bytes.len() / 1000).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        pieces.extend(places.windows(2).map(|pair| Step::Push(*side, bytes[pair[0]..pair[1]].to_vec())));
    }
    pieces
}

/// Takes `length` bytes at `start` (both in parts of 1000) out of the push number `index`, as the capture would lose them.
fn lose(steps: &[Step], index: usize, start: usize, length: usize) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let pushes: Vec<usize> = (0..steps.len()).filter(|i| matches!(steps[*i], Step::Push(..))).collect();
    let at = pushes[index % pushes.len()];
    let Step::Push(side, bytes) = steps[at].clone() else { return steps };
    let start = start * bytes.len() / 1000;
    let end = (start + length * bytes.len() / 1000 + 1).min(bytes.len());
    let missing = Step::Skip(side, (end - start) as u32);
    steps
        .splice(at..=at, [Step::Push(side, bytes[..start].to_vec()), missing, Step::Push(side, bytes[end..].to_vec())]);
    steps
}

/// Whether `now` says nothing that `whole` does not say too.
fn says_no_more(now: &TlsFacts, whole: &TlsFacts) -> bool {
    fn part<T: PartialEq>(now: Option<&T>, whole: Option<&T>) -> bool {
        now.is_none() || now == whole
    }
    let unsure = matches!(now.outcome, Outcome::Incomplete | Outcome::Midstream);
    let unheard = now.outcome == Outcome::CarriedOn && whole.outcome == Outcome::ServerRefused;
    (unsure || unheard || now.outcome == whole.outcome)
        && part(now.version.as_ref(), whole.version.as_ref())
        && part(now.cipher.as_ref(), whole.cipher.as_ref())
        && part(now.resumed.as_ref(), whole.resumed.as_ref())
        && part(now.ja3.as_ref(), whole.ja3.as_ref())
        && part(now.next_protocol.as_ref(), whole.next_protocol.as_ref())
        && part(now.certificate_requested.as_ref(), whole.certificate_requested.as_ref())
        && part(now.certificate_length.as_ref(), whole.certificate_length.as_ref())
        && part(now.established.as_ref(), whole.established.as_ref())
        && (now.server_chain.is_empty() || now.server_chain == whole.server_chain)
        && (now.client_chain.is_empty() || now.client_chain == whole.client_chain)
        && (now.client_certificate == ClientCertificate::Unknown || now.client_certificate == whole.client_certificate)
}

fn any_step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let record = (20u8..25, 0u8..5, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(kind, minor, body)| {
        let mut bytes = vec![kind, 3, minor, 0, body.len() as u8];
        bytes.extend(body);
        bytes
    });
    let bytes = prop_oneof![3 => record, 1 => prop::collection::vec(any::<u8>(), 0..40)];
    prop_oneof![
        6 => (side.clone(), bytes).prop_map(|(side, bytes)| Step::Push(side, bytes)),
        1 => (side.clone(), 0u32..100).prop_map(|(side, missing)| Step::Skip(side, missing)),
        1 => side.prop_map(Step::Close),
    ]
}

proptest! {
    #[test]
    fn segmentation_changes_nothing(which in 0..TRANSCRIPTS.len(), cuts in prop::collection::vec(0usize..1000, 0..6)) {
        let name = TRANSCRIPTS[which].0;
        prop_assert_eq!(run(&split(&transcript(name), &cuts)), facts(name), "{}", name);
    }

    #[test]
    fn a_loss_makes_unsure_and_never_wrong(which in 0..TRANSCRIPTS.len(), index in 0usize..40, start in 0usize..1000, length in 0usize..1000) {
        let name = TRANSCRIPTS[which].0;
        let (now, whole) = (run(&lose(&transcript(name), index, start, length)), facts(name));
        prop_assert!(says_no_more(&now, &whole), "{name}: {now:?}\nwhole: {whole:?}");
    }

    #[test]
    fn any_steps_are_survived_and_settled_facts_stay(steps in prop::collection::vec(any_step(), 0..40)) {
        let mut conversation = TlsConversation::new();
        let mut settled = None;
        for step in &steps {
            apply(&mut conversation, step);
            let facts = conversation.facts();
            if let Some(before) = &settled {
                prop_assert_eq!(before, &facts);
            }
            settled = conversation.settled().then_some(facts);
        }
    }

    #[test]
    fn any_steps_after_real_hellos_are_survived(which in 0..TRANSCRIPTS.len(), steps in prop::collection::vec(any_step(), 0..20)) {
        let opening = transcript(TRANSCRIPTS[which].0).into_iter().take(2);
        run(&opening.chain(steps).collect::<Vec<_>>());
    }
}
