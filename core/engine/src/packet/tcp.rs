//! The TCP header: ports, sequence numbers, flags and the payload behind it.

use super::internet::{Datagram, short};
use super::{Address, Skipped};
use crate::bytes::Reader;

const HEADER: usize = 20;
const OPTION_END: u8 = 0;
const OPTION_NOTHING: u8 = 1;
const OPTION_TIMESTAMP: u8 = 8;

/// The control bits of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender is done.
    #[inline]
    pub fn fin(self) -> bool {
        self.0 & 1 != 0
    }

    /// The first segment of a side.
    #[inline]
    pub fn syn(self) -> bool {
        self.0 & 2 != 0
    }

    /// The connection is void.
    #[inline]
    pub fn rst(self) -> bool {
        self.0 & 4 != 0
    }

    /// The acknowledgment number means something.
    #[inline]
    pub fn ack(self) -> bool {
        self.0 & 16 != 0
    }
}

/// One TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sent it.
    pub source: Address,
    /// To whom.
    pub destination: Address,
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// The number of the first byte (of the SYN, where there is one).
    pub sequence: u32,
    /// The number of the next byte expected from the other side.
    pub acknowledgment: u32,
    /// The control bits.
    pub flags: Flags,
    /// The receive window, unscaled.
    pub window: u16,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u32,
    /// The sender's clock (`TSval`, RFC 7323), where the segment carries it.
    pub timestamp: Option<u32>,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// The length of the payload on the wire.
    pub payload_len: u32,
}

/// Reads the TCP header of a datagram.
#[inline]
pub(super) fn segment<'a>(datagram: &Datagram<'a>) -> Result<Segment<'a>, Skipped> {
    // RFC 9293 3.1, the fields in their order.
    let (header, after) = datagram.body.split_first_chunk::<HEADER>().ok_or_else(|| short(datagram, HEADER))?;
    let &[sp0, sp1, dp0, dp1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, _, _] = header;
    let header_len = usize::from(offset >> 4) * 4;
    let payload_len = datagram.body_len.checked_sub(header_len as u32);
    let options_len = header_len.checked_sub(HEADER);
    let (Some(payload_len), Some(options_len)) = (payload_len, options_len) else {
        return Err(if options_len.is_some() { short(datagram, header_len) } else { Skipped::Malformed });
    };
    // A snap length may end within the options: what the fixed part says holds all the same.
    let (options, payload) = after.split_at_checked(options_len).unwrap_or((after, &[]));
    Ok(Segment {
        source: datagram.source,
        destination: datagram.destination,
        source_port: u16::from_be_bytes([sp0, sp1]),
        destination_port: u16::from_be_bytes([dp0, dp1]),
        sequence: u32::from_be_bytes([q0, q1, q2, q3]),
        acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: Flags(flags),
        window: u16::from_be_bytes([w0, w1]),
        ip_id: datagram.identification,
        timestamp: timestamp(options),
        payload,
        payload_len,
    })
}

#[inline]
fn timestamp(options: &[u8]) -> Option<u32> {
    match options.first_chunk::<8>() {
        None => None,
        // RFC 7323 appendix A: how nearly every segment but a SYN carries it.
        Some(&[OPTION_NOTHING, OPTION_NOTHING, OPTION_TIMESTAMP, 10, t0, t1, t2, t3]) => {
            Some(u32::from_be_bytes([t0, t1, t2, t3]))
        }
        Some(_) => find_timestamp(options),
    }
}

#[cold]
fn find_timestamp(options: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(options);
    loop {
        match reader.u8().ok()? {
            OPTION_END => return None,
            OPTION_NOTHING => {}
            kind => {
                let length = usize::from(reader.u8().ok()?).checked_sub(2)?;
                let mut value = Reader::new(reader.take(length).ok()?);
                if kind == OPTION_TIMESTAMP && length == 8 {
                    return value.u32().ok();
                }
            }
        }
    }
}
