//! Real handshakes opened by their key log, one for each kind of cipher: OpenSSL 3 at both ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test fails loudly.

use engine::side::Side;
use engine::tls::{Alert, ClientCertificate, Outcome, Secrets, TlsConversation, TlsFacts};
use proptest::prelude::*;

const KEYS: &str = include_str!("data/tls/key_log/keys.log");

macro_rules! transcript {
    ($name:literal) => {
        ($name, include_str!(concat!("data/tls/key_log/", $name, ".txt")))
    };
}

/// Both ends show a certificate; the client sends data.
const MODERN: [(&str, &str); 5] = [
    transcript!("tls13_aes128_gcm"),
    transcript!("tls13_aes256_gcm_sha384"),
    transcript!("tls13_chacha20"),
    transcript!("tls13_aes128_ccm"),
    transcript!("tls13_aes128_ccm8"),
];

/// The client leaves with `close_notify` and without data.
const LEGACY: [(&str, &str); 10] = [
    transcript!("tls12_aes128_gcm"),
    transcript!("tls12_aes256_gcm_sha384"),
    transcript!("tls12_chacha20"),
    transcript!("tls12_aes128_ccm"),
    transcript!("tls12_aes256_ccm8"),
    transcript!("tls12_aes128_cbc_sha256_encrypt_then_mac"),
    transcript!("tls12_aes256_cbc_sha384_mac_then_encrypt"),
    transcript!("tls12_aes128_cbc_sha_mac_then_encrypt"),
    transcript!("tls11_aes256_cbc_sha"),
    transcript!("tls10_aes128_cbc_sha"),
];

const OTHERS: [(&str, &str); 4] = [
    transcript!("tls13_hello_retry"),
    transcript!("tls13_early_data"),
    transcript!("tls13_server_wants_certificate"),
    transcript!("tls13_server_rejects_certificate"),
];

fn other(name: &str) -> &'static str {
    OTHERS.iter().find(|(known, _)| *known == name).expect("a known transcript").1
}

/// The transcript, its pushes cut at every `piece` bytes.
fn run(transcript: &str, mut conversation: TlsConversation, piece: usize) -> TlsFacts {
    for line in transcript.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let side = if words[0] == "client" { Side::Client } else { Side::Server };
        match words[1] {
            "push" => bytes(words[2]).chunks(piece).for_each(|bytes| conversation.push(side, bytes)),
            "close" => conversation.close(side),
            step => panic!("unknown step {step}"),
        }
    }
    conversation.into_facts()
}

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn secrets(keep: impl Fn(&str) -> bool) -> Secrets {
    let secrets = Secrets::default();
    KEYS.lines().filter(|line| keep(line)).for_each(|line| {
        secrets.add(line.as_bytes());
    });
    secrets
}

fn decrypted(transcript: &str) -> TlsFacts {
    run(transcript, TlsConversation::with_secrets(secrets(|_| true)), usize::MAX)
}

fn by_lengths(transcript: &str) -> TlsFacts {
    run(transcript, TlsConversation::new(), usize::MAX)
}

fn read_alert(side: Side, level: u8, description: u8) -> Alert {
    Alert { side, level: Some(level), description: Some(description), encrypted: true }
}

#[test]
fn every_cipher_of_tls13_shows_both_certificates_and_the_protocol() {
    for (name, transcript) in MODERN {
        let facts = decrypted(transcript);
        assert!(facts.decrypted && !facts.key_misfit, "{name}");
        assert_eq!((facts.server_chain.len(), facts.client_chain.len()), (1, 1), "{name}");
        assert_eq!((facts.outcome, facts.established), (Outcome::CarriedOn, Some(true)), "{name}");
        assert_eq!((facts.next_protocol.as_deref(), facts.next_protocol_inferred), (Some("h2"), false), "{name}");
        assert_eq!((facts.client_certificate, facts.certificate_requested), (ClientCertificate::Sent, Some(true)));
        assert_eq!(facts.certificate_length, by_lengths(transcript).certificate_length, "{name}");
    }
}

#[test]
fn every_cipher_of_tls12_and_older_shows_the_encrypted_alerts() {
    for (name, transcript) in LEGACY {
        let facts = decrypted(transcript);
        assert!(facts.decrypted && !facts.key_misfit, "{name}");
        assert_eq!(facts.alerts.first(), Some(&read_alert(Side::Client, 1, 0)), "{name}");
        assert_eq!((facts.outcome, facts.established), (Outcome::FinishedNoData, Some(true)), "{name}");
        assert_eq!(by_lengths(transcript).alerts[0].description, None, "{name}");
    }
}

#[test]
fn facts_that_lengths_tell_are_the_same_with_keys() {
    for (name, transcript) in MODERN.into_iter().chain(LEGACY).chain([OTHERS[0], OTHERS[1]]) {
        let (with, without) = (decrypted(transcript), by_lengths(transcript));
        assert_eq!((with.outcome, with.established), (without.outcome, without.established), "{name}");
        assert_eq!((with.client_certificate, with.resumed), (without.client_certificate, without.resumed), "{name}");
        assert_eq!((with.server_flight, with.cipher), (without.server_flight, without.cipher), "{name}");
    }
}

#[test]
fn the_reason_of_a_servers_refusal_can_be_read() {
    for (name, description, client_certificate) in [
        ("tls13_server_wants_certificate", 116, ClientCertificate::None),
        ("tls13_server_rejects_certificate", 48, ClientCertificate::Sent),
    ] {
        let facts = decrypted(other(name));
        assert_eq!((facts.outcome, facts.client_certificate), (Outcome::ServerRefused, client_certificate), "{name}");
        assert_eq!(facts.alerts, vec![read_alert(Side::Server, 2, description)], "{name}");
    }
}

#[test]
fn keys_follow_the_hello_after_a_retry() {
    let facts = decrypted(other("tls13_hello_retry"));
    assert!(facts.hello_retry && facts.decrypted && !facts.key_misfit);
    assert_eq!((facts.server_chain.len(), facts.certificate_requested), (1, Some(false)));
}

#[test]
fn early_data_is_passed_over_and_a_resumed_session_has_no_certificate() {
    let facts = decrypted(other("tls13_early_data"));
    assert!(facts.early_data_offered && facts.decrypted && !facts.key_misfit);
    assert_eq!((facts.outcome, facts.resumed), (Outcome::CarriedOn, Some(true)));
    assert_eq!((facts.server_chain.len(), facts.client_certificate), (0, ClientCertificate::Unknown));
}

#[test]
fn a_key_that_does_not_fit_leaves_what_the_lengths_tell() {
    for (name, transcript) in MODERN.into_iter().chain(LEGACY).chain(OTHERS) {
        let wrong = Secrets::default();
        for line in KEYS.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            wrong.add(format!("{} {} {}", words[0], words[1], "5a".repeat(words[2].len() / 2)).as_bytes());
        }
        let mut facts = run(transcript, TlsConversation::with_secrets(wrong), usize::MAX);
        assert!(facts.key_misfit || name == "tls13_early_data", "{name}");
        facts.key_misfit = false;
        assert_eq!(facts, by_lengths(transcript), "{name}");
    }
}

#[test]
fn the_servers_secrets_alone_show_the_servers_side() {
    let server = || secrets(|line| line.starts_with("SERVER_"));
    for (name, transcript) in MODERN {
        let facts = run(transcript, TlsConversation::with_secrets(server()), usize::MAX);
        assert_eq!((facts.server_chain.len(), facts.client_chain.len()), (1, 0), "{name}");
        assert_eq!((facts.outcome, facts.client_certificate), (Outcome::CarriedOn, ClientCertificate::Sent), "{name}");
        assert!(!facts.key_misfit, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pieces_do_not_change_what_is_opened(number in 0..MODERN.len() + LEGACY.len(), piece in 1usize..900) {
        let (_, transcript) = MODERN.into_iter().chain(LEGACY).nth(number).unwrap();
        let pieces = run(transcript, TlsConversation::with_secrets(secrets(|_| true)), piece);
        prop_assert_eq!(pieces, decrypted(transcript));
    }
}
