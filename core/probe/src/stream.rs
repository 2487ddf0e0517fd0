//! A socket with one deadline for all it does, and a bound on what it takes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// A server's handshake is at most a certificate message of 64 kB and little more; the rest is not read.
const MAX_BYTES: usize = 256 * 1024;

pub(crate) struct Timed {
    socket: TcpStream,
    deadline: Instant,
    left: usize,
}

impl Timed {
    pub(crate) fn new(socket: TcpStream, deadline: Instant) -> Self {
        socket.set_nodelay(true).ok();
        Self { socket, deadline, left: MAX_BYTES }
    }

    fn remaining(&self) -> io::Result<std::time::Duration> {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(remaining) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.remaining()?))?;
        let room = buffer.len().min(self.left);
        let read = self.socket.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left -= read;
        Ok(read)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.remaining()?))?;
        self.socket.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
