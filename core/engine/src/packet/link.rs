//! The header a frame begins with, by link type: what network protocol follows, and where.

use super::Skipped;
use crate::bytes::{Parsed, Reader};
use crate::capture::LinkType;

const NULL: LinkType = LinkType(0);
const ETHERNET: LinkType = LinkType(1);
const LOOP: LinkType = LinkType(108);
const LINUX_COOKED: LinkType = LinkType(113);
const LINUX_COOKED_V2: LinkType = LinkType(276);
const IPV4: LinkType = LinkType(228);
const IPV6: LinkType = LinkType(229);
/// Raw IP by its number in the registry, and by what Linux and `OpenBSD` wrote before that.
const RAW: [LinkType; 3] = [LinkType(101), LinkType(12), LinkType(14)];

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// IEEE 802.1Q, 802.1ad and the number used for stacking before that.
const ETHERTYPE_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Two are usual; more than this is noise, and the bound keeps the work per frame constant.
const MAX_TAGS: usize = 4;

/// Which network protocol a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    V4,
    V6,
    /// The first byte of the header tells.
    ByVersion,
}

/// The network protocol of a frame and the bytes from its header on.
#[inline]
pub(super) fn payload(link: LinkType, frame: &[u8]) -> Result<(Network, &[u8]), Skipped> {
    match link {
        ETHERNET => tagged(frame, 12, 0),
        LINUX_COOKED => tagged(frame, 14, 0),
        LINUX_COOKED_V2 => tagged(frame, 0, 18),
        NULL | LOOP => family(frame),
        IPV4 => Ok((Network::V4, frame)),
        IPV6 => Ok((Network::V6, frame)),
        _ if RAW.contains(&link) => Ok((Network::ByVersion, frame)),
        _ => Err(Skipped::UnknownLink),
    }
}

/// A header with an Ethernet type behind `before` bytes and `behind` more bytes after it.
#[inline]
fn tagged(frame: &[u8], before: usize, behind: usize) -> Result<(Network, &[u8]), Skipped> {
    let mut reader = Reader::new(frame);
    let mut kind = header(&mut reader, before, behind).map_err(|_| Skipped::Truncated)?;
    for _ in 0..=MAX_TAGS {
        match kind {
            ETHERTYPE_IPV4 => return Ok((Network::V4, reader.rest())),
            ETHERTYPE_IPV6 => return Ok((Network::V6, reader.rest())),
            _ if ETHERTYPE_TAGS.contains(&kind) => {
                kind = header(&mut reader, 2, 0).map_err(|_| Skipped::Truncated)?;
            }
            _ => return Err(Skipped::NotIp),
        }
    }
    Err(Skipped::NotIp)
}

#[inline]
fn header(reader: &mut Reader<'_>, before: usize, behind: usize) -> Parsed<u16> {
    reader.skip(before)?;
    let kind = reader.u16()?;
    reader.skip(behind)?;
    Ok(kind)
}

/// BSD loopback: an address family in the byte order of the capturing machine.
fn family(frame: &[u8]) -> Result<(Network, &[u8]), Skipped> {
    let mut reader = Reader::new(frame);
    let family = reader.u32().map_err(|_| Skipped::Truncated)?;
    match family.min(family.swap_bytes()) {
        2 => Ok((Network::V4, reader.rest())),
        // AF_INET6 of Linux; NetBSD and OpenBSD; FreeBSD; macOS.
        10 | 24 | 28 | 30 => Ok((Network::V6, reader.rest())),
        _ => Err(Skipped::NotIp),
    }
}
