//! Real captures played anew: what is said of a connection does not depend on how its bytes were packed, in which
//! order and how often they came, who else was talking, or how the capture is stored.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test fails loudly.

mod frames;
mod observed;

use frames::{
    Choice, Frame, frames, interleaved, pcap, pcapng, reordered, resegmented, retransmitted, seen_twice, stored,
};
use observed::{Observed, observe};
use proptest::prelude::*;

/// One for each protocol and way to end; all Ethernet, none over 20 kB.
const CAPTURES: [&str; 12] = [
    "b_curl_http11_verified.pcap",
    "b_curl_tls12_verified.pcap",
    "b_curl_wrong_ca_fails_tls12.pcap",
    "d_fail_expired_node2.pcap",
    "f_nodeproxy_plain_http.pcap",
    "f_podproxy_https_tls12.pcap",
    "g_ssh_weak_g14sha1_aes128cbc_md5.pcap",
    "h_konn_agent_mtls_tls12.pcap",
    "i_clienthello_split_segments.pcap",
    "i_etcd_peer_mtls_tls12.pcap",
    "i_etcd_plaintext.pcap",
    "i_hello_retry_request.pcap",
];

fn replayed(frames: &[Frame]) -> Observed {
    observe(pcap(frames)).unwrap()
}

fn any_capture() -> impl Strategy<Value = Vec<Frame>> {
    proptest::sample::select(&CAPTURES[..]).prop_map(frames)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_segmentation_gives_the_same_facts(frames in any_capture(), seed in any::<u64>()) {
        let packed = resegmented(&frames, &mut Choice(seed));

        prop_assert_eq!(replayed(&packed).facts(), replayed(&frames).facts());
    }

    #[test]
    fn any_order_inside_the_window_gives_the_same_facts(frames in any_capture(), seed in any::<u64>()) {
        let mut choice = Choice(seed);
        let packed = resegmented(&frames, &mut choice);
        let mixed = reordered(&packed, &mut choice);

        prop_assert_eq!(replayed(&mixed).facts(), replayed(&frames).facts());
    }

    #[test]
    fn retransmissions_change_no_fact(frames in any_capture(), seed in any::<u64>()) {
        let mut choice = Choice(seed);
        let packed = resegmented(&retransmitted(&frames, &mut choice), &mut choice);
        let again = reordered(&packed, &mut choice);

        prop_assert_eq!(replayed(&again).facts(), replayed(&frames).facts());
    }

    #[test]
    fn connections_between_each_other_keep_their_facts(
        first in any_capture(), second in any_capture(), seed in any::<u64>()
    ) {
        let copies = |frames: &[Frame], copy| frames.iter().map(|frame| frame.of_copy(copy)).collect::<Vec<_>>();
        let connections = vec![copies(&first, 0), copies(&first, 1), copies(&second, 2), copies(&second, 3)];
        let mut alone: Vec<String> = connections.iter().flat_map(|frames| replayed(frames).facts()).collect();
        alone.sort_unstable();

        let mixed = interleaved(connections, &mut Choice(seed));

        prop_assert_eq!(replayed(&mixed).facts(), alone);
    }
}

#[test]
fn a_packet_on_two_interfaces_counts_once() {
    for name in CAPTURES {
        let frames = frames(name);

        let (once, twice) = (replayed(&frames), replayed(&seen_twice(&frames)));

        assert_eq!(twice.events, once.events, "{name}");
        assert_eq!(twice.counters_of_flows(), once.counters_of_flows(), "{name}");
        assert_eq!(
            twice.counters["duplicate_packets"],
            frames.len() as u64 + once.counters["duplicate_packets"],
            "{name}"
        );
    }
}

#[test]
fn both_formats_of_captures_say_the_same() {
    for name in CAPTURES {
        let frames = frames(name);

        assert_eq!(observe(pcapng(&frames).0).unwrap(), replayed(&frames), "{name}");
    }
}

#[test]
fn every_prefix_behind_the_header_is_analysed() {
    for name in ["b_curl_wrong_ca_fails_tls12.pcap", "i_etcd_plaintext.pcap", "f_nodeproxy_plain_http.pcap"] {
        every_prefix_is_analysed(&stored(name), 24);
        let (bytes, header) = pcapng(&frames(name));
        every_prefix_is_analysed(&bytes, header);
    }
}

fn every_prefix_is_analysed(capture: &[u8], header: usize) {
    let whole = observe(capture.to_vec()).unwrap().counters["frames"];
    let mut before = 0;
    for length in 0..capture.len() {
        match observe(capture[..length].to_vec()) {
            Ok(observed) => {
                let frames = observed.counters["frames"];
                assert!(frames >= before && frames <= whole, "{frames} frames of {length} bytes");
                before = frames;
            }
            Err(error) => assert!(length < header, "{length} bytes: {error:?}"),
        }
    }
}
