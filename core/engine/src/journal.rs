//! All finished flows, in order, to be read more than once: small ones stay in memory, the rest goes to an
//! unnamed temporary file, so that memory does not follow the size of the capture.

use crate::bytes::{Parsed, Reader, Stop};
use crate::facts::FactIds;
use crate::flow::FlowRecord;
use crate::flow::{Endpoint, FlowState};
use crate::packet::Address;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes of records kept in memory before they go to the file.
pub const MAX_MEMORY_BYTES: usize = 8 * 1024 * 1024;
/// Every record has this size, so that chunks of the file hold whole records.
const RECORD_BYTES: usize = 104;
/// Records read back at a time.
const CHUNK_RECORDS: usize = 8192;

/// The finished flows of a capture.
#[derive(Debug, Default)]
pub struct Journal {
    memory: Vec<u8>,
    file: Option<File>,
    records: u64,
}

impl Journal {
    /// Adds one record.
    pub fn push(&mut self, record: &FlowRecord) -> io::Result<()> {
        if self.memory.len() + RECORD_BYTES > MAX_MEMORY_BYTES {
            self.spill()?;
        }
        encode(record, &mut self.memory);
        self.records += 1;
        Ok(())
    }

    /// How many records there are.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Calls `visit` with every record in order; its error ends the walk.
    pub fn each<E: From<io::Error>>(&mut self, mut visit: impl FnMut(FlowRecord) -> Result<(), E>) -> Result<(), E> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
            let mut chunk = Vec::with_capacity(CHUNK_RECORDS * RECORD_BYTES);
            loop {
                chunk.clear();
                Read::by_ref(file).take((CHUNK_RECORDS * RECORD_BYTES) as u64).read_to_end(&mut chunk)?;
                if chunk.is_empty() {
                    break;
                }
                visit_all(&chunk, &mut visit)?;
            }
        }
        visit_all(&self.memory, &mut visit)
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::End(0))?;
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }
}

fn visit_all<E>(bytes: &[u8], visit: &mut impl FnMut(FlowRecord) -> Result<(), E>) -> Result<(), E> {
    for chunk in bytes.chunks_exact(RECORD_BYTES) {
        if let Ok(record) = decode(chunk) {
            visit(record)?;
        }
    }
    Ok(())
}

fn encode(record: &FlowRecord, out: &mut Vec<u8>) {
    let start = out.len();
    for end in [record.client, record.server] {
        let (family, bytes) = match end.address {
            Address::V4([a, b, c, d]) => (4u8, [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Address::V6(bytes) => (6u8, bytes),
        };
        out.push(family);
        out.extend_from_slice(&bytes);
        out.extend_from_slice(&end.port.to_be_bytes());
    }
    for number in [record.first_ns, record.last_ns].into_iter().chain(record.packets).chain(record.bytes) {
        out.extend_from_slice(&number.to_be_bytes());
    }
    let flags = u8::from(record.midstream) | u8::from(record.direction_guessed) << 1;
    out.extend_from_slice(&[record.state as u8, flags]);
    for number in [record.gaps, record.facts.shape, record.facts.detail] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.resize(start + RECORD_BYTES, 0);
}

fn decode(bytes: &[u8]) -> Parsed<FlowRecord> {
    let mut reader = Reader::new(bytes);
    let (client, server) = (endpoint(&mut reader)?, endpoint(&mut reader)?);
    let mut number = || reader.array().map(u64::from_be_bytes);
    let (first_ns, last_ns) = (number()?, number()?);
    let packets = [number()?, number()?];
    let bytes = [number()?, number()?];
    let state = state(reader.u8()?)?;
    let flags = reader.u8()?;
    Ok(FlowRecord {
        client,
        server,
        first_ns,
        last_ns,
        packets,
        bytes,
        state,
        midstream: flags & 1 != 0,
        direction_guessed: flags & 2 != 0,
        // Only a live capture asks for it.
        sequences: None,
        gaps: reader.u32()?,
        facts: FactIds { shape: reader.u32()?, detail: reader.u32()? },
    })
}

fn endpoint(reader: &mut Reader<'_>) -> Parsed<Endpoint> {
    let family = reader.u8()?;
    let bytes: [u8; 16] = reader.array()?;
    let address = match (family, bytes) {
        (4, [a, b, c, d, ..]) => Address::V4([a, b, c, d]),
        _ => Address::V6(bytes),
    };
    Ok(Endpoint { address, port: reader.u16()? })
}

fn state(code: u8) -> Parsed<FlowState> {
    const STATES: [FlowState; 5] =
        [FlowState::Attempted, FlowState::Refused, FlowState::Open, FlowState::Closed, FlowState::Reset];
    STATES.into_iter().find(|state| *state as u8 == code).ok_or(Stop::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: u64) -> FlowRecord {
        FlowRecord {
            client: Endpoint { address: Address::V4([10, 0, 0, 1]), port: 40_000 },
            server: Endpoint { address: Address::V6([7; 16]), port: 443 },
            first_ns: number,
            last_ns: u64::MAX - number,
            packets: [number, 2],
            bytes: [3, 4],
            state: FlowState::Reset,
            midstream: number.is_multiple_of(2),
            direction_guessed: number.is_multiple_of(3),
            sequences: None,
            gaps: 5,
            facts: FactIds { shape: 6, detail: 7 },
        }
    }

    #[test]
    fn records_come_back_as_they_went_in_from_memory_and_from_the_file() {
        let mut journal = Journal::default();
        let count = (MAX_MEMORY_BYTES / RECORD_BYTES) as u64 * 2 + 10;
        for number in 0..count {
            journal.push(&numbered(number)).unwrap();
        }
        for _ in 0..2 {
            let mut expected = 0;
            journal
                .each(|record| {
                    assert_eq!(record, numbered(expected));
                    expected += 1;
                    Ok::<_, io::Error>(())
                })
                .unwrap();
            assert_eq!(expected, count);
        }
    }
}
