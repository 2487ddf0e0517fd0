//! The one cursor through which every parser reads; it never panics and tells short input from wrong input.

/// Why a read stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The input ends before the value does: more bytes may complete it.
    Incomplete,
    /// No continuation can make this input right.
    Invalid,
}

/// What every parser returns.
pub type Parsed<T> = Result<T, Stop>;

/// A cursor over borrowed bytes, big-endian as on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not yet read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(Stop::Incomplete)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Stop::Incomplete)?;
        self.rest = rest;
        Ok(*head)
    }

    /// Passes over `count` bytes.
    #[inline]
    pub fn skip(&mut self, count: usize) -> Parsed<()> {
        self.take(count).map(|_| ())
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Parsed<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    #[inline]
    pub fn u16(&mut self) -> Parsed<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, big-endian.
    #[inline]
    pub fn u24(&mut self) -> Parsed<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big-endian.
    #[inline]
    pub fn u32(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A sub-cursor over a body whose length stands in one byte before it.
    #[inline]
    pub fn vector8(&mut self) -> Parsed<Reader<'a>> {
        let length = self.u8()?;
        self.take(usize::from(length)).map(Reader::new)
    }

    /// A sub-cursor over a body whose length stands in two bytes before it.
    #[inline]
    pub fn vector16(&mut self) -> Parsed<Reader<'a>> {
        let length = self.u16()?;
        self.take(usize::from(length)).map(Reader::new)
    }

    /// A sub-cursor over a body whose length stands in three bytes before it.
    #[inline]
    pub fn vector24(&mut self) -> Parsed<Reader<'a>> {
        let length = self.u24()?;
        self.take(length as usize).map(Reader::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_big_endian() {
        let mut reader = Reader::new(&[1, 0, 2, 0, 0, 3, 0, 0, 0, 4]);
        assert_eq!((reader.u8(), reader.u16(), reader.u24(), reader.u32()), (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_short_read_is_incomplete_and_consumes_nothing() {
        let mut reader = Reader::new(&[7]);
        assert_eq!(reader.u16(), Err(Stop::Incomplete));
        assert_eq!(reader.u8(), Ok(7));
    }

    #[test]
    fn a_vector_cut_short_is_incomplete() {
        assert_eq!(Reader::new(&[0, 3, 1, 2]).vector16().map(|r| r.len()), Err(Stop::Incomplete));
        assert_eq!(Reader::new(&[2, 1, 2]).vector8().map(|r| r.len()), Ok(2));
    }
}
