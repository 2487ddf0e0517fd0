//! Cuts one side's bytes into TLS records. Bodies are copied only where the caller wants them and they come in parts.

use crate::bytes::{Parsed, Reader, Stop};

/// RFC 5246 6.2.3: the largest body of an encrypted record; nothing longer is TLS.
const MAX_RECORD: u16 = 16384 + 2048;

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentType(pub(super) u8);

impl ContentType {
    pub(super) const CHANGE_CIPHER_SPEC: Self = Self(20);
    pub(super) const ALERT: Self = Self(21);
    pub(super) const HANDSHAKE: Self = Self(22);
    pub(super) const APPLICATION_DATA: Self = Self(23);
    const HEARTBEAT: Self = Self(24);
    /// Not on the wire: a `ClientHello` in the format of SSL 2.0, its type and version already read.
    pub(super) const SSL2_HELLO: Self = Self(0x80);
}

/// The five bytes before each body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: ContentType,
    pub(super) version: u16,
    pub(super) length: u16,
}

impl Header {
    pub(super) const SIZE: usize = 5;

    pub(super) fn parse(bytes: [u8; Self::SIZE]) -> Parsed<Self> {
        let [kind, major, minor, high, low] = bytes;
        let length = u16::from_be_bytes([high, low]);
        let known = (ContentType::CHANGE_CIPHER_SPEC.0..=ContentType::HEARTBEAT.0).contains(&kind);
        if !known || major != 3 || minor > 4 || length > MAX_RECORD {
            return Err(Stop::Invalid);
        }
        Ok(Self { kind: ContentType(kind), version: u16::from_be_bytes([major, minor]), length })
    }

    /// The header as it stands on the wire: what TLS 1.3 authenticates beside the content (RFC 8446 5.2).
    pub(super) fn bytes(self) -> [u8; Self::SIZE] {
        let ([major, minor], [high, low]) = (self.version.to_be_bytes(), self.length.to_be_bytes());
        [self.kind.0, major, minor, high, low]
    }

    /// What TLS 1.2 and older authenticate beside the content (RFC 5246 6.2.3): number, header, and the length of what
    /// is covered in place of the record's.
    pub(super) fn authenticated(self, sequence: u64, length: u16) -> [u8; 8 + Self::SIZE] {
        let mut around = [0; 8 + Self::SIZE];
        let covered = Self { length, ..self }.bytes();
        around.iter_mut().zip(sequence.to_be_bytes().iter().chain(&covered)).for_each(|(to, from)| *to = *from);
        around
    }

    /// RFC 5246 appendix E.2: two bytes of length with the top bit set, type 1, version, then the rest.
    pub(super) fn parse_ssl2_hello(bytes: [u8; Self::SIZE]) -> Parsed<Self> {
        let [high, low, kind, major, minor] = bytes;
        let length = u16::from_be_bytes([high & 0x7f, low]);
        let version = u16::from_be_bytes([major, minor]);
        let known = version == 2 || (0x0300..=0x0303).contains(&version);
        if high & 0x80 == 0 || kind != 1 || !known || !(9..=MAX_RECORD).contains(&length) {
            return Err(Stop::Invalid);
        }
        Ok(Self { kind: ContentType::SSL2_HELLO, version, length: length - 3 })
    }
}

/// One whole record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) header: Header,
    /// `None` where nobody wanted it or a part of it is missing.
    pub(super) body: Option<&'a [u8]>,
}

/// The record layer of one side.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    head: [u8; Header::SIZE],
    filled: usize,
    current: Option<Header>,
    missing: usize,
    wanted: bool,
    body: Vec<u8>,
    records: u64,
    lost: bool,
}

impl Deframer {
    /// The next record that ends within `input`, whose bytes are used up on the way.
    pub(super) fn next<'r, 'i: 'r>(
        &'r mut self,
        input: &mut Reader<'i>,
        wants: impl FnOnce(Header) -> bool,
    ) -> Option<Record<'r>> {
        if self.lost {
            return None;
        }
        let header = match self.current {
            Some(header) => header,
            None => self.begin(input, wants)?,
        };
        let chunk = input.take(self.missing.min(input.len())).ok()?;
        self.missing -= chunk.len();
        let whole_in_one = self.body.is_empty() && self.missing == 0;
        if self.wanted && !whole_in_one {
            self.body.extend_from_slice(chunk);
        }
        if self.missing > 0 {
            return None;
        }
        self.end();
        let body = if whole_in_one { chunk } else { &self.body };
        Some(Record { header, body: self.wanted.then_some(body) })
    }

    /// Passes over `missing` bytes that the capture lacks; a record that ends just there is returned without a body.
    pub(super) fn skip(&mut self, missing: u32) -> Option<Record<'_>> {
        let missing = missing as usize;
        if missing == 0 {
            return None;
        }
        let header = self.current.filter(|_| missing <= self.missing);
        let Some(header) = header else {
            self.filled = 0;
            self.lose();
            return None;
        };
        self.missing -= missing;
        self.free();
        if self.missing > 0 {
            return None;
        }
        self.end();
        Some(Record { header, body: None })
    }

    /// Whether record boundaries are unknown from here on.
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// Whether at least one record header was read.
    pub(super) fn framed(&self) -> bool {
        self.records > 0 || self.current.is_some()
    }

    /// Whether the last byte read was the last of a record.
    pub(super) fn between_records(&self) -> bool {
        !self.lost && self.current.is_none() && self.filled == 0
    }

    /// What this side began with, up to a header's size, if that was not a record; empty otherwise.
    pub(super) fn strange_opening(&self) -> &[u8] {
        let opening = if self.framed() { 0 } else { self.filled };
        self.head.get(..opening).unwrap_or_default()
    }

    /// Gives the memory of bodies back.
    pub(super) fn free(&mut self) {
        self.wanted = false;
        self.body = Vec::new();
    }

    fn lose(&mut self) {
        self.lost = true;
        self.current = None;
        self.free();
    }

    fn begin(&mut self, input: &mut Reader<'_>, wants: impl FnOnce(Header) -> bool) -> Option<Header> {
        if self.filled == 0
            && let Ok(head) = input.array()
        {
            (self.head, self.filled) = (head, Header::SIZE);
        }
        while let Some(slot) = self.head.get_mut(self.filled) {
            *slot = input.u8().ok()?;
            self.filled += 1;
        }
        let Ok(header) = self.parse_head() else {
            self.lose();
            return None;
        };
        self.filled = 0;
        self.missing = usize::from(header.length);
        self.wanted = wants(header);
        self.body.clear();
        self.current = Some(header);
        Some(header)
    }

    fn parse_head(&self) -> Parsed<Header> {
        let plain = Header::parse(self.head);
        if self.records == 0 { plain.or_else(|_| Header::parse_ssl2_hello(self.head)) } else { plain }
    }

    fn end(&mut self) {
        self.current = None;
        self.records += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(deframer: &mut Deframer, bytes: &[u8]) -> Vec<(u8, u16, Option<Vec<u8>>)> {
        let mut input = Reader::new(bytes);
        let mut out = Vec::new();
        while let Some(record) = deframer.next(&mut input, |_| true) {
            out.push((record.header.kind.0, record.header.length, record.body.map(<[u8]>::to_vec)));
        }
        out
    }

    #[test]
    fn two_records_in_one_push_come_out_one_by_one() {
        let mut deframer = Deframer::default();
        let got = lengths(&mut deframer, &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 8, 9]);
        assert_eq!(got, vec![(20, 1, Some(vec![1])), (23, 2, Some(vec![8, 9]))]);
    }

    #[test]
    fn a_record_split_anywhere_is_the_same_record() {
        let bytes = [22, 3, 1, 0, 3, 7, 8, 9];
        for cut in 0..bytes.len() {
            let mut deframer = Deframer::default();
            let mut got = lengths(&mut deframer, &bytes[..cut]);
            got.extend(lengths(&mut deframer, &bytes[cut..]));
            assert_eq!(got, vec![(22, 3, Some(vec![7, 8, 9]))], "cut at {cut}");
        }
    }

    #[test]
    fn a_loss_within_a_body_keeps_the_framing() {
        let mut deframer = Deframer::default();
        assert!(lengths(&mut deframer, &[23, 3, 3, 0, 9, 1, 1]).is_empty());
        assert!(deframer.skip(3).is_none());
        assert_eq!(
            lengths(&mut deframer, &[1, 1, 1, 1, 21, 3, 3, 0, 1, 5]),
            vec![(23, 9, None), (21, 1, Some(vec![5]))]
        );
    }

    #[test]
    fn a_loss_beyond_the_body_loses_the_framing() {
        let mut deframer = Deframer::default();
        assert!(lengths(&mut deframer, &[23, 3, 3, 0, 9]).is_empty());
        assert!(deframer.skip(10).is_none());
        assert!(deframer.lost());
        assert!(lengths(&mut deframer, &[21, 3, 3, 0, 1, 5]).is_empty());
    }

    #[test]
    fn a_loss_within_a_header_is_no_strange_opening() {
        let mut deframer = Deframer::default();
        assert!(lengths(&mut deframer, b"HT").is_empty());
        assert!(deframer.skip(10).is_none());
        assert!(deframer.lost() && deframer.strange_opening().is_empty());
    }

    #[test]
    fn an_opening_that_is_no_record_is_kept() {
        let mut deframer = Deframer::default();
        assert!(lengths(&mut deframer, b"HTTP/1.1 400").is_empty());
        assert_eq!((deframer.strange_opening(), deframer.lost()), (&b"HTTP/"[..], true));
    }

    #[test]
    fn an_old_hello_format_is_taken_as_the_first_record_only() {
        let mut deframer = Deframer::default();
        let got = lengths(&mut deframer, &[0x80, 9, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0x80, 9, 1, 3, 1]);
        assert_eq!((got, deframer.lost()), (vec![(0x80, 6, Some(vec![0; 6]))], true));
    }
}
