//! Reads the two hellos; it leaves their meaning for the conversation to `state.rs`.

use super::facts::Version;
use crate::bytes::{Parsed, Reader, Stop};

/// Real hellos carry about 20; the bound keeps a hostile one from costing more than its own bytes.
const MAX_EXTENSIONS: usize = 256;
/// RFC 8446 4.1.3: a `ServerHello` with this random is a `HelloRetryRequest`.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Extension numbers.
pub(super) mod extension {
    pub(in super::super) const SERVER_NAME: u16 = 0;
    pub(in super::super) const MAX_FRAGMENT_LENGTH: u16 = 1;
    pub(in super::super) const SUPPORTED_GROUPS: u16 = 10;
    pub(in super::super) const POINT_FORMATS: u16 = 11;
    pub(in super::super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in super::super) const HEARTBEAT: u16 = 15;
    pub(in super::super) const APPLICATION_PROTOCOLS: u16 = 16;
    pub(in super::super) const CLIENT_CERTIFICATE_TYPE: u16 = 19;
    pub(in super::super) const SERVER_CERTIFICATE_TYPE: u16 = 20;
    pub(in super::super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(in super::super) const COMPRESS_CERTIFICATE: u16 = 27;
    pub(in super::super) const RECORD_SIZE_LIMIT: u16 = 28;
    pub(in super::super) const PRE_SHARED_KEY: u16 = 41;
    pub(in super::super) const EARLY_DATA: u16 = 42;
    pub(in super::super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in super::super) const PSK_MODES: u16 = 45;
    pub(in super::super) const KEY_SHARE: u16 = 51;
}

/// A server that grants one of these changes the size or the cut of its flight.
const RESHAPING: [u16; 5] = [
    extension::MAX_FRAGMENT_LENGTH,
    extension::HEARTBEAT,
    extension::CLIENT_CERTIFICATE_TYPE,
    extension::SERVER_CERTIFICATE_TYPE,
    extension::RECORD_SIZE_LIMIT,
];

/// RFC 8701: values sent only to see whether the other end ignores them.
pub(super) fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// The extensions of a hello, in its order.
#[derive(Debug)]
pub(super) struct Extensions<'a>(Reader<'a>);

impl<'a> Extensions<'a> {
    fn parse(reader: &mut Reader<'a>) -> Self {
        Self(reader.vector16().unwrap_or(*reader))
    }

    /// A block cut short yields the extensions before the cut: odd traffic is described, not refused.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut block = self.0;
        let next = move || Some((block.u16().ok()?, block.vector16().ok()?.rest()));
        std::iter::from_fn(next).take(MAX_EXTENSIONS)
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.iter().map(|(kind, _)| kind)
    }

    pub(super) fn has(&self, kind: u16) -> bool {
        self.kinds().any(|found| found == kind)
    }

    fn find(&self, kind: u16) -> Option<Reader<'a>> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, body)| Reader::new(body))
    }

    /// The 16-bit values of a list whose length stands in two bytes.
    fn list16(&self, kind: u16) -> impl Iterator<Item = u16> + use<'a> {
        numbers(self.find(kind).and_then(|mut body| body.vector16().ok()).unwrap_or(Reader::new(&[])))
    }

    fn protocols(&self) -> Vec<&'a [u8]> {
        let list = self.find(extension::APPLICATION_PROTOCOLS).and_then(|mut body| body.vector16().ok());
        let mut names = Vec::new();
        let Some(mut list) = list else { return names };
        while let Ok(name) = list.vector8() {
            names.push(name.rest());
        }
        names
    }
}

fn numbers(mut list: Reader<'_>) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || list.u16().ok())
}

/// A `ClientHello` of SSL 3.0 or later.
#[derive(Debug)]
pub(super) struct ClientHello<'a> {
    pub(super) version: u16,
    pub(super) random: [u8; 32],
    ciphers: Reader<'a>,
    pub(super) extensions: Extensions<'a>,
}

/// The extensions of a `ClientHello` whose bodies are read here; of all others it counts only that they are there.
const READ: [u16; 6] = [
    extension::SERVER_NAME,
    extension::SUPPORTED_GROUPS,
    extension::POINT_FORMATS,
    extension::SIGNATURE_ALGORITHMS,
    extension::APPLICATION_PROTOCOLS,
    extension::SUPPORTED_VERSIONS,
];

impl<'a> ClientHello<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        reader.vector8()?;
        let ciphers = reader.vector16()?;
        reader.vector8()?;
        Ok(Self { version, random, ciphers, extensions: Extensions::parse(&mut reader) })
    }

    /// Appends all that is read of it but the random: two hellos that give the same are the same to every reader.
    pub(super) fn essence(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&(self.ciphers.len() as u16).to_be_bytes());
        out.extend_from_slice(self.ciphers.rest());
        for (kind, body) in self.extensions.iter() {
            out.extend_from_slice(&kind.to_be_bytes());
            if READ.contains(&kind) {
                out.extend_from_slice(&(body.len() as u16).to_be_bytes());
                out.extend_from_slice(body);
            }
        }
    }

    pub(super) fn ciphers(&self) -> impl Iterator<Item = u16> + use<'a> {
        numbers(self.ciphers)
    }

    pub(super) fn server_name(&self) -> Option<&'a [u8]> {
        let mut list = self.extensions.find(extension::SERVER_NAME)?.vector16().ok()?;
        let kind = list.u8().ok()?;
        (kind == 0).then(|| list.vector16().ok()).flatten().map(|name| name.rest())
    }

    pub(super) fn protocols(&self) -> Vec<&'a [u8]> {
        self.extensions.protocols()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.extensions.list16(extension::SUPPORTED_GROUPS)
    }

    pub(super) fn signature_algorithms(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.extensions.list16(extension::SIGNATURE_ALGORITHMS)
    }

    pub(super) fn point_formats(&self) -> &'a [u8] {
        let list = self.extensions.find(extension::POINT_FORMATS).and_then(|mut body| body.vector8().ok());
        list.map(|list| list.rest()).unwrap_or_default()
    }

    /// Whether sizes in the server's encrypted flight can only mean what they usually mean.
    pub(super) fn sizes_tell(&self) -> bool {
        !self.extensions.kinds().any(|kind| RESHAPING.contains(&kind))
    }

    /// Whether the server may answer with an extension that is empty: to the name, or to early data.
    pub(super) fn wants_acknowledgment(&self) -> bool {
        self.extensions.has(extension::SERVER_NAME) || self.extensions.has(extension::EARLY_DATA)
    }

    /// The highest version offered, for which `supported_versions` speaks where it is sent.
    pub(super) fn highest_version(&self) -> u16 {
        let list = self.extensions.find(extension::SUPPORTED_VERSIONS).and_then(|mut body| body.vector8().ok());
        let offered = list.into_iter().flat_map(numbers);
        offered.filter(|version| !is_grease(*version)).max().unwrap_or(self.version)
    }
}

/// The protocol that the server chose, from the body of `EncryptedExtensions`.
pub(super) fn encrypted_protocol(body: &[u8]) -> Option<&[u8]> {
    Extensions::parse(&mut Reader::new(body)).protocols().first().copied()
}

/// A `ServerHello` or `HelloRetryRequest`.
#[derive(Debug)]
pub(super) struct ServerHello<'a> {
    pub(super) legacy_version: u16,
    pub(super) random: [u8; 32],
    pub(super) cipher: u16,
    pub(super) extensions: Extensions<'a>,
    pub(super) is_retry: bool,
}

impl<'a> ServerHello<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let legacy_version = reader.u16()?;
        let random: [u8; 32] = reader.array()?;
        reader.vector8()?;
        let cipher = reader.u16()?;
        reader.u8()?;
        if legacy_version >> 8 != 3 && legacy_version >> 8 != 0x7f {
            return Err(Stop::Invalid);
        }
        let extensions = Extensions::parse(&mut reader);
        Ok(Self { legacy_version, random, cipher, extensions, is_retry: random == RETRY_RANDOM })
    }

    /// Appends what its fingerprint is made of.
    pub(super) fn essence(&self, out: &mut Vec<u8>) {
        for number in [self.legacy_version, self.cipher].into_iter().chain(self.extensions.kinds()) {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(super) fn version(&self) -> Version {
        let chosen = self.extensions.find(extension::SUPPORTED_VERSIONS).and_then(|mut body| body.u16().ok());
        Version(chosen.unwrap_or(self.legacy_version))
    }

    pub(super) fn group(&self) -> Option<u16> {
        self.extensions.find(extension::KEY_SHARE)?.u16().ok()
    }

    pub(super) fn protocol(&self) -> Option<&'a [u8]> {
        self.extensions.protocols().first().copied()
    }

    pub(super) fn resumes(&self) -> bool {
        self.extensions.has(extension::PRE_SHARED_KEY)
    }
}
