//! Which source of events a directory has: by what is configured, and by its file system. Pure.

use std::fmt;

use crate::domain::policy::WatchPolicy;

/// More directories than this, and one mark for the file system costs everybody less than a watch for each:
/// see docs/performance.md.
pub const MANY_DIRECTORIES: usize = 1 << 16;

/// What events come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    Inotify,
    Fanotify,
}

/// How changes of a file system are heard of, and why so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    pub events: Option<Events>,
    pub polled: bool,
    pub why: Why,
}

/// The reason for a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Configured,
    /// It is the cheapest for what else happens on the host.
    FewDirectories,
    ManyDirectories,
    /// The file system, by its name.
    WithoutEvents(&'static str),
    /// It was configured and could not be had.
    NoFanotify,
}

impl Source {
    /// The first choice. For [`Events::Fanotify`] the mark has still to be made.
    #[must_use]
    pub fn choose(policy: WatchPolicy, without_events: Option<&'static str>) -> Self {
        let (inotify, fanotify) = (Some(Events::Inotify), Some(Events::Fanotify));
        match (policy, without_events) {
            (WatchPolicy::Poll, _) => Self { events: None, polled: true, why: Why::Configured },
            (WatchPolicy::Inotify, _) => Self { events: inotify, polled: false, why: Why::Configured },
            (WatchPolicy::Fanotify, _) => Self { events: fanotify, polled: false, why: Why::Configured },
            // Changes that are made here do give events.
            (WatchPolicy::Auto, Some(name)) => Self { events: inotify, polled: true, why: Why::WithoutEvents(name) },
            (WatchPolicy::Auto, None) => Self { events: inotify, polled: false, why: Why::FewDirectories },
        }
    }

    /// What takes the place of fanotify where that cannot be had.
    #[must_use]
    pub fn without_fanotify(without_events: Option<&'static str>) -> Self {
        Self { events: Some(Events::Inotify), polled: without_events.is_some(), why: Why::NoFanotify }
    }

    /// The name of the source, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.events, self.polled) {
            (Some(Events::Inotify), false) => "inotify",
            (Some(Events::Inotify), true) => "inotify + poll",
            (Some(Events::Fanotify), false) => "fanotify",
            (Some(Events::Fanotify), true) => "fanotify + poll",
            (None, _) => "poll",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("it is configured so"),
            Self::FewDirectories => write!(f, "it has at most {MANY_DIRECTORIES} directories"),
            Self::ManyDirectories => write!(f, "it has more than {MANY_DIRECTORIES} directories"),
            Self::WithoutEvents(name) => write!(f, "{name} gives no events of changes made elsewhere"),
            Self::NoFanotify => f.write_str("fanotify cannot be used here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_polls_only_where_events_may_be_missing() {
        let name = |policy, without| Source::choose(policy, without).name();
        assert_eq!(name(WatchPolicy::Auto, None), "inotify");
        assert_eq!(name(WatchPolicy::Auto, Some("nfs")), "inotify + poll");
        assert_eq!(name(WatchPolicy::Inotify, Some("nfs")), "inotify");
        assert_eq!(name(WatchPolicy::Poll, None), "poll");
        assert_eq!(name(WatchPolicy::Fanotify, None), "fanotify");
        assert_eq!(Source::without_fanotify(Some("overlay")).name(), "inotify + poll");
    }
}
