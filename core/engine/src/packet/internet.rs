//! IPv4 and IPv6 headers: addresses, transport protocol and how long the body was on the wire.

use super::link::Network;
use super::{Address, Skipped};
use crate::bytes::{Parsed, Reader};

/// The transport we are after.
pub(super) const TCP: u8 = 6;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// RFC 8200 4.1 knows five kinds, one of them twice; the bound keeps the work per frame constant.
const MAX_EXTENSIONS: usize = 8;

/// An IP datagram, its headers done with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) protocol: u8,
    /// IPv4 identification; 0 for IPv6.
    pub(super) identification: u32,
    /// The first of several fragments.
    pub(super) fragmented: bool,
    /// What was captured of the body, without padding behind it.
    pub(super) body: &'a [u8],
    /// How long the body was on the wire.
    pub(super) body_len: u32,
}

/// Reads the headers of one datagram.
#[inline]
pub(super) fn datagram(network: Network, bytes: &[u8]) -> Result<Datagram<'_>, Skipped> {
    match (network, bytes.first()) {
        (Network::V4, _) => version4(bytes),
        (Network::V6, _) => version6(bytes),
        (Network::ByVersion, None) => Err(Skipped::Truncated),
        (Network::ByVersion, Some(first)) => match first >> 4 {
            4 => version4(bytes),
            6 => version6(bytes),
            _ => Err(Skipped::NotIp),
        },
    }
}

#[inline]
fn version4(bytes: &[u8]) -> Result<Datagram<'_>, Skipped> {
    // RFC 791 3.1, the fields in their order.
    let &[first, _, len0, len1, id0, id1, frag0, frag1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        bytes.first_chunk::<20>().ok_or(Skipped::Truncated)?;
    let header_len = usize::from(first & 15) * 4;
    if first >> 4 != 4 || header_len < 20 {
        return Err(Skipped::Malformed);
    }
    let fragment = u16::from_be_bytes([frag0, frag1]);
    if fragment & 0x1fff != 0 {
        return Err(Skipped::Fragment);
    }
    let after = bytes.get(header_len..).ok_or(Skipped::Truncated)?;
    let (body, body_len) = match usize::from(u16::from_be_bytes([len0, len1])) {
        // Segmentation offload hands the capture a datagram whose length is not yet filled in.
        0 => (after, after.len()),
        total => bounded(after, total.checked_sub(header_len).ok_or(Skipped::Malformed)?),
    };
    Ok(Datagram {
        source: Address::V4([s0, s1, s2, s3]),
        destination: Address::V4([d0, d1, d2, d3]),
        protocol,
        identification: u32::from(u16::from_be_bytes([id0, id1])),
        fragmented: fragment & 0x2000 != 0,
        body,
        body_len: body_len as u32,
    })
}

fn version6(bytes: &[u8]) -> Result<Datagram<'_>, Skipped> {
    let (version, len, protocol, source, destination, after) = fields6(bytes).map_err(|_| Skipped::Truncated)?;
    if version != 6 {
        return Err(Skipped::Malformed);
    }
    let (body, body_len) = match usize::from(len) {
        // RFC 2675: a jumbogram, or segmentation offload; either way the frame is all there is.
        0 => (after, after.len()),
        len => bounded(after, len),
    };
    let (source, destination) = (Address::V6(source), Address::V6(destination));
    let body_len = body_len as u32;
    let datagram = Datagram { source, destination, protocol, identification: 0, fragmented: false, body, body_len };
    (0..MAX_EXTENSIONS).try_fold(datagram, |datagram, _| extension(datagram))
}

/// `bytes` without what lies behind the datagram's own end.
#[inline]
fn bounded(bytes: &[u8], length: usize) -> (&[u8], usize) {
    (bytes.get(..length).unwrap_or(bytes), length)
}

type Fields6<'a> = (u8, u16, u8, [u8; 16], [u8; 16], &'a [u8]);

#[inline]
fn fields6(bytes: &[u8]) -> Parsed<Fields6<'_>> {
    let mut reader = Reader::new(bytes);
    let [first, _, _, _] = reader.array()?;
    let (len, protocol, _) = (reader.u16()?, reader.u8()?, reader.u8()?);
    Ok((first >> 4, len, protocol, reader.array()?, reader.array()?, reader.rest()))
}

/// Passes one extension header; a datagram without one stays as it is.
#[inline]
fn extension(datagram: Datagram<'_>) -> Result<Datagram<'_>, Skipped> {
    let kind = datagram.protocol;
    if !matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION) {
        return Ok(datagram);
    }
    let &[protocol, length, field0, field1] = datagram.body.first_chunk().ok_or(short(&datagram, 4))?;
    let length = match kind {
        FRAGMENT => 8,
        AUTHENTICATION => (usize::from(length) + 2) * 4,
        _ => (usize::from(length) + 1) * 8,
    };
    let body = datagram.body.get(length..).ok_or(short(&datagram, length))?;
    let fragment = if kind == FRAGMENT { u16::from_be_bytes([field0, field1]) } else { 0 };
    if fragment >> 3 != 0 {
        return Err(Skipped::Fragment);
    }
    let fragmented = datagram.fragmented || fragment & 1 != 0;
    Ok(Datagram { protocol, fragmented, body, body_len: datagram.body_len - length as u32, ..datagram })
}

/// Why a header of `length` bytes is not whole in the captured part of a datagram.
pub(super) fn short(datagram: &Datagram<'_>, length: usize) -> Skipped {
    match datagram {
        Datagram { body_len, .. } if *body_len as usize >= length => Skipped::Truncated,
        Datagram { fragmented: true, .. } => Skipped::Fragment,
        _ => Skipped::Malformed,
    }
}
