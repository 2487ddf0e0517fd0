//! What captures of every kind give, and what is said of broken ones.

use std::io::{self, Read};

use proptest::prelude::*;

use super::testing::{Order, Owned, Walked, Writer, gzip, open, walk, zstd};
use super::{CaptureError, CaptureFile, CutReason, Fault, Input};

const LOG: &[u8] = b"CLIENT_RANDOM 00 11\n";

fn frame(time_ns: u64, interface: u32, link: u16, bytes: &[u8]) -> Owned {
    Owned { time_ns, link, interface, original_len: 100, bytes: bytes.to_vec() }
}

fn refused(bytes: impl Into<Vec<u8>>) -> String {
    match walk(bytes) {
        Ok(walked) => panic!("read as {walked:?}"),
        Err(error) => error.to_string(),
    }
}

fn cut(bytes: impl Into<Vec<u8>>) -> (usize, String) {
    let walked = walk(bytes).unwrap();
    (walked.frames.len(), walked.cut.map_or_else(String::new, |cut| cut.to_string()))
}

/// Two frames as each format, byte order and compression stores them.
fn variants() -> Vec<Vec<u8>> {
    let mut variants = Vec::new();
    for order in [Order::Little, Order::Big] {
        variants.push(Writer::pcap(order, false, 1).record(1, 2, 100, b"one").record(3, 4, 100, b"three").bytes);
        variants.push(Writer::pcap(order, true, 1).record(1, 2_000, 100, b"one").record(3, 4_000, 100, b"three").bytes);
        let enhanced = Writer::pcapng(order).interface(1).enhanced(0, 1_000_002_000, 100, b"one");
        variants.push(enhanced.enhanced(0, 3_000_004_000, 100, b"three").bytes);
        let obsolete = Writer::pcapng(order).interface_with(1, 0, &[]).obsolete(0, 1_000_002, 100, b"one");
        variants.push(obsolete.obsolete(0, 3_000_004, 100, b"three").bytes);
    }
    let compressed: Vec<_> = variants.iter().flat_map(|bytes| [gzip(bytes), zstd(bytes)]).collect();
    variants.extend(compressed);
    variants
}

#[test]
fn the_same_frames_come_out_of_every_format_byte_order_and_compression() {
    let expected = vec![frame(1_000_002_000, 0, 1, b"one"), frame(3_000_004_000, 0, 1, b"three")];
    for bytes in variants() {
        assert_eq!(walk(bytes).unwrap(), Walked { frames: expected.clone(), cut: None, secrets: vec![] });
    }
}

#[test]
fn every_beginning_of_a_capture_gives_its_whole_frames_or_one_clear_line() {
    for bytes in variants() {
        let whole = walk(bytes.clone()).unwrap().frames;
        for length in 0..bytes.len() {
            match walk(&bytes[..length]) {
                Ok(walked) => assert!(whole.starts_with(&walked.frames)),
                Err(error) => assert_eq!(error.to_string().lines().count(), 1),
            }
        }
    }
}

#[test]
fn a_capture_of_compressed_parts_is_read_through_all_of_them() {
    let bytes = Writer::pcap(Order::Little, false, 1).record(1, 2, 100, b"one").record(3, 4, 100, b"three").bytes;
    let (front, back) = bytes.split_at(30);
    for compress in [gzip, zstd] {
        assert_eq!(cut([compress(front), compress(back)].concat()), (2, String::new()));
    }
}

#[test]
fn a_zstd_stream_may_begin_with_a_skippable_frame() {
    let bytes = zstd(&Writer::pcap(Order::Little, false, 1).record(1, 2, 100, b"one").bytes);
    assert_eq!(cut([&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &bytes].concat()), (1, String::new()));
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let first = Writer::pcapng(Order::Little).interface(1).interface(113).enhanced(1, 5, 100, b"a");
    let second = first.section(Order::Big).interface(276).enhanced(0, 6, 100, b"b");
    let expected = vec![frame(5, 1, 113, b"a"), frame(6, 2, 276, b"b")];
    assert_eq!(walk(second.bytes).unwrap().frames, expected);
}

#[test]
fn a_simple_packet_is_cut_by_the_snap_length_and_takes_the_time_before_it() {
    let capture = Writer::pcapng(Order::Little).interface_with(1, 5, &[(9, &[9])]).enhanced(0, 7, 100, b"x");
    assert_eq!(walk(capture.simple(100, b"abcde").bytes).unwrap().frames[1], frame(7, 0, 1, b"abcde"));
}

#[test]
fn blocks_of_no_interest_are_counted_and_passed_however_long() {
    let long = vec![0; 3 << 20];
    let capture = Writer::pcapng(Order::Little).block(0x0bad, &long).interface(1).block(4, b"name");
    let mut capture = open(capture.enhanced(0, 1, 100, b"a").block(5, b"statistc").bytes).unwrap();
    while capture.next().unwrap().is_some() {}
    assert_eq!((capture.counts().frames, capture.counts().skipped_blocks, capture.cut()), (1, 3, None));
}

#[test]
fn key_logs_are_handed_out_once() {
    let capture = Writer::pcapng(Order::Big).secrets(0x544c_534b, LOG).secrets(0x5747_4b4c, b"wireguard");
    let mut capture = open(capture.interface(1).secrets(0x544c_534b, b"B\n").bytes).unwrap();
    assert!(capture.next().unwrap().is_none());
    assert_eq!(capture.secrets(), vec![LOG.to_vec(), b"B\n".to_vec()]);
    assert_eq!((capture.secrets(), capture.counts().skipped_secrets), (vec![], 1));
}

#[test]
fn key_logs_beyond_the_bound_are_passed_over() {
    let log = vec![b'x'; 6 << 20];
    let capture = (0..3).fold(Writer::pcapng(Order::Little), |capture, _| capture.secrets(0x544c_534b, &log));
    let mut capture = open(capture.interface(1).enhanced(0, 1, 100, b"a").bytes).unwrap();
    assert!(capture.next().unwrap().is_some());
    assert_eq!((capture.secrets().len(), capture.counts().skipped_secrets), (2, 1));
}

#[test]
fn a_packet_of_an_undescribed_interface_is_counted() {
    let capture = Writer::pcapng(Order::Little).simple(1, b"a").interface(1).enhanced(9, 1, 100, b"b");
    let mut capture = open(capture.enhanced(0, 2, 100, b"c").bytes).unwrap();
    assert_eq!(capture.next().unwrap().unwrap().bytes, b"c");
    assert_eq!(capture.counts().unknown_interface, 2);
}

#[test]
fn frames_that_straddle_reads_are_whole() {
    /// Gives at most 7 bytes a read.
    struct Drip(io::Cursor<Vec<u8>>);
    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let limit = buffer.len().min(7);
            self.0.read(&mut buffer[..limit])
        }
    }
    for bytes in variants() {
        let mut capture = CaptureFile::from_reader(Box::new(Drip(io::Cursor::new(bytes)))).unwrap();
        assert_eq!(capture.next().unwrap().unwrap().bytes, b"one");
        assert_eq!(capture.next().unwrap().unwrap().bytes, b"three");
        assert!(capture.next().unwrap().is_none());
    }
}

#[test]
fn the_longest_frames_fill_many_windows() {
    let long: Vec<u8> = (0..262_144_u32).map(|index| index as u8).collect();
    let capture = (0..9).fold(Writer::pcap(Order::Little, false, 1), |capture, second| {
        capture.record(second, 0, 100, &long).record(second, 1, 100, b"short")
    });
    let frames = walk(capture.bytes).unwrap().frames;
    assert_eq!(frames.len(), 18);
    assert!(frames.iter().step_by(2).all(|frame| frame.bytes == long));
}

#[test]
fn a_capture_cut_in_a_packet_says_where() {
    let bytes = Writer::pcap(Order::Little, false, 1).record(1, 2, 100, b"one").record(3, 4, 100, b"three").bytes;
    assert_eq!(cut(&bytes[..bytes.len() - 1]), (1, "ends in the middle of the record at byte 43".into()));
    assert_eq!(cut(&bytes[..30]), (0, "ends in the middle of the record at byte 24".into()));
    assert_eq!(cut(&bytes[..24]), (0, String::new()));
}

#[test]
fn damage_is_an_error_before_the_first_packet_and_a_cut_behind_it() {
    let damage = |capture: Writer| capture.u32(1).u32(2).u32(262_145).u32(9).bytes;
    let pcap = Writer::pcap(Order::Little, false, 1);
    assert_eq!(refused(damage(pcap.clone())), "is damaged at byte 24: a packet of 262145 bytes");
    let later = damage(pcap.record(1, 2, 100, b"one"));
    assert_eq!(cut(later), (1, "damaged at byte 43: a packet of 262145 bytes".into()));
}

#[test]
fn a_damaged_block_says_what_does_not_hold() {
    let start = || Writer::pcapng(Order::Little).interface(1).enhanced(0, 1, 100, b"a");
    let at = start().bytes.len() as u64;
    let faults = [
        (start().u32(6).u32(13).bytes, Fault::BlockLength(13)),
        (start().u32(6).u32(8).bytes, Fault::BlockLength(8)),
        (start().u32(6).u32(400_000).bytes, Fault::BlockLength(400_000)),
        (start().u32(5).u32(12).u32(16).bytes, Fault::BlockTrailer(12, 16)),
        (start().u32(6).u32(12).u32(16).bytes, Fault::BlockTrailer(12, 16)),
        (start().block(6, b"short").raw(&[0; 3]).bytes, Fault::BlockLength(17)),
        (start().block(6, b"shrt").bytes, Fault::BlockFields(6)),
        (start().block(10, b"shrt").bytes, Fault::BlockFields(10)),
        (start().simple(9, b"abcd").bytes, Fault::FrameBeyondBlock(9)),
        (start().simple(262_145, b"abcd").bytes, Fault::FrameLength(262_145)),
        (start().block(0x0a0d_0d0a, b"good").bytes, Fault::ByteOrder(*b"good")),
        (
            start().block(0x0a0d_0d0a, b"\x4d\x3c\x2b\x1a\x02\0\x01\0").bytes,
            Fault::Version { format: "pcapng", major: 2, minor: 1 },
        ),
    ];
    for (bytes, fault) in faults {
        let walked = walk(bytes).unwrap();
        assert_eq!(walked.cut.map(|cut| (cut.offset, cut.reason)), Some((at, CutReason::Damaged(fault))));
        assert_eq!(walked.frames.len(), 1);
    }
}

#[test]
fn what_is_no_capture_is_refused_in_one_clear_line() {
    assert_eq!(refused(""), "is empty");
    assert_eq!(refused(gzip(b"")), "is empty");
    assert_eq!(refused("hi"), "is not a pcap or pcapng capture: it starts with 68 69 (\"hi\")");
    assert_eq!(refused([0; 64]), "is not a pcap or pcapng capture: it starts with 00 00 00 00");
    assert_eq!(refused(zstd(b"text")), "is not a pcap or pcapng capture: it starts with 74 65 78 74 (\"text\")");
    assert_eq!(refused("BZh9"), "is compressed with bzip2: only gzip and zstd are read");
    assert!(refused([0x34, 0xcd, 0xb2, 0xa1]).contains("modified"));
    assert_eq!(refused([0xd4, 0xc3, 0xb2, 0xa1, 2]), "ends at byte 5, inside the header of the capture");
    assert_eq!(refused(*b"\n\r\r\n\x1c"), "ends at byte 5, inside the header of the capture");
    let old = [&[0xd4, 0xc3, 0xb2, 0xa1, 1, 0, 3, 0][..], &[0; 16]].concat();
    assert_eq!(refused(old), "pcap version 1.3 is not supported");
}

#[test]
fn a_damaged_stream_is_an_error_before_the_first_packet_and_a_cut_behind_it() {
    let mut state = 1_u64;
    let mut noise = || {
        // Knuth's generator: bytes that no compressor makes smaller.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let capture = (0..10).fold(Writer::pcap(Order::Little, false, 1), |capture, _| {
        let frame: Vec<u8> = (0..200_000).map(|_| noise()).collect();
        capture.record(1, 2, 100, &frame)
    });
    for (compress, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let mut bytes = compress(&capture.bytes);
        let ended = cut(&bytes[..bytes.len() / 2]);
        assert!((1..10).contains(&ended.0) && ended.1.contains(name), "{ended:?}");
        // The checksum, at the very end of either format.
        let checksum = bytes.len() - 8;
        bytes[checksum..].fill(0);
        let damaged = cut(bytes.clone());
        assert!((9..=10).contains(&damaged.0) && damaged.1.contains(name), "{damaged:?}");
        let early = refused(&bytes[..20]);
        assert!(early.starts_with(&format!("cannot be decompressed ({name}) up to its first packet")), "{early}");
    }
}

#[test]
fn what_cannot_be_opened_or_read_says_so() {
    let refused = |path: &str| CaptureFile::open(Input::Path(path.into())).err().unwrap();
    assert!(refused("/nonexistent/capture").to_string().starts_with("cannot be opened: No such file"));
    assert_eq!(refused("/").to_string(), "is a directory, not a capture");
}

#[test]
fn a_failing_system_is_an_error_at_any_place() {
    struct Failing(io::Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::from_raw_os_error(5)),
                count => Ok(count),
            }
        }
    }
    let bytes = Writer::pcap(Order::Little, false, 1).record(1, 2, 100, b"one").bytes;
    let mut capture = CaptureFile::from_reader(Box::new(Failing(io::Cursor::new(bytes)))).unwrap();
    assert!(capture.next().unwrap().is_some());
    assert!(matches!(capture.next(), Err(CaptureError::Read { offset: 43, .. })));
    assert!(capture.next().unwrap().is_none());
}

#[test]
fn progress_counts_the_stored_bytes() {
    let path = std::env::temp_dir().join(format!("observer-progress-{}", std::process::id()));
    let bytes = gzip(&Writer::pcap(Order::Little, false, 1).record(1, 2, 100, &[0; 9000]).bytes);
    std::fs::write(&path, &bytes).unwrap();
    let mut capture = CaptureFile::open(Input::Path(path.clone())).unwrap();
    while capture.next().unwrap().is_some() {}
    std::fs::remove_file(path).unwrap();
    assert_eq!(capture.progress(), (bytes.len() as u64, Some(bytes.len() as u64)));
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = walk(bytes);
    }

    #[test]
    fn no_damage_is_too_odd(at in any::<prop::sample::Index>(), variant in 0..24_usize, noise in any::<[u8; 4]>()) {
        let mut bytes = variants().swap_remove(variant);
        let at = at.index(bytes.len() - 4);
        bytes[at..at + 4].copy_from_slice(&noise);
        let _ = walk(bytes);
    }

    #[test]
    fn what_is_written_is_read(frames in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20)) {
        let pcap = frames.iter().fold(Writer::pcap(Order::Big, true, 1), |c, (second, bytes)| c.record(*second, 0, 100, bytes));
        let pcapng = frames.iter().fold(Writer::pcapng(Order::Little).interface(1), |c, (second, bytes)| {
            c.enhanced(0, u64::from(*second) * 1_000_000_000, 100, bytes)
        });
        let expected: Vec<_> = frames.iter().map(|(second, bytes)| frame(u64::from(*second) * 1_000_000_000, 0, 1, bytes)).collect();
        prop_assert_eq!(&walk(pcap.bytes).unwrap().frames, &expected);
        prop_assert_eq!(&walk(pcapng.bytes).unwrap().frames, &expected);
    }
}
