//! What a clear alert says about the handshake it ends.

/// RFC 8446 6: alert numbers that need a word of their own.
const CLOSE_NOTIFY: u8 = 0;
const NO_CERTIFICATE: u8 = 41;
const USER_CANCELED: u8 = 90;
const FATAL: u8 = 2;

/// Those that can only mean the other end's certificate: `bad_certificate` to `certificate_unknown`, `unknown_ca`.
const ABOUT_CERTIFICATES: [u8; 6] = [42, 43, 44, 45, 46, 48];

/// How an alert bears on the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A warning: the handshake goes on.
    Passing,
    /// The sender closes as if it sent a FIN.
    Leaving,
    /// The sender leaves for reasons that have nothing to do with the other end, or that are not known.
    Cancelled,
    /// The sender refuses the handshake.
    Refusal,
}

/// Level and description of an alert's two bytes.
pub(super) fn read(body: Option<&[u8]>) -> (Option<u8>, Option<u8>) {
    match body {
        Some(&[level, description]) => (Some(level), Some(description)),
        _ => (None, None),
    }
}

/// Whether the sender refuses the other end's certificate.
pub(super) fn is_about_certificate(description: Option<u8>) -> bool {
    description.is_some_and(|description| ABOUT_CERTIFICATES.contains(&description))
}

/// RFC 8446 6: TLS 1.3 gives the level no meaning; all alerts but the closing ones are fatal.
pub(super) fn meaning(level: Option<u8>, description: Option<u8>, modern: bool) -> Meaning {
    match (level, description) {
        (_, Some(CLOSE_NOTIFY)) => Meaning::Leaving,
        (_, Some(USER_CANCELED) | None) => Meaning::Cancelled,
        (_, Some(NO_CERTIFICATE)) if !modern => Meaning::Passing,
        (Some(level), _) if level == FATAL || modern => Meaning::Refusal,
        _ => Meaning::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fatal_alerts_with_a_cause_are_refusals() {
        assert_eq!(meaning(Some(2), Some(42), false), Meaning::Refusal);
        assert_eq!(meaning(Some(1), Some(112), false), Meaning::Passing);
        assert_eq!(meaning(Some(1), Some(42), true), Meaning::Refusal);
        assert_eq!(meaning(Some(1), Some(0), true), Meaning::Leaving);
        assert_eq!(meaning(Some(2), Some(90), true), Meaning::Cancelled);
        assert_eq!(meaning(None, None, true), Meaning::Cancelled);
    }
}
