//! Which segment each kind of frame holds, and why others hold none.

use proptest::prelude::*;

use super::testing::{ethernet, ipv4, ipv6, tcp};
use super::{Address, Decoded, Flags, Segment, Skipped, decode};
use crate::capture::LinkType;

const LINKS: [u16; 12] = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 105, 65535];
const NOTHING: [u8; 4] = [1, 1, 1, 1];
const STAMP: [u8; 12] = [1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4];

const V4: (Address, Address) = (Address::V4([10, 0, 0, 1]), Address::V4([10, 0, 0, 2]));
const V6: (Address, Address) = (
    Address::V6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    Address::V6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
);

fn segment((source, destination): (Address, Address), payload: &[u8]) -> Decoded<'_> {
    let ip_id = if matches!(source, Address::V4(_)) { 7 } else { 0 };
    Decoded::Tcp(Segment {
        source,
        destination,
        source_port: 40_000,
        destination_port: 6443,
        sequence: 1,
        acknowledgment: 2,
        flags: Flags(0x18),
        window: 0x2000,
        ip_id,
        timestamp: None,
        payload,
        payload_len: payload.len() as u32,
    })
}

/// The captured payload and its length on the wire.
fn payload(link: u16, frame: &[u8]) -> (Vec<u8>, u32) {
    match decode(LinkType(link), frame) {
        Decoded::Tcp(segment) => (segment.payload.to_vec(), segment.payload_len),
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    }
}

fn skipped(link: u16, frame: &[u8]) -> Skipped {
    match decode(LinkType(link), frame) {
        Decoded::Tcp(segment) => panic!("{segment:?}"),
        Decoded::Skipped(skipped) => skipped,
    }
}

fn timestamp(options: &[u8]) -> Option<u32> {
    match decode(LinkType(228), &ipv4(6, &[], &tcp(options, b""))) {
        Decoded::Tcp(segment) => segment.timestamp,
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    }
}

#[test]
fn every_link_type_leads_to_the_same_segment() {
    let (four, six) = (ipv4(6, &[], &tcp(&[], b"hello")), ipv6(6, &tcp(&[], b"hello")));
    let cooked = |kind: [u8; 2], body: &[u8]| [&[0; 14][..], &kind, body].concat();
    let cooked2 = |kind: [u8; 2], body: &[u8]| [&kind[..], &[0; 18], body].concat();
    let family = |bytes: [u8; 4], body: &[u8]| [&bytes[..], body].concat();
    for (link, frame) in [
        (1, ethernet(0x0800, &four)),
        (113, cooked([8, 0], &four)),
        (276, cooked2([8, 0], &four)),
        (101, four.clone()),
        (12, four.clone()),
        (14, four.clone()),
        (228, four.clone()),
        (0, family([2, 0, 0, 0], &four)),
        (0, family([0, 0, 0, 2], &four)),
        (108, family([0, 0, 0, 2], &four)),
    ] {
        assert_eq!(decode(LinkType(link), &frame), segment(V4, b"hello"), "link type {link}");
    }
    for (link, frame) in [
        (1, ethernet(0x86dd, &six)),
        (113, cooked([0x86, 0xdd], &six)),
        (276, cooked2([0x86, 0xdd], &six)),
        (101, six.clone()),
        (229, six.clone()),
        (0, family([30, 0, 0, 0], &six)),
        (108, family([0, 0, 0, 24], &six)),
    ] {
        assert_eq!(decode(LinkType(link), &frame), segment(V6, b"hello"), "link type {link}");
    }
}

#[test]
fn virtual_lans_may_be_stacked_up_to_a_bound() {
    let mut frame = ipv4(6, &[], &tcp(&[], b"hello"));
    let mut kind = 0x0800_u16;
    for tag in [0x8100, 0x88a8, 0x9100, 0x8100] {
        frame = [&[0, 42][..], &kind.to_be_bytes(), &frame].concat();
        kind = tag;
        assert_eq!(decode(LinkType(1), &ethernet(kind, &frame)), segment(V4, b"hello"));
    }
    let beyond = [&[0, 42][..], &kind.to_be_bytes(), &frame].concat();
    assert_eq!(skipped(1, &ethernet(0x8100, &beyond)), Skipped::NotIp);
}

#[test]
fn padding_behind_the_datagram_is_no_payload() {
    let padded = |datagram: Vec<u8>| [datagram, vec![0; 20]].concat();
    assert_eq!(payload(228, &padded(ipv4(6, &[], &tcp(&[], b"")))), (vec![], 0));
    assert_eq!(payload(228, &padded(ipv4(6, &[], &tcp(&[], b"hi")))), (b"hi".to_vec(), 2));
    assert_eq!(payload(229, &padded(ipv6(6, &tcp(&[], b"hi")))), (b"hi".to_vec(), 2));
}

#[test]
fn a_length_of_nought_is_an_offloaded_segment_as_long_as_the_frame() {
    let long = vec![9; 150_000];
    let mut four = ipv4(6, &[], &tcp(&[], &long));
    four[2..4].fill(0);
    assert_eq!(payload(228, &four), (long.clone(), 150_000));
    let mut six = ipv6(6, &tcp(&[], &long));
    six[4..6].fill(0);
    assert_eq!(payload(229, &six), (long, 150_000));
}

#[test]
fn a_snap_length_shortens_the_payload_but_not_its_length() {
    let frame = ethernet(0x0800, &ipv4(6, &[], &tcp(&STAMP, b"hello")));
    assert_eq!(payload(1, &frame[..frame.len() - 2]), (b"hel".to_vec(), 5));
    assert_eq!(payload(1, &frame[..frame.len() - 5]), (vec![], 5));
    // Within the options.
    assert_eq!(payload(1, &frame[..frame.len() - 15]), (vec![], 5));
    for length in 0..14 + 20 + 20 {
        assert_eq!(skipped(1, &frame[..length]), Skipped::Truncated, "{length} bytes");
    }
}

#[test]
fn internet_options_are_passed() {
    assert_eq!(decode(LinkType(228), &ipv4(6, &NOTHING, &tcp(&[], b"hello"))), segment(V4, b"hello"));
}

#[test]
fn extension_headers_are_passed_up_to_a_bound() {
    let hello = tcp(&[], b"hello");
    let hop_by_hop = [&[60, 0, 0, 0, 0, 0, 0, 0][..], &[43, 1], &[0; 14], &[51, 0], &[0; 6], &[6, 1], &[0; 10], &hello];
    assert_eq!(decode(LinkType(229), &ipv6(0, &hop_by_hop.concat())), segment(V6, b"hello"));
    let endless = [[60, 0, 0, 0, 0, 0, 0, 0]; 20].concat();
    assert_eq!(skipped(229, &ipv6(60, &endless)), Skipped::NotTcp);
    assert_eq!(skipped(229, &ipv6(60, &[6, 9, 0, 0, 0, 0, 0, 0])), Skipped::Malformed);
    assert_eq!(skipped(229, &ipv6(60, &[6, 0, 0, 0, 0, 0, 0, 0])[..44]), Skipped::Truncated);
}

#[test]
fn a_first_fragment_gives_its_segment_where_the_header_is_whole() {
    let mut first = ipv4(6, &[], &tcp(&[], b"hello"));
    first[6] = 0x20;
    assert_eq!(decode(LinkType(228), &first), segment(V4, b"hello"));
    let mut tiny = ipv4(6, &[], &tcp(&[], b"")[..16]);
    tiny[6] = 0x20;
    assert_eq!(skipped(228, &tiny), Skipped::Fragment);
    let fragment = |offset: u8, body: &[u8]| ipv6(44, &[&[6, 0, 0, offset, 0, 0, 0, 1][..], body].concat());
    assert_eq!(decode(LinkType(229), &fragment(1, &tcp(&[], b"hello"))), segment(V6, b"hello"));
    assert_eq!(skipped(229, &fragment(1, &[0; 8])), Skipped::Fragment);
}

#[test]
fn later_fragments_are_skipped() {
    let mut later = ipv4(6, &[], &tcp(&[], b"hello"));
    later[7] = 1;
    assert_eq!(skipped(228, &later), Skipped::Fragment);
    let later = [&[6, 0, 0, 8, 0, 0, 0, 1][..], &tcp(&[], b"hello")].concat();
    assert_eq!(skipped(229, &ipv6(44, &later)), Skipped::Fragment);
}

#[test]
fn other_protocols_are_told_apart() {
    assert_eq!(skipped(1, &ethernet(0x0806, &[0; 28])), Skipped::NotIp);
    assert_eq!(skipped(101, &[0x50; 40]), Skipped::NotIp);
    assert_eq!(skipped(0, &[7, 0, 0, 0, 0]), Skipped::NotIp);
    assert_eq!(skipped(228, &ipv4(17, &[], &[0; 8])), Skipped::NotTcp);
    assert_eq!(skipped(229, &ipv6(58, &[0; 8])), Skipped::NotTcp);
    assert_eq!(skipped(105, &[0; 64]), Skipped::UnknownLink);
    assert_eq!(skipped(101, &[]), Skipped::Truncated);
}

#[test]
fn headers_that_contradict_themselves_are_malformed() {
    let frame = ipv4(6, &[], &tcp(&[], b"hello"));
    // Version, header length, total length and TCP data offset, each with a value that cannot be.
    for (at, value) in [(0, 0x65), (0, 0x44), (3, 19), (3, 39), (32, 0x40), (32, 0xf0)] {
        let mut frame = frame.clone();
        frame[at] = value;
        assert_eq!(skipped(228, &frame), Skipped::Malformed, "byte {at} is {value:#x}");
    }
    assert_eq!(skipped(229, &frame.repeat(2)), Skipped::Malformed);
}

#[test]
fn the_sender_clock_is_found_in_any_layout() {
    assert_eq!(timestamp(&STAMP), Some(0x102));
    let syn = [&[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 2, 0, 0, 0, 0, 1, 3, 3, 7][..]].concat();
    assert_eq!(timestamp(&syn), Some(0x102));
    for without in
        [&[][..], &NOTHING, &[0, 8, 10, 0, 0, 0, 0, 0], &[2, 0, 8, 10, 0, 0, 0, 0], &[8, 10, 0, 0, 0, 0, 0, 0]]
    {
        assert_eq!(timestamp(without), None, "{without:?}");
    }
}

#[test]
fn flags_are_read_one_by_one() {
    let read = |bits: u8| {
        let flags = Flags(bits);
        (flags.fin(), flags.syn(), flags.rst(), flags.ack())
    };
    assert_eq!(read(0x12), (false, true, false, true));
    assert_eq!(read(0x05), (true, false, true, false));
}

proptest! {
    #[test]
    fn no_frame_is_too_odd(link in prop::sample::select(&LINKS[..]), frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(LinkType(link), &frame);
    }

    #[test]
    fn no_damage_is_too_odd(at in 0..80_usize, value in any::<u8>(), length in 0..100_usize, six in any::<bool>()) {
        let body = tcp(&STAMP, b"hello");
        let mut frame = if six { ipv6(44, &[&[6, 0, 0, 1, 0, 0, 0, 1][..], &body].concat()) } else { ipv4(6, &NOTHING, &body) };
        let at = at % frame.len();
        frame[at] = value;
        frame.truncate(length);
        if let Decoded::Tcp(segment) = decode(LinkType(101), &frame) {
            prop_assert!(segment.payload.len() as u32 <= segment.payload_len);
        }
    }
}
