//! RFC 8448 3, "Simple 1-RTT Handshake": traffic secrets, the keys from them, and records that they open.

use super::aead::Aead;
use super::derive::{Hash, expand_label};
use super::{Decryption, Direction};
use crate::side::Side;
use crate::tls::record::{Header, Record};
use crate::tls::secrets::{Secrets, Session};

const RANDOM: &str = "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7";
const CLIENT_HANDSHAKE: &str = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
const SERVER_HANDSHAKE: &str = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38";
const CLIENT_TRAFFIC: &str = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
const SERVER_TRAFFIC: &str = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
const CLIENT_FINISHED: &str = "1703030035\
    75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1caeacab6867d726c40546";
const CLIENT_DATA: &str = "1703030043\
    a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a\
    6292a2977014bd1e3deae63aeebb21694915e4";
const CLIENT_ALERT: &str = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
const SUITE: u16 = 0x1301;

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn session(lines: &[(&str, &str)]) -> Session {
    let secrets = Secrets::default();
    for (label, secret) in lines {
        assert_eq!(secrets.add(format!("{label} {RANDOM} {secret}").as_bytes()), 1);
    }
    secrets.session(&bytes(RANDOM).try_into().unwrap()).unwrap()
}

fn client(session: &Session, early: bool) -> Direction {
    match Decryption::modern(SUITE, session, early) {
        Some(Decryption::Modern { client, .. }) => client,
        _ => panic!("a suite of TLS 1.3"),
    }
}

/// Kind and content of a record on the wire.
fn open(direction: &mut Direction, wire: &str) -> Option<(u8, Vec<u8>)> {
    let wire = bytes(wire);
    let header = Header::parse(wire[..5].try_into().unwrap()).unwrap();
    let inner = direction.open(Record { header, body: Some(&wire[5..]) })?;
    Some((inner.kind, inner.content))
}

#[test]
fn traffic_secrets_give_the_keys_of_rfc_8448() {
    let known = [
        (CLIENT_HANDSHAKE, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"),
        (SERVER_HANDSHAKE, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"),
        (CLIENT_TRAFFIC, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"),
        (SERVER_TRAFFIC, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"),
    ];
    for (secret, key, iv) in known {
        let session = session(&[("CLIENT_TRAFFIC_SECRET_0", secret)]);
        let (mut got_key, mut got_iv) = ([0; 16], [0; 12]);
        let secret = session.client_traffic.unwrap();
        expand_label(&secret, Hash::Sha256, "key", &mut got_key).unwrap();
        expand_label(&secret, Hash::Sha256, "iv", &mut got_iv).unwrap();
        assert_eq!((&got_key[..], &got_iv[..]), (&bytes(key)[..], &bytes(iv)[..]));
        assert!(expand_label(&secret, Hash::Sha384, "key", &mut got_key).is_none());
    }
}

#[test]
fn the_clients_finished_data_and_alert_open_in_their_order() {
    let session =
        session(&[("CLIENT_HANDSHAKE_TRAFFIC_SECRET", CLIENT_HANDSHAKE), ("CLIENT_TRAFFIC_SECRET_0", CLIENT_TRAFFIC)]);
    let mut client = client(&session, false);
    let (kind, finished) = open(&mut client, CLIENT_FINISHED).unwrap();
    assert_eq!((kind, finished.len(), &finished[..4]), (22, 36, &[20, 0, 0, 32][..]));
    client.finish();
    assert_eq!(open(&mut client, CLIENT_DATA), Some((23, (0..50).collect())));
    assert_eq!(open(&mut client, CLIENT_ALERT), Some((21, vec![1, 0])));
    assert!(!client.misfits());
}

#[test]
fn a_finished_that_was_missed_is_seen_by_what_follows() {
    let session = session(&[("CLIENT_TRAFFIC_SECRET_0", CLIENT_TRAFFIC)]);
    let mut client = client(&session, false);
    assert_eq!(open(&mut client, CLIENT_FINISHED), None);
    assert_eq!(open(&mut client, CLIENT_DATA).unwrap().0, 23);
    assert!(!client.misfits() && !client.is_whole());
}

#[test]
fn records_before_the_handshake_are_passed_over_only_where_there_may_be_early_data() {
    let session = session(&[("CLIENT_HANDSHAKE_TRAFFIC_SECRET", CLIENT_HANDSHAKE)]);
    for (early, misfits) in [(true, false), (false, true)] {
        let mut client = client(&session, early);
        assert_eq!(open(&mut client, CLIENT_DATA), None);
        assert_eq!((open(&mut client, CLIENT_FINISHED).is_some(), client.misfits()), (early, misfits));
    }
}

#[test]
fn one_sides_secret_opens_that_side_alone() {
    let session = session(&[("SERVER_HANDSHAKE_TRAFFIC_SECRET", SERVER_HANDSHAKE)]);
    let decryption = Decryption::modern(SUITE, &session, false).unwrap();
    assert!(decryption.wants(Side::Server) && !decryption.wants(Side::Client));
}

#[test]
fn keys_are_never_shown() {
    let session = session(&[("CLIENT_TRAFFIC_SECRET_0", CLIENT_TRAFFIC)]);
    let decryption = Decryption::modern(SUITE, &session, false);
    assert_eq!(format!("{decryption:?}"), "Some(Decryption(..))");
}

#[test]
fn a_changed_byte_opens_nothing() {
    for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::Aes128Ccm8, Aead::Aes256Ccm, Aead::ChaCha20Poly1305] {
        assert_eq!(aead.open(&vec![1; aead.key_length()], [2; 12], b"around", &[3; 40]), None);
        assert_eq!(aead.open(&[1], [2; 12], b"around", &[3; 40]), None);
    }
}
