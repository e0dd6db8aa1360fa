//! The text of one file -> `Fragment`; and what serde says against it -> something that helps.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::fragment::{Fragment, GLOBAL_KEYS, POLICY_KEYS, TREE_KEYS};
use super::origin::Lines;

/// A fragment, with what is needed to tell the lines of its values.
#[derive(Debug)]
pub struct Parsed {
    pub lines: Lines,
    pub fragment: Fragment,
}

/// Errors: the text is no TOML, has an unknown key or a value of a wrong type.
pub fn parse(path: &Path, text: &str) -> Result<Parsed, ConfigError> {
    let lines = Lines::new(path, text.as_bytes());
    refuse_lists_as_tables(text, &lines)?;
    match toml::from_str(text) {
        Ok(fragment) => Ok(Parsed { lines, fragment }),
        Err(error) => Err(explain(&error, text, &lines)),
    }
}

/// serde takes a list for a struct, its items for the fields in their order. Nobody should come to rely on that.
fn refuse_lists_as_tables(text: &str, lines: &Lines) -> Result<(), ConfigError> {
    let Ok(document) = DeTable::parse(text) else {
        return Ok(()); // It will be parsed again, and that error explained.
    };
    let value = |key| document.get_ref().get(key);
    let defaults = value("defaults").map(|defaults| ("defaults", defaults));
    let trees = value("tree").and_then(|trees| trees.get_ref().as_array());
    let trees = trees.into_iter().flatten().map(|tree| ("tree", tree));
    match defaults.into_iter().chain(trees).find(|(_, table)| table.get_ref().is_array()) {
        None => Ok(()),
        Some((key, list)) => Err(ConfigError::WrongType {
            at: lines.origin(list.span().start),
            key: key.to_owned(),
            message: "invalid type: list, expected a table".to_owned(),
            remedy: format!("write it like {}", example(key)),
        }),
    }
}

fn explain(error: &toml::de::Error, text: &str, lines: &Lines) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let at = lines.origin(offset);
    let message = error.message().replace('\n', ", ");
    let document = DeTable::parse(text).ok();
    match document.and_then(|table| locate(table.get_ref(), "", offset)) {
        Some(Place::Key { section, key }) => ConfigError::UnknownKey { at, remedy: suggestion(&section, &key), key },
        Some(Place::Value { key }) => ConfigError::WrongType {
            at,
            message: in_our_words(&message),
            remedy: format!("write it like {}", example(&key)),
            key,
        },
        None => ConfigError::Syntax { at, message },
    }
}

/// What stands at an offset.
enum Place {
    Key { section: String, key: String },
    Value { key: String },
}

/// Goes down first, since the span of a table can be its header alone.
fn locate(table: &DeTable<'_>, section: &str, offset: usize) -> Option<Place> {
    table.iter().find_map(|(key, value)| {
        if holds(&key.span(), offset) {
            return Some(Place::Key { section: section.to_owned(), key: key.get_ref().to_string() });
        }
        below(value.get_ref(), key.get_ref(), offset)
            .or_else(|| holds(&value.span(), offset).then(|| Place::Value { key: key.get_ref().to_string() }))
    })
}

fn below(value: &DeValue<'_>, key: &str, offset: usize) -> Option<Place> {
    match value {
        DeValue::Table(table) => locate(table, key, offset),
        DeValue::Array(items) => items.iter().find_map(|item| below(item.get_ref(), key, offset)),
        _ => None,
    }
}

fn holds(span: &Range<usize>, offset: usize) -> bool {
    span.contains(&offset)
}

/// What may have been meant: a key that looks alike, the table where this one belongs, or what is allowed.
fn suggestion(section: &str, key: &str) -> String {
    let allowed = match section {
        "" => [GLOBAL_KEYS, &["defaults", "tree"]].concat(),
        "tree" => [TREE_KEYS, POLICY_KEYS].concat(),
        _ => POLICY_KEYS.to_vec(),
    };
    let belongs = [
        (GLOBAL_KEYS, "at the top of the file, before any [table]"),
        (POLICY_KEYS, "under [defaults] or a [[tree]]"),
        (TREE_KEYS, "under a [[tree]]"),
    ];
    if let Some((_, place)) = belongs.iter().find(|(keys, _)| keys.contains(&key)) {
        return format!("it belongs {place}");
    }
    let alike = |candidate: &&str| strsim::jaro_winkler(candidate, key);
    let nearest = allowed.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|nearest| alike(nearest) > 0.8);
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("here can be: {}", allowed.join(", ")),
    }
}

fn in_our_words(message: &str) -> String {
    message
        .replace("` as i128, expected i64", "`, expected one of 64 bits")
        .replace("expected i64", "expected an integer")
        .replace("a sequence", "a list")
        .replace("sequence", "list")
        .replace("a map", "a table")
        .replace("map", "table")
}

fn example(key: &str) -> &'static str {
    match key {
        "jobs" => "`jobs = 4`",
        "compile-timeout" => "`compile-timeout = 120`",
        "worker-memory" => "`worker-memory = 1024`",
        "rescan-interval" => "`rescan-interval = 3600`",
        "poll-interval" => "`poll-interval = 10`",
        "queue-limit" => "`queue-limit = 65536`",
        "control-group" => "`control-group = \"adm\"`",
        "file-contexts" => "`file-contexts = \"/etc/selinux/targeted/contexts/files/file_contexts\"`",
        "defaults" => "`[defaults]` with keys below it",
        "tree" => "`[[tree]]` with `path = \"/var/www/cgi-bin\"` below it",
        "path" => "`path = \"/var/www/cgi-bin\"`",
        "enabled" => "`enabled = false`",
        "readers" => "`readers = [\"apache\"]`",
        "python" => "`python = [\"auto\"]`",
        "optimize" => "`optimize = [0, 2]`",
        "invalidation-mode" => "`invalidation-mode = \"timestamp\"`",
        "owner" => "`owner = \"user:group\"`",
        "mode" => "`mode = \"0644\"`",
        "context" => "`context = \"policy\"`",
        "cross-owners" => "`cross-owners = false`",
        "cross-mounts" => "`cross-mounts = false`",
        "watch" => "`watch = \"auto\"`",
        "exclude" => "`exclude = [\"/build/\"]`",
        _ => "the sample configuration",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Most of these are no TOML, many are no configuration; each is either read or refused with its line.
        #[test]
        fn whatever_is_written_is_read_or_refused(tokens in proptest::collection::vec(proptest::sample::select(vec![
            "jobs", "defaults", "tree", "path", "optimize", "mode", "=", " = ", "\n", "\r\n", "[", "]", "[[", "]]", "{", "}", ",", ".",
            "#", "'", "\"", "\"\"\"", "1", "-", "0x", "true", "1979-05-27", "\u{feff}", "\u{0}", "ä", "'/a'", "jobs = 1\n",
            "[defaults]\n", "[[tree]]\npath = '/a'\n", "mode = '0644'\n", "optimize = [0, 1]\n", "readers = []\n",
        ]), 0..24)) {
            if let Err(error) = parse(Path::new("f"), &tokens.concat()) {
                let text = error.to_string();
                prop_assert!(text.starts_with("f:") && text.contains("; ") && !text.contains('\n'), "{}", text);
            }
        }
    }
}
