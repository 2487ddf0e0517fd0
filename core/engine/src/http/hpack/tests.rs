use super::*;
use proptest::prelude::*;

type Fields = Vec<(String, String)>;

fn decode(decoder: &mut Decoder, hex: &str) -> Fields {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let block: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    decoder.decode(&block, |name, value| fields.push((text(name), text(value)))).unwrap();
    fields
}

fn fields(expected: &[(&str, &str)]) -> Fields {
    expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn rfc_7541_c_1_integers() {
    assert_eq!(integer(0b0000_1010, 5, &mut Reader::new(&[])), Ok(10));
    assert_eq!(integer(0b0001_1111, 5, &mut Reader::new(&[0b1001_1010, 0b0000_1010])), Ok(1337));
    assert_eq!(integer(42, 8, &mut Reader::new(&[])), Ok(42));
    assert_eq!(integer(0x1f, 5, &mut Reader::new(&[0xff; 6])), Err(Stop::Invalid));
}

#[test]
fn rfc_7541_c_2_single_fields() {
    let mut decoder = Decoder::new();
    let custom = decode(&mut decoder, "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    assert_eq!(custom, fields(&[("custom-key", "custom-header")]));
    assert_eq!(decoder.table.size(), 55);
    let path = decode(&mut Decoder::new(), "040c 2f73 616d 706c 652f 7061 7468");
    assert_eq!(path, fields(&[(":path", "/sample/path")]));
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, "1008 7061 7373 776f 7264 0673 6563 7265 74"), fields(&[("password", "secret")]));
    assert_eq!(decoder.table.size(), 0);
    assert_eq!(decode(&mut decoder, "82"), fields(&[(":method", "GET")]));
}

fn assert_requests(blocks: [&str; 3]) {
    let start = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, blocks[0]), fields(&start));
    assert_eq!(decoder.table.size(), 57);
    assert_eq!(decode(&mut decoder, blocks[1]), fields(&[&start[..], &[("cache-control", "no-cache")]].concat()));
    assert_eq!(decoder.table.size(), 110);
    let third = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    assert_eq!(decode(&mut decoder, blocks[2]), fields(&third));
    assert_eq!(decoder.table.size(), 164);
}

#[test]
fn rfc_7541_c_3_requests_without_huffman() {
    assert_requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]);
}

#[test]
fn rfc_7541_c_4_requests_with_huffman() {
    assert_requests([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]);
}

fn assert_responses(blocks: [&str; 3]) {
    let mut decoder = Decoder::new();
    assert!(decoder.table.resize(256));
    let mut expected = [
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    assert_eq!(decode(&mut decoder, blocks[0]), fields(&expected));
    assert_eq!(decoder.table.size(), 222);
    expected[0].1 = "307";
    assert_eq!(decode(&mut decoder, blocks[1]), fields(&expected));
    assert_eq!(decoder.table.size(), 222);
    expected[0].1 = "200";
    expected[2].1 = "Mon, 21 Oct 2013 20:13:22 GMT";
    let cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    let more = [("content-encoding", "gzip"), ("set-cookie", cookie)];
    assert_eq!(decode(&mut decoder, blocks[2]), fields(&[&expected[..], &more].concat()));
    assert_eq!(decoder.table.size(), 215);
}

#[test]
fn rfc_7541_c_5_responses_without_huffman_evict() {
    assert_responses([
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
         474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738
         666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33
         3630 303b 2076 6572 7369 6f6e 3d31",
    ]);
}

#[test]
fn rfc_7541_c_6_responses_with_huffman_evict() {
    assert_responses([
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
         63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
         b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ]);
}

#[test]
fn a_table_beyond_the_bound_and_an_endless_block_are_refused() {
    assert_eq!(Decoder::new().decode(&[0x3f, 0xe2, 0xff, 0x03], |_, _| ()), Err(Stop::Invalid)); // 65,537
    assert_eq!(Decoder::new().decode(&[0x3f, 0xe1, 0xff, 0x03], |_, _| ()), Ok(())); // 65,536
    assert_eq!(Decoder::new().decode(&[0x82; 2000], |_, _| ()), Err(Stop::Invalid));
    assert_eq!(Decoder::new().decode(&[0xbe], |_, _| ()), Err(Stop::Invalid));
    assert_eq!(Decoder::new().decode(&[0x80], |_, _| ()), Err(Stop::Invalid));
}

proptest! {
    #[test]
    fn odd_blocks_never_panic_and_the_table_stays_within_its_bound(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..10),
    ) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let _ = decoder.decode(&block, |_, _| ());
            prop_assert!(decoder.table.size() <= 64 * 1024 || decoder.table.size() == 0);
        }
    }
}
