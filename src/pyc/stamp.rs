//! The modification time and size that import compares.

use crate::domain::{FileStat, Timestamp};

/// The two numbers of a source that a timestamp cache carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub mtime: u32,
    pub size: u32,
}

impl Stamp {
    /// The stamp that CPython's import would compute for a source with this stat.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both numbers are masked to 32 bits by definition"
    )]
    pub fn of(source: &FileStat) -> Self {
        Self { mtime: python_seconds(source.modified) as u32, size: source.size as u32 }
    }
}

/// `int(os.stat(...).st_mtime)`: `st_mtime` is a float made as `seconds + 1e-9 * nanoseconds`, so that
/// it may round up to the next second, and `int` truncates towards zero, not downwards.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the loss of precision is what is imitated"
)]
pub fn python_seconds(time: Timestamp) -> i64 {
    (time.seconds as f64 + 1e-9 * f64::from(time.nanoseconds)) as i64
}

/// The second up to which a cache of `source` may hold code from before a change that left the stamp as
/// it was, since stamps have a resolution of one second (cpython#121376). git calls such an entry of its
/// index racy, and cannot trust it either.
///
/// A source dated into the future counts from the second in which it was changed last: nobody edits it
/// into the same future second by accident, and it would never come to rest otherwise.
#[must_use]
pub fn racy_until(source: &FileStat) -> i64 {
    let (modified, changed) = (source.modified, source.changed.seconds);
    if modified.seconds > changed { changed } else { python_seconds(modified) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_a_python_float() {
        for (seconds, nanoseconds, expected) in [
            (1_700_000_000, 0, 1_700_000_000),
            (1_700_000_000, 999_999_999, 1_700_000_001),
            (-2, 500_000_000, -1),
            (-1, 0, -1),
            (1 << 33, 5, 1 << 33),
        ] {
            assert_eq!(python_seconds(Timestamp { seconds, nanoseconds }), expected, "{seconds}.{nanoseconds}");
        }
    }

    #[test]
    fn a_source_counts_from_its_change_if_that_was_before_its_date() {
        let time = |seconds| Timestamp { seconds, nanoseconds: 999_999_999 };
        let until = |modified, changed| {
            racy_until(&FileStat {
                device: 1,
                inode: 2,
                kind: crate::domain::FileKind::Regular,
                mode: 0o644,
                uid: 0,
                gid: 0,
                links: 1,
                size: 6,
                modified: time(modified),
                changed: time(changed),
            })
        };
        let day = 1_700_000_000;
        assert_eq!(until(day, day), day + 1, "as import rounds");
        assert_eq!(until(day, day + 5000), day + 1, "copied with its date");
        assert_eq!(until(day + 9000, day), day, "dated into the future");
        assert_eq!(until(i64::MAX, day), day);
    }
}
