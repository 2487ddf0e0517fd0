//! One frame in, one TCP segment (or the reason why not) out. Nothing is kept between frames: fragments are not put
//! together, tunnels are not opened.

mod address;
mod internet;
mod link;
mod tcp;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use tcp::{Flags, Segment};

use crate::capture::LinkType;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// Nothing for us.
    Skipped(Skipped),
}

/// Why a frame holds nothing for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// Another network protocol than IP.
    NotIp,
    /// Another transport than TCP.
    NotTcp,
    /// A fragment without a whole TCP header.
    Fragment,
    /// The snap length cut a header.
    Truncated,
    /// A link type that we do not know.
    UnknownLink,
    /// A header that contradicts itself or the one around it.
    Malformed,
}

/// Decodes one frame.
#[inline]
pub fn decode(link: LinkType, frame: &[u8]) -> Decoded<'_> {
    match segment(link, frame) {
        Ok(segment) => Decoded::Tcp(segment),
        Err(skipped) => Decoded::Skipped(skipped),
    }
}

#[inline]
fn segment(link: LinkType, frame: &[u8]) -> Result<Segment<'_>, Skipped> {
    let (network, bytes) = link::payload(link, frame)?;
    let datagram = internet::datagram(network, bytes)?;
    match datagram.protocol {
        internet::TCP => tcp::segment(&datagram),
        _ => Err(Skipped::NotTcp),
    }
}
