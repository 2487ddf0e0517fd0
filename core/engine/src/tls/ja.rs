//! Fingerprints of hellos: JA3 and JA3S (MD5) and the client's JA4. Nothing of the licensed JA4+ family.

use md5::{Digest, Md5};
use sha2::Sha256;
use std::sync::Arc;

use super::hello::{ClientHello, ServerHello, extension, is_grease};

/// JA3: version, ciphers, extensions, groups and point formats in decimal, GREASE left out.
pub(super) fn ja3(hello: &ClientHello<'_>) -> Arc<str> {
    let text = [
        hello.version.to_string(),
        decimal(hello.ciphers()),
        decimal(hello.extensions.kinds()),
        decimal(hello.groups()),
        decimal(hello.point_formats().iter().map(|format| u16::from(*format))),
    ];
    hexadecimal(&Md5::digest(text.join(",")))
}

/// JA3S: version, cipher and extensions.
pub(super) fn ja3s(hello: &ServerHello<'_>) -> Arc<str> {
    let extensions = decimal(hello.extensions.kinds());
    hexadecimal(&Md5::digest(format!("{},{},{extensions}", hello.legacy_version, hello.cipher)))
}

/// JA4 over TCP: what is offered, then hashes of the sorted ciphers and of the sorted extensions with the signature algorithms.
pub(super) fn ja4(hello: &ClientHello<'_>) -> Arc<str> {
    let mut ciphers = hex_words(hello.ciphers());
    let mut extensions = hex_words(hello.extensions.kinds());
    let head = ja4_head(hello, ciphers.len(), extensions.len());
    ciphers.sort_unstable();
    extensions.retain(|kind| kind != "0000" && kind != "0010");
    extensions.sort_unstable();
    let algorithms = hex_words(hello.signature_algorithms());
    let mut tail = extensions.join(",");
    if !algorithms.is_empty() {
        tail = format!("{tail}_{}", algorithms.join(","));
    }
    let tail = if extensions.is_empty() { String::new() } else { tail };
    format!("{head}_{}_{}", short_hash(&ciphers.join(",")), short_hash(&tail)).into()
}

fn ja4_head(hello: &ClientHello<'_>, ciphers: usize, extensions: usize) -> String {
    let version = match hello.highest_version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let name = if hello.extensions.has(extension::SERVER_NAME) { 'd' } else { 'i' };
    let protocol = ja4_protocol(hello.protocols().first().copied().unwrap_or_default());
    format!("t{version}{name}{:02}{:02}{protocol}", ciphers.min(99), extensions.min(99))
}

/// First and last character of the first protocol; of its hexadecimal form where one is not alphanumeric.
fn ja4_protocol(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".into() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 0x0f)
}

fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    hexadecimal(&Sha256::digest(text)).chars().take(12).collect()
}

fn decimal(values: impl Iterator<Item = u16>) -> String {
    let words: Vec<String> = values.filter(|value| !is_grease(*value)).map(|value| value.to_string()).collect();
    words.join("-")
}

fn hex_words(values: impl Iterator<Item = u16>) -> Vec<String> {
    values.filter(|value| !is_grease(*value)).map(|value| format!("{value:04x}")).collect()
}

fn hexadecimal(digest: &[u8]) -> Arc<str> {
    use std::fmt::Write;
    let mut text = String::with_capacity(digest.len() * 2);
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hello that the public description of JA4 works through.
    fn described() -> Vec<u8> {
        let words = |values: &[u16]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>();
        let ciphers: [u16; 16] = [
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let empty = [0x1a1a, 0x001b, 0x0000, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000b];
        let algorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let mut block = Vec::new();
        for kind in empty {
            block.extend(words(&[kind, 0]));
        }
        block.extend(words(&[0x000d, 18, 16]));
        block.extend(words(&algorithms));
        block.extend(words(&[0x002b, 5]));
        block.extend([4, 3, 4, 3, 3]);
        block.extend(words(&[0x0010, 5, 3]));
        block.extend([2, b'h', b'2']);
        block.extend(words(&[0x000a, 0, 0x0015, 0, 0x2a2a, 0]));
        let mut hello = words(&[0x0303]);
        hello.extend([7; 32]);
        hello.push(0);
        hello.extend(words(&[32]));
        hello.extend(words(&ciphers));
        hello.extend([1, 0]);
        hello.extend(words(&[block.len() as u16]));
        hello.extend(block);
        hello
    }

    #[test]
    fn ja4_is_that_of_its_public_description() {
        let bytes = described();
        let hello = ClientHello::parse(&bytes).unwrap();
        assert_eq!(&*ja4(&hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_a_hello_with_nothing_is_zeros() {
        let mut bytes = vec![3, 1];
        bytes.extend([0; 32]);
        bytes.extend([0, 0, 0, 1, 0]);
        assert_eq!(&*ja4(&ClientHello::parse(&bytes).unwrap()), "t10i000000_000000000000_000000000000");
    }

    #[test]
    fn ja4_writes_odd_protocol_names_in_hexadecimal() {
        assert_eq!([ja4_protocol(b"http/1.1"), ja4_protocol(&[0xab, 0xcd]), ja4_protocol(b"")], ["h1", "ad", "00"]);
    }
}
