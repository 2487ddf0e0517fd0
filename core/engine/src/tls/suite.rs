//! The sizes that a TLS 1.3 cipher suite fixes, from which encrypted records are known by their length.

/// JSSE pads each handshake record and alert by this much.
const JSSE_PADDING: u16 = 16;
/// Handshake header.
const MESSAGE: u16 = 4;
/// The true content type at the end of each TLS 1.3 plaintext.
const INNER_TYPE: u16 = 1;

/// Whether a record carries padding of a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Jsse,
}

/// Length of the AEAD tag and of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    tag: u16,
    hash: u16,
}

impl Suite {
    /// The sizes of a TLS 1.3 suite; `None` for suites not known here.
    pub(super) fn of(cipher: u16) -> Option<Self> {
        match cipher {
            // AES_128_GCM, CHACHA20_POLY1305, AES_128_CCM; SM4_GCM_SM3 and SM4_CCM_SM3 of RFC 8998.
            0x1301 | 0x1303 | 0x1304 | 0x00c6 | 0x00c7 => Some(Self { tag: 16, hash: 32 }),
            0x1302 => Some(Self { tag: 16, hash: 48 }),
            0x1305 => Some(Self { tag: 8, hash: 32 }),
            _ => None,
        }
    }

    /// A record's length without what encryption adds; `None` if it is too short to be one.
    pub(super) fn plaintext(self, length: u16) -> Option<u16> {
        length.checked_sub(INNER_TYPE + self.tag)
    }

    /// An alert (or two bytes of data).
    pub(super) fn alert(self, length: u16) -> Option<Padding> {
        self.padded(2, length)
    }

    /// A Finished message.
    pub(super) fn finished(self, length: u16) -> Option<Padding> {
        self.padded(MESSAGE + self.hash, length)
    }

    /// A Certificate message without a certificate.
    pub(super) fn empty_certificate(self, length: u16) -> Option<Padding> {
        self.padded(MESSAGE + 1 + 3, length)
    }

    /// Both of the above in one record.
    pub(super) fn empty_certificate_and_finished(self, length: u16) -> Option<Padding> {
        self.padded(MESSAGE + 1 + 3 + MESSAGE + self.hash, length)
    }

    /// The mark between early data and the client's handshake.
    pub(super) fn end_of_early_data(self, length: u16) -> bool {
        self.plaintext(length) == Some(MESSAGE)
    }

    fn padded(self, plaintext: u16, length: u16) -> Option<Padding> {
        let extra = self.plaintext(length)?.checked_sub(plaintext)?;
        match extra {
            0 => Some(Padding::None),
            JSSE_PADDING => Some(Padding::Jsse),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_those_that_were_measured() {
        let measured = [(0x1301, 19, 25, 53, 61), (0x1302, 19, 25, 69, 77), (0x1305, 11, 17, 45, 53)];
        for (cipher, alert, empty, finished, both) in measured {
            let suite = Suite::of(cipher).unwrap();
            let got = [
                suite.alert(alert),
                suite.empty_certificate(empty),
                suite.finished(finished),
                suite.empty_certificate_and_finished(both),
            ];
            assert_eq!(got, [Some(Padding::None); 4], "{cipher:x}");
        }
    }

    #[test]
    fn sixteen_bytes_more_are_the_padding_of_jsse() {
        let suite = Suite::of(0x1301).unwrap();
        assert_eq!([suite.alert(35), suite.finished(69), suite.empty_certificate(41)], [Some(Padding::Jsse); 3]);
    }
}
