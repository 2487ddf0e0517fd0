//! Request targets as they may be shown: values that may be secrets are replaced, the rest stays.

use crate::text::printable;

/// Stands in the place of a value that may be a secret.
pub(super) const REDACTED: &str = "REDACTED";
/// A parameter whose name contains one of these holds a secret.
const SECRET_WORDS: [&str; 10] =
    ["token", "passw", "secret", "credential", "signature", "authorization", "jwt", "apikey", "access_key", "session"];
/// A parameter whose name ends like this holds a secret.
const SECRET_ENDS: [&str; 5] = ["key", "auth", "pass", "pwd", "sig"];
/// Encoded inside encoded: a URL within a URL is decoded once for each.
const DECODING_ROUNDS: usize = 3;

/// A path with its query, at most `limit` characters, after the replacing.
pub(super) fn target(bytes: &[u8], limit: usize) -> String {
    let text = printable(bytes, bytes.len());
    let split = text.find(['?', '#']).unwrap_or(text.len());
    let (path, query) = text.split_at(split);
    let path = join(path, '/');
    let query = join(query, '&');
    path.chars().chain(query.chars()).take(limit).collect()
}

/// Drops `user:password@` before a host.
pub(super) fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn join(text: &str, separator: char) -> String {
    let parts: Vec<String> = text.split(separator).map(part).collect();
    parts.join(separator.encode_utf8(&mut [0; 4]))
}

fn part(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if is_secret_name(&decoded(name)) || carries_secret(value) => {
            format!("{}={REDACTED}", clean(name))
        }
        None if carries_secret(text) => REDACTED.to_owned(),
        _ => text.to_owned(),
    }
}

/// A name that is itself a token (`?eyJ…=`) is no name.
fn clean(name: &str) -> &str {
    if has_web_token(name) { REDACTED } else { name }
}

/// A nested `name=value` with a secret name, or a signed token, however it is encoded.
fn carries_secret(value: &str) -> bool {
    let value = decoded(value);
    let names = value.match_indices('=').filter_map(|(at, _)| value.get(..at));
    has_web_token(&value) || names.map(last_word).any(is_secret_name)
}

fn last_word(text: &str) -> &str {
    text.rsplit(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter))).next().unwrap_or_default()
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// JSON web tokens start with an encoded `{"`, and have a dot after it.
fn has_web_token(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let tail = text.get(at..).unwrap_or_default();
        tail.find('.').is_some_and(|dot| dot >= 10)
    })
}

fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..DECODING_ROUNDS {
        if !text.contains('%') {
            break;
        }
        text = decoded_once(&text);
    }
    text
}

fn decoded_once(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(byte) = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push_str(&printable(&[byte], 1));
            out.push_str(part.get(2..).unwrap_or_default());
        } else {
            out.push('%');
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_parameters_are_replaced_and_the_others_stay() {
        let shown = |text: &str| target(text.as_bytes(), 256);
        assert_eq!(shown("/a?watch=true&access_token=abc&b=1"), "/a?watch=true&access_token=REDACTED&b=1");
        assert_eq!(shown("/a?Key=abc/def?x"), "/a?Key=REDACTED");
        assert_eq!(shown("/a?%74oken=abc"), "/a?%74oken=REDACTED");
        assert_eq!(shown("/a?a=1;password=abc"), "/a?a=REDACTED");
        assert_eq!(shown("/a#token=abc"), "/a#token=REDACTED");
        assert_eq!(shown("/a;token=abc/b"), "/a;token=REDACTED/b");
        assert_eq!(shown("/r?to=http%253A%252F%252Fx%253Fapi_key%253Dabc&n=2"), "/r?to=REDACTED&n=2");
        assert_eq!(shown("/exec/default/web?command=ls&stdout=1"), "/exec/default/web?command=ls&stdout=1");
        assert_eq!(shown("/p?fieldSelector=metadata.name%3Dx"), "/p?fieldSelector=metadata.name%3Dx");
    }

    #[test]
    fn a_signed_token_is_replaced_wherever_it_stands() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
        assert_eq!(target(format!("/a/{token}/b?x={token}").as_bytes(), 256), "/a/REDACTED/b?x=REDACTED");
    }

    #[test]
    fn the_bound_comes_after_the_replacing() {
        assert_eq!(target(b"/a?token=abcdefghijklmnop&b=1", 17), "/a?token=REDACTED");
    }
}
