//! The byte order in which the writer of a capture stored its own numbers.

use crate::bytes::{Parsed, Reader};

/// Which end of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, reader: &mut Reader<'_>) -> Parsed<u16> {
        let bytes = reader.array()?;
        Ok(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    #[inline]
    pub(super) fn u32(self, reader: &mut Reader<'_>) -> Parsed<u32> {
        let bytes = reader.array()?;
        Ok(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(super) fn i64(self, reader: &mut Reader<'_>) -> Parsed<i64> {
        let bytes = reader.array()?;
        Ok(match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        })
    }
}
