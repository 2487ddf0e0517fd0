//! What the lengths of a TLS 1.3 server's encrypted flight tell: the chosen protocol and the size of its certificates.

use super::suite::{Padding, Suite};

/// A flight has five messages; more are kept so that a reader sees how an odd one was packed.
const MAX_FLIGHT: usize = 16;
/// `EncryptedExtensions` with nothing in it: header and an empty list.
const EMPTY_EXTENSIONS: u16 = 4 + 2;
/// A protocol's extension around its name: type, length, list length, name length.
const PROTOCOL_AROUND: u16 = 2 + 2 + 2 + 1;
/// One empty extension, to acknowledge the name or early data.
const EMPTY_EXTENSION: u16 = 4;
/// `CertificateVerify` is 4 + 2 + 2 and a signature: Ed25519 has 64 bytes, ML-DSA-87 4,627.
const PROOF: std::ops::RangeInclusive<u16> = 8 + 60..=8 + 4640;
/// RFC 8446 5.1: a longer message is cut; a record that is full is a piece of one.
const FULL_RECORD: u16 = 1 << 14;
/// `EncryptedExtensions` longer than this are not told from a certificate.
const LONGEST_EXTENSIONS: u16 = 200;

/// The application protocol, as the size of `EncryptedExtensions` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The size has no meaning, or two.
    Unknown,
    /// None was chosen.
    Nothing,
    /// This one of the client's offers.
    Offer(usize),
}

/// What the client offers, as far as the sizes of the answer depend on it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// Lengths of the protocols' names.
    pub(super) names: Vec<usize>,
    /// The server may add an empty extension.
    pub(super) acknowledged: bool,
    /// The server may compress its certificates.
    pub(super) compression: bool,
}

/// The lengths in order.
#[derive(Debug, Default)]
pub(super) struct ServerFlight {
    lengths: Vec<u16>,
}

impl ServerFlight {
    /// One encrypted record of the server before the client's answer.
    pub(super) fn record(&mut self, length: u16) {
        if self.lengths.len() < MAX_FLIGHT {
            self.lengths.push(length);
        }
    }

    pub(super) fn lengths(&self) -> &[u16] {
        &self.lengths
    }

    /// Which of the offered protocols was chosen.
    pub(super) fn protocol(&self, suite: Suite, offer: &Offer) -> Chosen {
        let message = self.lengths.first().and_then(|length| suite.plaintext(*length));
        let Some(extra) = message.and_then(|message| message.checked_sub(EMPTY_EXTENSIONS)) else {
            return Chosen::Unknown;
        };
        let means = |size: u16| extra == size || (offer.acknowledged && extra == size + EMPTY_EXTENSION);
        let chosen = |name: &usize| u16::try_from(*name).is_ok_and(|name| means(PROTOCOL_AROUND + name));
        let mut candidates = offer.names.iter().enumerate().filter(|(_, name)| chosen(name)).map(|(index, _)| index);
        match (means(0), candidates.next(), candidates.next()) {
            (true, None, _) => Chosen::Nothing,
            (false, Some(index), None) => Chosen::Offer(index),
            _ => Chosen::Unknown,
        }
    }

    /// Length of the Certificate message, where the flight is packed one message a record.
    pub(super) fn certificate(&self, suite: Suite) -> Option<u32> {
        let finished = self.lengths.iter().position(|length| suite.finished(*length) == Some(Padding::None))?;
        let messages = self.lengths.get(..finished)?;
        let ([extensions, certificate, proof] | [extensions, _, certificate, proof]) = *messages else {
            return None;
        };
        let cut = messages.iter().any(|length| suite.plaintext(*length) == Some(FULL_RECORD));
        let expected = suite.plaintext(extensions)? <= LONGEST_EXTENSIONS && PROOF.contains(&suite.plaintext(proof)?);
        (expected && !cut).then(|| suite.plaintext(certificate).map(u32::from)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(lengths: &[u16]) -> ServerFlight {
        ServerFlight { lengths: lengths.to_vec() }
    }

    fn offer(names: &[usize]) -> Offer {
        Offer { names: names.to_vec(), ..Offer::default() }
    }

    fn aes128() -> Suite {
        Suite::of(0x1301).unwrap()
    }

    #[test]
    fn the_protocol_follows_from_the_size_of_the_first_record() {
        let offer = Offer { names: vec!["h2".len(), "http/1.1".len()], acknowledged: true, compression: false };
        let told = |length| flight(&[length]).protocol(aes128(), &offer);
        for length in [23, 27] {
            assert_eq!(told(length), Chosen::Nothing);
        }
        for (length, index) in [(32, 0), (36, 0), (38, 1), (42, 1)] {
            assert_eq!(told(length), Chosen::Offer(index));
        }
        for length in [24, 33, 59, 900] {
            assert_eq!(told(length), Chosen::Unknown);
        }
    }

    #[test]
    fn two_offers_of_one_length_are_not_told_apart() {
        assert_eq!(flight(&[38]).protocol(aes128(), &offer(&[8, 8])), Chosen::Unknown);
        assert_eq!(flight(&[32]).protocol(aes128(), &offer(&[])), Chosen::Unknown);
    }

    #[test]
    fn four_bytes_more_need_something_to_acknowledge() {
        assert_eq!(flight(&[36]).protocol(aes128(), &offer(&[2])), Chosen::Unknown);
    }

    #[test]
    fn the_certificate_stands_before_proof_and_finished() {
        assert_eq!(flight(&[32, 122, 964, 281, 53]).certificate(aes128()), Some(947));
        assert_eq!(flight(&[23, 964, 281, 53]).certificate(aes128()), Some(947));
    }

    #[test]
    fn a_flight_packed_otherwise_does_not_tell() {
        for lengths in [
            &[1300u16, 53][..],
            &[1400],
            &[23, 53],
            &[23, 16401, 200, 281, 40, 53],
            &[900, 964, 281, 53],
            &[23, 16401, 800, 281, 53],
            &[39, 980, 297, 69],
        ] {
            assert_eq!(flight(lengths).certificate(aes128()), None, "{lengths:?}");
        }
    }
}
