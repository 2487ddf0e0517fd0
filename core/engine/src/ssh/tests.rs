use super::*;
use proptest::prelude::*;

const MODERN: [&str; 8] = [
    "sntrup761x25519-sha512@openssh.com,curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519,rsa-sha2-512",
    "chacha20-poly1305@openssh.com,aes128-ctr",
    "aes128-ctr,chacha20-poly1305@openssh.com",
    "umac-64-etm@openssh.com,hmac-sha2-256",
    "hmac-sha2-256",
    "none,zlib@openssh.com",
    "none",
];
const PLAIN: [&str; 8] = [
    "ext-info-s,kex-strict-s-v00@openssh.com,curve25519-sha256,ext-info-c",
    "rsa-sha2-512,ssh-ed25519",
    "aes128-ctr,chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "hmac-sha2-256",
    "hmac-sha2-256",
    "none",
    "none",
];

fn packet(message: u8, body: &[u8]) -> Vec<u8> {
    let padding = 4_u8;
    let length = (2 + body.len() + usize::from(padding)) as u32;
    [&length.to_be_bytes()[..], &[padding, message], body, &[0; 4]].concat()
}

fn kexinit(lists: [&str; 8]) -> Vec<u8> {
    let mut body = vec![7; 16];
    for list in lists.into_iter().chain(["", ""]) {
        body.extend((list.len() as u32).to_be_bytes());
        body.extend(list.as_bytes());
    }
    body.extend([0; 5]);
    packet(20, &body)
}

fn direction(banner: &str, lists: [&str; 8]) -> Vec<u8> {
    [banner.as_bytes(), &kexinit(lists), &packet(30, &[9; 40]), &packet(21, &[]), &[0xee; 50]].concat()
}

fn whole() -> (Vec<u8>, Vec<u8>) {
    (direction("SSH-2.0-Go\r\n", MODERN), direction("Welcome!\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", PLAIN))
}

fn facts_of(client: &[u8], server: &[u8]) -> SshFacts {
    let mut conversation = SshConversation::new();
    conversation.push(Side::Server, server);
    conversation.push(Side::Client, client);
    conversation.into_facts()
}

#[test]
fn a_whole_negotiation_names_the_clients_first_common_algorithms() {
    let (client, server) = whole();
    let facts = facts_of(&client, &server);
    assert_eq!(facts.client_version.as_deref(), Some("SSH-2.0-Go"));
    assert_eq!(facts.server_version.as_deref(), Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
    assert_eq!(facts.key_exchange.as_deref(), Some("curve25519-sha256"));
    assert_eq!(facts.host_key.as_deref(), Some("ssh-ed25519"));
    assert_eq!(facts.cipher.as_deref(), Some("chacha20-poly1305@openssh.com"));
    assert_eq!(facts.mac.as_deref(), Some(IMPLICIT_MAC));
    assert_eq!(facts.server_cipher.as_deref(), Some("aes128-ctr"));
    assert_eq!(facts.server_mac.as_deref(), Some("hmac-sha2-256"));
    assert_eq!(facts.negotiation, Negotiation::Agreed);
    assert!(facts.encrypted);
}

#[test]
fn lists_without_a_common_name_fail_and_settle() {
    let mut old = PLAIN;
    old[0] = "diffie-hellman-group14-sha1,ext-info-c";
    let mut conversation = SshConversation::new();
    conversation.push(Side::Client, &direction("SSH-2.0-a\r\n", MODERN));
    conversation.push(Side::Server, &direction("SSH-2.0-b\n", old));
    assert!(conversation.settled());
    let facts = conversation.into_facts();
    assert_eq!((facts.negotiation, facts.key_exchange, facts.encrypted), (Negotiation::Failed, None, false));
    assert_eq!(facts.host_key.as_deref(), Some("ssh-ed25519"));
}

#[test]
fn a_kexinit_cut_by_the_snap_length_leaves_the_framing_whole() {
    let (client, server) = whole();
    let mut conversation = SshConversation::new();
    conversation.push(Side::Server, &server);
    conversation.push(Side::Client, &client[..80]);
    conversation.skip(Side::Client, 100);
    conversation.push(Side::Client, &client[180..]);
    let facts = conversation.into_facts();
    assert_eq!((facts.negotiation, facts.encrypted), (Negotiation::Incomplete, true));
}

#[test]
fn version_1_and_endless_lines_are_given_up() {
    let mut conversation = SshConversation::new();
    conversation.push(Side::Client, b"SSH-1.5-old\n");
    conversation.push(Side::Server, &b"no ssh here\n".repeat(2000));
    assert!(conversation.settled());
    assert_eq!(conversation.facts().client_version.as_deref(), Some("SSH-1.5-old"));
}

#[test]
fn a_version_line_is_recognised_from_either_end() {
    assert_eq!(recognises(b"SSH-2.0-x"), Recognition::Yes(Speaker::Either));
    assert_eq!(recognises(b"SSH"), Recognition::NeedMore);
    assert_eq!(recognises(b""), Recognition::NeedMore);
    assert_eq!(recognises(b"SSH-x"), Recognition::No);
    assert_eq!(recognises(b"GET /"), Recognition::No);
}

proptest! {
    #[test]
    fn segmentation_does_not_change_the_facts(cuts in prop::collection::vec(1_usize..200, 1..60)) {
        let (client, server) = whole();
        let mut conversation = SshConversation::new();
        let mut rest = [client.as_slice(), server.as_slice()];
        for (turn, cut) in cuts.iter().chain([&usize::MAX, &usize::MAX]).enumerate() {
            let (side, index) = if turn % 2 == 0 { (Side::Client, 0) } else { (Side::Server, 1) };
            let (head, tail) = rest[index].split_at((*cut).min(rest[index].len()));
            conversation.push(side, head);
            rest[index] = tail;
        }
        conversation.push(Side::Client, rest[0]);
        conversation.push(Side::Server, rest[1]);
        prop_assert_eq!(conversation.into_facts(), facts_of(&client, &server));
    }

    #[test]
    fn odd_bytes_never_panic_and_settled_means_settled(
        steps in prop::collection::vec((any::<bool>(), 0_u8..8, prop::collection::vec(any::<u8>(), 0..80)), 0..30),
        from in 0_usize..300,
    ) {
        let (client, server) = whole();
        let mut conversation = SshConversation::new();
        conversation.push(Side::Client, &client[..from.min(client.len())]);
        conversation.push(Side::Server, &server[..from.min(server.len())]);
        for (is_client, action, bytes) in steps {
            let side = if is_client { Side::Client } else { Side::Server };
            let before = conversation.settled().then(|| conversation.facts());
            match action {
                0 => conversation.skip(side, bytes.len() as u32),
                1 => conversation.close(side),
                _ => conversation.push(side, &bytes),
            }
            prop_assert!(before.is_none_or(|facts| facts == conversation.facts()));
        }
    }
}
