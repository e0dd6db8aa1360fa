//! What the daemon's log says of sources that do not compile.

use std::path::Path;

/// What is wrong with what the log says last of this broken source and interpreter; `None` if it is right.
pub fn missing(log: &str, source: &Path, line: u64, label: &str) -> Option<String> {
    let path = source.to_str().expect("a path of this test is UTF-8");
    let (subject, end) = (format!("{path}:"), format!("({label})"));
    let about = |text: &&str| {
        let text = text.strip_prefix("pycwarm: ").unwrap_or(text);
        text.strip_prefix("warning: ").unwrap_or(text).starts_with(&subject) && text.ends_with(&end)
    };
    let place = if line == 0 { subject.clone() } else { format!("{path}:{line}: ") };
    match log.lines().rfind(about) {
        None => Some(format!("does not compile and was not reported: {path:?} line {line} {end}")),
        Some(text) if text.contains(&place) && !text.contains(": is well again (") => None,
        Some(text) => Some(format!("does not compile, line {line}, but the last report is {text:?}")),
    }
}
