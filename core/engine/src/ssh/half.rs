//! One direction of an SSH connection up to NEWKEYS: the banner, then packets in the clear.

use super::kexinit::KexInit;
use crate::bytes::Reader;
use crate::text::printable;

/// The version line with its line end (RFC 4253 4.2).
const BANNER_LIMIT: usize = 255;
/// A server may say other lines first; after this much it is not SSH.
const LINES_LIMIT: usize = 16 * 1024;
/// Largest packet that implementations accept (OpenSSH; RFC 4253 6.1 asks for 35,000).
const PACKET_LIMIT: usize = 256 * 1024;
/// Largest KEXINIT kept: what every implementation must accept (RFC 4253 6.1).
const KEXINIT_LIMIT: usize = 35_000;
/// Packet length, padding length and message type.
const HEADER_LEN: usize = 6;
const MSG_KEXINIT: u8 = 20;
const MSG_NEWKEYS: u8 = 21;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Lines,
    Header,
    Body {
        left: usize,
        message: u8,
    },
    Encrypted,
    Lost,
}

/// What one side said so far.
#[derive(Debug, Default)]
pub(super) struct Half {
    stage: Stage,
    pending: Vec<u8>,
    lines_len: usize,
    packet_is_whole: bool,
    pub(super) banner: Option<String>,
    pub(super) kexinit: Option<KexInit>,
}

impl Half {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.stage {
                Stage::Lines => self.read_line(bytes),
                Stage::Header => self.read_header(bytes),
                Stage::Body { left, message } => self.read_body(bytes, left, message),
                Stage::Encrypted | Stage::Lost => &[],
            };
        }
    }

    pub(super) fn skip(&mut self, missing: u32) {
        match self.stage {
            Stage::Body { left, message } if missing as usize <= left => {
                self.packet_is_whole = false;
                self.pass(left - missing as usize, message);
            }
            Stage::Encrypted => {}
            _ => self.lose(),
        }
    }

    pub(super) fn lose(&mut self) {
        if self.stage != Stage::Encrypted {
            self.stage = Stage::Lost;
        }
        self.pending = Vec::new();
    }

    pub(super) fn encrypted(&self) -> bool {
        self.stage == Stage::Encrypted
    }

    /// Nothing that this side says can still change the facts.
    pub(super) fn finished(&self) -> bool {
        matches!(self.stage, Stage::Encrypted | Stage::Lost)
    }

    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        let room = BANNER_LIMIT.saturating_sub(self.pending.len());
        self.pending.extend(line.iter().take(room));
        self.lines_len = self.lines_len.saturating_add(line.len());
        if end.is_some() {
            self.take_line();
        }
        if self.lines_len > LINES_LIMIT && self.banner.is_none() {
            self.lose();
        }
        rest
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.pending);
        let line = line.trim_ascii_end();
        if !line.starts_with(b"SSH-") {
            return;
        }
        self.banner = Some(printable(line, BANNER_LIMIT));
        // RFC 4253 5.1: 1.99 is a server of version 2 that also speaks version 1.
        let version_2 = line.starts_with(b"SSH-2.") || line.starts_with(b"SSH-1.99-");
        self.stage = if version_2 { Stage::Header } else { Stage::Lost };
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (head, rest) = bytes.split_at(bytes.len().min(HEADER_LEN.saturating_sub(self.pending.len())));
        self.pending.extend_from_slice(head);
        if self.pending.len() >= HEADER_LEN {
            let header = std::mem::take(&mut self.pending);
            self.take_header(&header);
        }
        rest
    }

    fn take_header(&mut self, header: &[u8]) {
        let mut reader = Reader::new(header);
        let (Ok(length), Ok(_padding), Ok(message)) = (reader.u32(), reader.u8(), reader.u8()) else { return };
        let body = (length as usize).checked_sub(2).filter(|&body| body <= PACKET_LIMIT);
        let Some(left) = body else { return self.lose() };
        self.packet_is_whole = message == MSG_KEXINIT && self.kexinit.is_none() && left <= KEXINIT_LIMIT;
        self.pass(left, message);
    }

    fn read_body<'a>(&mut self, bytes: &'a [u8], left: usize, message: u8) -> &'a [u8] {
        let (body, rest) = bytes.split_at(bytes.len().min(left));
        if self.packet_is_whole {
            self.pending.extend_from_slice(body);
        }
        self.pass(left - body.len(), message);
        rest
    }

    /// Goes on in a packet of which `left` bytes are still to come.
    fn pass(&mut self, left: usize, message: u8) {
        if left > 0 {
            self.stage = Stage::Body { left, message };
            return;
        }
        let body = std::mem::take(&mut self.pending);
        if self.packet_is_whole {
            self.kexinit = KexInit::read(&body).ok();
        }
        self.stage = if message == MSG_NEWKEYS { Stage::Encrypted } else { Stage::Header };
    }
}
