//! What a pcapng interface says of its packets: link type, snap length and the clock of its time stamps.

use super::frame::LinkType;
use super::order::Order;
use crate::bytes::{Parsed, Reader};

const OPTION_END: u16 = 0;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;
const NS_PER_SECOND: i128 = 1_000_000_000;

/// One interface of a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// 0 means none.
    pub(super) snap_len: u32,
    clock: Clock,
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    unit: Unit,
    offset_s: i64,
}

/// How the units of a time stamp become nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Times(u64),
    Parts(u64),
    /// A second has two to this power of them.
    Binary(u32),
}

impl Interface {
    /// Reads the body of an interface description block.
    pub(super) fn read(body: &[u8], order: Order) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let link = LinkType(order.u16(&mut reader)?);
        reader.skip(2)?;
        let snap_len = order.u32(&mut reader)?;
        let mut clock = Clock { unit: Unit::Times(1_000), offset_s: 0 };
        // Options that do not fit say nothing; the packets are as good without them.
        while let Ok(true) = clock.option(&mut reader, order) {}
        Ok(Self { link, snap_len, clock })
    }

    /// Nanoseconds since 1970, held to what 64 bits hold.
    #[inline]
    pub(super) fn time_ns(&self, units: u64) -> u64 {
        let time = match self.clock.unit {
            Unit::Times(factor) => units.saturating_mul(factor),
            Unit::Parts(parts) => units / parts,
            Unit::Binary(power) => saturated((i128::from(units) * NS_PER_SECOND) >> power),
        };
        match self.clock.offset_s {
            0 => time,
            offset => saturated(i128::from(time) + i128::from(offset) * NS_PER_SECOND),
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "clamped to what fits")]
fn saturated(time: i128) -> u64 {
    time.clamp(0, i128::from(u64::MAX)) as u64
}

impl Clock {
    /// Reads one option; false behind the last.
    fn option(&mut self, reader: &mut Reader<'_>, order: Order) -> Parsed<bool> {
        let (code, length) = (order.u16(reader)?, order.u16(reader)?);
        let mut value = Reader::new(reader.take(usize::from(length))?);
        match code {
            OPTION_END => return Ok(false),
            OPTION_RESOLUTION => self.unit = Unit::new(value.u8()?),
            OPTION_OFFSET => self.offset_s = order.i64(&mut value)?,
            _ => {}
        }
        reader.skip(usize::from(length.wrapping_neg() & 3))?;
        Ok(true)
    }
}

impl Unit {
    /// From the option: a negative power of ten or, with the top bit, of two.
    fn new(resolution: u8) -> Self {
        match resolution {
            0..=9 => Self::Times(10_u64.pow(9 - u32::from(resolution))),
            10..=127 => Self::Parts(10_u64.checked_pow(u32::from(resolution) - 9).unwrap_or(u64::MAX)),
            _ => Self::Binary(u32::from(resolution & 0x7f)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(options: &[u8]) -> Interface {
        let mut body = vec![1, 0, 0, 0, 96, 0, 0, 0];
        body.extend(options);
        Interface::read(&body, Order::Little).unwrap()
    }

    #[test]
    fn time_stamps_are_microseconds_unless_told_otherwise() {
        assert_eq!(interface(&[]).time_ns(1_500_000), 1_500_000_000);
        assert_eq!(interface(&[9, 0, 1, 0, 9, 0, 0, 0]).time_ns(1_500_000), 1_500_000);
        assert_eq!(interface(&[9, 0, 1, 0, 12, 0, 0, 0]).time_ns(1_500_000), 1_500);
        assert_eq!(interface(&[9, 0, 1, 0, 0, 0, 0, 0]).time_ns(2), 2_000_000_000);
    }

    #[test]
    fn a_resolution_may_be_a_power_of_two() {
        assert_eq!(interface(&[9, 0, 1, 0, 0x81, 0, 0, 0]).time_ns(3), 1_500_000_000);
    }

    #[test]
    fn the_offset_is_in_signed_seconds() {
        assert_eq!(interface(&[14, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0]).time_ns(1), 2_000_001_000);
        let before_1970 = interface(&[14, 0, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!((before_1970.time_ns(1), before_1970.time_ns(1_000_001)), (0, 1_000));
    }

    #[test]
    fn options_behind_the_end_or_cut_short_say_nothing() {
        assert_eq!(interface(&[0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0]).time_ns(1), 1_000);
        assert_eq!(interface(&[9, 0, 1]).time_ns(1), 1_000);
        assert_eq!(interface(&[2, 0, 3, 0, b'e', b't', b'h', 0, 9, 0, 1, 0, 9, 0, 0, 0]).time_ns(1), 1);
    }

    #[test]
    fn no_clock_overflows() {
        for resolution in 0..=255 {
            let options = [9, 0, 1, 0, resolution, 0, 0, 0, 14, 0, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127];
            assert_eq!(interface(&options).time_ns(u64::MAX), u64::MAX);
        }
    }
}
