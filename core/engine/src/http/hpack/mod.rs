//! A bounded decoder of HPACK header blocks (RFC 7541); it never encodes.

mod huffman;
mod table;
#[cfg(test)]
mod tests;

use crate::bytes::{Parsed, Reader, Stop};
use table::Table;

/// Fields read of one block: real ones have under 100, and one byte of input may stand for a whole entry.
const FIELDS_LIMIT: usize = 1024;
/// Continuation bytes of an integer: five hold any 32-bit value.
const INTEGER_BYTES: u32 = 5;

/// The state of one direction of a connection. After an error it is of no more use.
pub struct Decoder {
    table: Table,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// The state before the first block.
    pub fn new() -> Self {
        Self { table: Table::new() }
    }

    /// Reads one whole block and hands each name and value to `field`, in order.
    pub fn decode(&mut self, block: &[u8], mut field: impl FnMut(&[u8], &[u8])) -> Parsed<()> {
        let mut reader = Reader::new(block);
        for _ in 0..FIELDS_LIMIT {
            if reader.is_empty() {
                return Ok(());
            }
            self.step(&mut reader, &mut field)?;
        }
        Err(Stop::Invalid)
    }

    fn step(&mut self, reader: &mut Reader<'_>, field: &mut impl FnMut(&[u8], &[u8])) -> Parsed<()> {
        let first = reader.u8()?;
        match first {
            0x80.. => {
                let (name, value) = self.table.field(integer(first, 7, reader)?).ok_or(Stop::Invalid)?;
                field(name, value);
            }
            0x40.. => {
                let (name, value) = self.literal(integer(first, 6, reader)?, reader)?;
                field(&name, &value);
                self.table.insert(name, value);
            }
            0x20.. => {
                let size = integer(first, 5, reader)?;
                return if self.table.resize(size) { Ok(()) } else { Err(Stop::Invalid) };
            }
            _ => {
                let (name, value) = self.literal(integer(first, 4, reader)?, reader)?;
                field(&name, &value);
            }
        }
        Ok(())
    }

    fn literal(&self, name_index: usize, reader: &mut Reader<'_>) -> Parsed<(Vec<u8>, Vec<u8>)> {
        let name = match name_index {
            0 => string(reader)?,
            index => self.table.field(index).map(|(name, _)| name.to_vec()).ok_or(Stop::Invalid)?,
        };
        Ok((name, string(reader)?))
    }
}

/// RFC 7541 5.1: the low `bits` of the first byte, then seven bits a byte while the top bit is set.
fn integer(first: u8, bits: u32, reader: &mut Reader<'_>) -> Parsed<usize> {
    let full = (1_u64 << bits) - 1;
    let mut value = u64::from(first) & full;
    if value < full {
        return Ok(value as usize);
    }
    for position in 0..INTEGER_BYTES {
        let byte = reader.u8()?;
        value += u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return usize::try_from(value).map_err(|_| Stop::Invalid);
        }
    }
    Err(Stop::Invalid)
}

fn string(reader: &mut Reader<'_>) -> Parsed<Vec<u8>> {
    let first = reader.u8()?;
    let length = integer(first, 7, reader)?;
    let bytes = reader.take(length)?;
    if first & 0x80 == 0 { Ok(bytes.to_vec()) } else { huffman::decode(bytes) }
}
