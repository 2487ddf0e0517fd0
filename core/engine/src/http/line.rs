//! Lines of an HTTP/1 stream in bounded memory, and the start lines among them.

use super::facts::Version;

/// Longest line kept; tokens and cookies come to some thousand bytes.
pub(super) const LINE_LIMIT: usize = 16 * 1024;
/// The methods by which a request is recognised (RFC 9110 9, RFC 5789).
pub(super) const METHODS: [&[u8]; 9] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE"];

/// Which end of a line that is too long is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Front,
    Back,
}

/// The bytes so far of a line that arrives in pieces.
#[derive(Default)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// The end is missing.
    pub(super) cut: bool,
}

impl Line {
    pub(super) fn append(&mut self, piece: &[u8], keep: Keep) {
        if keep == Keep::Front {
            let room = LINE_LIMIT.saturating_sub(self.bytes.len());
            self.cut |= piece.len() > room;
            self.bytes.extend(piece.iter().take(room));
            return;
        }
        let kept = piece.get(piece.len().saturating_sub(LINE_LIMIT)..).unwrap_or_default();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(LINE_LIMIT);
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend_from_slice(kept);
    }
}

/// A line without its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A request line; `None` where it is something else.
pub(super) fn request_line(line: &[u8]) -> Option<(&[u8], &[u8], Version)> {
    let (head, version) = version_after(line)?;
    let space = head.iter().position(|&byte| byte == b' ')?;
    let (method, target) = head.split_at(space);
    let target = target.get(1..)?;
    let plausible = !method.is_empty() && method.len() <= 32 && method.iter().all(u8::is_ascii_uppercase);
    (plausible && !target.is_empty() && !target.contains(&b' ')).then_some((method, target, version))
}

/// A request line that stands at the end of a line, after what may be the end of a body.
pub(super) fn request_line_at_end(line: &[u8]) -> Option<(&[u8], &[u8], Version)> {
    let (head, version) = version_after(line)?;
    let space = head.iter().rposition(|&byte| byte == b' ')?;
    let (before, target) = head.split_at(space);
    let target = target.get(1..).filter(|target| is_plausible_target(target))?;
    let method = METHODS.iter().find(|method| before.ends_with(method))?;
    Some((method, target, version))
}

/// A status line.
pub(super) fn status_line(line: &[u8]) -> Option<(Version, u16)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let ([minor, b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'], rest) = rest.split_first_chunk()? else {
        return None;
    };
    let digits = [*a, *b, *c].map(|digit| u16::from(digit - b'0'));
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + digit);
    (rest.is_empty() || rest.starts_with(b" ")).then_some((minor_version(*minor)?, status))
}

/// A status line that stands at the end of a line, after what may be the end of a body.
pub(super) fn status_line_at_end(line: &[u8]) -> Option<(Version, u16)> {
    let at = line.windows(7).rposition(|window| window == b"HTTP/1.")?;
    status_line(line.get(at..)?)
}

/// Whether a target can be a path, `*`, a URI or an authority.
pub(super) fn is_plausible_target(target: &[u8]) -> bool {
    let starts = target.first().is_some_and(|&byte| b"/*[".contains(&byte) || byte.is_ascii_alphanumeric());
    starts && target.iter().all(u8::is_ascii_graphic)
}

/// `name: value` with its name in lower case; `None` for a line without a name.
pub(super) fn field(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = line.split_at(colon);
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then(|| (name.to_ascii_lowercase(), value.get(1..).unwrap_or_default().trim_ascii()))
}

fn version_after(line: &[u8]) -> Option<(&[u8], Version)> {
    let (head, &[b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor]) = line.split_last_chunk()? else {
        return None;
    };
    Some((head, minor_version(minor)?))
}

fn minor_version(minor: u8) -> Option<Version> {
    match minor {
        b'0' => Some(Version::Http10),
        b'1' => Some(Version::Http11),
        _ => None,
    }
}
