//! Tells TLS by its first bytes: by a hello, or, in the middle of a conversation, by records that follow one another.

use super::handshake::Kind;
use super::record::{ContentType, Header};
use crate::bytes::{Reader, Stop};
use crate::side::{Recognition, Speaker};

/// The shortest body of an encrypted record: an AEAD tag and one byte (older suites have more).
const SHORTEST_ENCRYPTED: u16 = 9;
/// So much of one record of application data is enough without a second header: three fixed bytes and a plausible length.
const EVIDENT_DATA: usize = 64;

/// What the first bytes of one side are.
pub fn recognises(first: &[u8]) -> Recognition {
    if first.first().is_some_and(|byte| byte & 0x80 != 0) {
        return recognises_ssl2_hello(first);
    }
    let header = match header(first) {
        Ok(header) => header,
        Err(Stop::Incomplete) => return Recognition::NeedMore,
        Err(Stop::Invalid) => return Recognition::No,
    };
    if header.kind == ContentType::HANDSHAKE {
        return recognises_hello(first, header);
    }
    recognises_records(first)
}

fn recognises_ssl2_hello(first: &[u8]) -> Recognition {
    match Reader::new(first).array() {
        Ok(head) if Header::parse_ssl2_hello(head).is_ok() => Recognition::Yes(Speaker::Client),
        Ok(_) => Recognition::No,
        Err(_) if first.get(2).is_some_and(|kind| *kind != Kind::CLIENT_HELLO) => Recognition::No,
        Err(_) => Recognition::NeedMore,
    }
}

fn recognises_hello(first: &[u8], header: Header) -> Recognition {
    let mut body = Reader::new(first);
    let message = body.skip(Header::SIZE).and_then(|()| Ok((body.u8()?, body.u24()?, body.u8()?)));
    let Ok((kind, length, version)) = message else {
        return if header.length < 4 { recognises_records(first) } else { Recognition::NeedMore };
    };
    // Both hellos are far below 64 KiB and begin with a version.
    let hello = (38..0x1_0000).contains(&length) && version == 3;
    match kind {
        Kind::CLIENT_HELLO if hello => Recognition::Yes(Speaker::Client),
        Kind::SERVER_HELLO if hello => Recognition::Yes(Speaker::Server),
        _ => recognises_records(first),
    }
}

/// Two headers in their places, or one record that fits exactly, or much of one record of application data.
fn recognises_records(first: &[u8]) -> Recognition {
    let mut reader = Reader::new(first);
    let Ok(header) = header(first) else { return Recognition::No };
    let body = reader.skip(Header::SIZE).and_then(|()| reader.take(usize::from(header.length)));
    if body.is_err() {
        let evident = header.kind == ContentType::APPLICATION_DATA && first.len() >= EVIDENT_DATA;
        return if evident { Recognition::Yes(Speaker::Either) } else { Recognition::NeedMore };
    }
    match self::header(reader.rest()) {
        Ok(_) => Recognition::Yes(Speaker::Either),
        Err(Stop::Incomplete) if reader.is_empty() => Recognition::Yes(Speaker::Either),
        Err(Stop::Incomplete) => Recognition::NeedMore,
        Err(Stop::Invalid) => Recognition::No,
    }
}

/// A header that is plausible in itself; a short one is judged by what there is of it.
fn header(bytes: &[u8]) -> Result<Header, Stop> {
    let mut whole = [20, 3, 0, 0, 1];
    let present = bytes.len().min(Header::SIZE);
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    let header = Header::parse(whole)?;
    if present < Header::SIZE {
        return Err(Stop::Incomplete);
    }
    let plausible = match header.kind {
        ContentType::CHANGE_CIPHER_SPEC => header.length == 1,
        ContentType::ALERT => header.length == 2 || header.length >= SHORTEST_ENCRYPTED,
        ContentType::HANDSHAKE => header.length >= 4,
        ContentType::APPLICATION_DATA => header.length >= SHORTEST_ENCRYPTED,
        _ => false,
    };
    if plausible { Ok(header) } else { Err(Stop::Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_HELLO: [u8; 11] = [22, 3, 1, 5, 0xd3, 1, 0, 5, 0xcf, 3, 3];
    const SERVER_HELLO: [u8; 11] = [22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3];

    #[test]
    fn hellos_say_who_speaks() {
        assert_eq!(recognises(&CLIENT_HELLO), Recognition::Yes(Speaker::Client));
        assert_eq!(recognises(&SERVER_HELLO), Recognition::Yes(Speaker::Server));
        assert_eq!(recognises(&[0x80, 46, 1, 3, 1, 0]), Recognition::Yes(Speaker::Client));
    }

    #[test]
    fn a_prefix_of_a_hello_needs_more() {
        for cut in 0..10 {
            assert_eq!(recognises(&CLIENT_HELLO[..cut]), Recognition::NeedMore, "{cut} bytes");
        }
    }

    #[test]
    fn other_protocols_are_not_tls() {
        for other in [
            &b"GET / HTTP/1.1"[..],
            b"SSH-2.0-",
            b"PRI * HTTP/2.0",
            b"\0\0\0",
            b"\x16\x03\x09",
            b"\x17\x03\x03\x00\x01a",
        ] {
            assert_eq!(recognises(other), Recognition::No, "{other:?}");
        }
    }

    #[test]
    fn the_middle_of_a_conversation_needs_two_headers_or_an_exact_fit() {
        let mut record = vec![23, 3, 3, 0, 20];
        record.extend([0xaa; 20]);
        assert_eq!(recognises(&record[..24]), Recognition::NeedMore);
        assert_eq!(recognises(&record), Recognition::Yes(Speaker::Either));
        let two = [record.clone(), vec![21, 3, 3, 0, 19]].concat();
        assert_eq!(recognises(&two), Recognition::Yes(Speaker::Either));
        let odd = [record, vec![1]].concat();
        assert_eq!(recognises(&odd), Recognition::No);
    }

    #[test]
    fn a_long_record_of_data_is_evident_before_its_end() {
        let mut record = vec![23, 3, 3, 0x40, 0x11];
        record.extend([0xaa; 59]);
        assert_eq!(recognises(&record), Recognition::Yes(Speaker::Either));
    }
}
