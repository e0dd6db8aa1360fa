//! JSON that may hold lone surrogates, which Python's json reads and `serde_json` refuses.

/// The same text with every lone surrogate escape (`\udcff`) replaced by `\ufffd`. The raw text is kept by the caller.
pub fn without_lone_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let taken = match (unit(tail), tail.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                out.push_str(&tail[..12]);
                12
            }
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                6
            }
            // Any other escape: the backslash and the character after it, so that `\\u` is not taken for `\u`.
            _ => {
                let length = 1 + tail[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&tail[..length]);
                length
            }
        };
        rest = &tail[taken..];
    }
    out.push_str(rest);
    out
}

/// The code unit of a `\uXXXX` that `text` begins with.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
