//! Whether the first bytes of a direction are HTTP: readable ASCII, or the one frame that opens HTTP/2.

use super::h2::{FRAME_HEADER_LEN, PREFACE, is_settings};
use super::line::{METHODS, is_plausible_target};
use crate::side::{Recognition, Speaker};

/// The start of every HTTP/1 response.
const RESPONSE: &[u8] = b"HTTP/1.";
/// The part of the HTTP/2 preface that nothing else starts with.
const PREFACE_LINE: usize = 16;

/// A request is the client's, a response the server's. HTTP/2 is known by its preface, or by the SETTINGS
/// that a server may say before it and a client behind it, who may be told apart no more where the preface is
/// not in the capture; never by frames from the middle.
pub fn recognises(first: &[u8]) -> Recognition {
    let preface = PREFACE.get(..PREFACE_LINE).unwrap_or(PREFACE);
    match () {
        () if first.is_empty() => Recognition::NeedMore,
        () if first.starts_with(RESPONSE) => Recognition::Yes(Speaker::Server),
        () if first.starts_with(preface) => Recognition::Yes(Speaker::Client),
        () if first.starts_with(&[0]) => settings(first),
        () if RESPONSE.starts_with(first) || preface.starts_with(first) => Recognition::NeedMore,
        () => request(first),
    }
}

fn settings(first: &[u8]) -> Recognition {
    match first.get(..FRAME_HEADER_LEN) {
        Some(header) if is_settings(header) => Recognition::Yes(Speaker::Either),
        Some(_) => Recognition::No,
        None => Recognition::NeedMore,
    }
}

fn request(first: &[u8]) -> Recognition {
    for method in METHODS {
        match first.strip_prefix(method) {
            Some([b' ', target @ ..]) => return after_method(target),
            Some([]) => return Recognition::NeedMore,
            None if method.starts_with(first) => return Recognition::NeedMore,
            Some(_) | None => {}
        }
    }
    Recognition::No
}

fn after_method(text: &[u8]) -> Recognition {
    let line = text.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    let (target, version) = match line.iter().position(|&byte| byte == b' ') {
        Some(space) => line.split_at(space),
        None => (line, &[][..]),
    };
    let version = version.strip_prefix(b" ").unwrap_or_default();
    let http = version.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(version);
    match () {
        () if text.is_empty() => Recognition::NeedMore,
        () if is_plausible_target(target) && http => Recognition::Yes(Speaker::Client),
        () => Recognition::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_clients_and_responses_the_servers() {
        for first in ["GET /", "HEAD /x HTTP/1.1\r\n", "OPTIONS * HTTP/1.0\r\nHost:", "CONNECT 10.0.0.1:10250 HTTP/1.1"]
        {
            assert_eq!(recognises(first.as_bytes()), Recognition::Yes(Speaker::Client), "{first}");
        }
        assert_eq!(recognises(PREFACE), Recognition::Yes(Speaker::Client));
        assert_eq!(recognises(b"HTTP/1.1 200 OK"), Recognition::Yes(Speaker::Server));
        assert_eq!(recognises(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00"), Recognition::Yes(Speaker::Either));
    }

    #[test]
    fn a_beginning_needs_more() {
        for first in ["", "G", "POST", "P", "PRI * HTTP/2", "HTTP/1", "PUT ", "\0\0"] {
            assert_eq!(recognises(first.as_bytes()), Recognition::NeedMore, "{first}");
        }
    }

    #[test]
    fn nothing_else_is_claimed() {
        let others: [&[u8]; 8] = [
            b"\x16\x03\x01",
            b"SSH-2.0",
            b"GETX /",
            b"GET \x00\x01",
            b"OPTIONS rtsp://a RTSP/1.0\r\n",
            b"get / ",
            b"PRI / HTTP/1.1",
            b"\x00\x00\x12\x01\x04\x00\x00\x00\x01",
        ];
        for first in others {
            assert_eq!(recognises(first), Recognition::No, "{first:?}");
        }
    }
}
