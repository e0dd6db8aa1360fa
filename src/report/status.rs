//! What the daemon knows, for a person at a terminal of 80 columns.

use std::fmt::Write;

use super::terminal::failure_line;
use crate::control::{JailStatus, Status, TreeStatus};
use crate::domain::escaped;
use crate::domain::path_text::escaped_text;
use crate::jail::Layer;

const COLUMNS: usize = 80;
/// What is below a tree's path stands that far to the right.
const INDENT: usize = 4;
/// More failures than this are only counted: it is to be one screen.
const MOST_FAILURES: usize = 10;

/// For who is told of own files only.
const ONLY_OWN: &str = "Only what is yours; all is told to root and the control-group of pycwarm.toml.";

/// The whole screen, its last line ended. Only a path or a failure may be wider than the terminal, so that each can
/// be copied as it stands.
#[must_use]
pub fn screen(status: &Status) -> String {
    // Writing to a String cannot fail.
    let mut text = String::new();
    let state = if status.ready { "ready" } else { "warming up" };
    let _ = writeln!(text, "pycwarm {}: {state}", escaped_text(&status.version));
    if status.trees.is_empty() && status.complete {
        let _ = writeln!(text, "\nno trees: name some in /etc/pycwarm/pycwarm.toml");
    }
    for tree in &status.trees {
        let _ = writeln!(text, "\n{}", escaped(&tree.path));
        for line in wrapped(&described(tree), COLUMNS - INDENT) {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
    }
    text.push('\n');
    for (name, count) in [
        ("directories watched", status.watched_directories),
        ("directories polled", status.polled_directories),
        ("directories waiting", status.waiting),
        ("changes missed by events", status.missed),
        ("broken", Some(status.broken.len() as u64)),
    ] {
        if let Some(count) = count {
            let _ = writeln!(text, "{name:<24}{count:>10}");
        }
    }
    for line in jails(&status.jails).iter().flat_map(|jail| wrapped(jail, COLUMNS)) {
        let _ = writeln!(text, "{line}");
    }
    if !status.complete {
        let _ = writeln!(text, "\n{ONLY_OWN}");
    }
    if !status.broken.is_empty() {
        text.push('\n');
    }
    for failure in status.broken.iter().take(MOST_FAILURES) {
        let _ = writeln!(text, "{}", failure_line(failure));
    }
    if let Some(more @ 1..) = status.broken.len().checked_sub(MOST_FAILURES) {
        let _ = writeln!(text, "... and {more} more, all told by --json");
    }
    text
}

/// What holds of the jails of the workers: one sentence for all whose jail is whole, and one for each other.
fn jails(jails: &[JailStatus]) -> Vec<String> {
    let whole: Vec<&JailStatus> = jails.iter().filter(|jail| jail.held.lacks.is_empty()).collect();
    let mut told = Vec::new();
    if let Some(one) = whole.first() {
        let layers: Vec<String> = one.held.holds.iter().map(Layer::to_string).collect();
        let whose = match whole.as_slice() {
            [one] => escaped(&one.program).to_string(),
            several => format!("{} interpreters", several.len()),
        };
        told.push(format!("workers of {whose} are in jail: {}", layers.join(", ")));
    }
    for jail in jails {
        for (layer, why) in &jail.held.lacks {
            told.push(format!("workers of {} are without \"{layer}\": {}", escaped(&jail.program), escaped_text(why)));
        }
    }
    told
}

/// A tree in one sentence.
fn described(tree: &TreeStatus) -> String {
    let state = match (tree.present, tree.warm) {
        (false, _) => "not there; picked up when it appears",
        (true, false) => "is being warmed",
        (true, true) => "warm",
    };
    let mut text = state.to_owned();
    if !tree.event_source.is_empty() {
        let _ = write!(text, "; changes by {}", escaped_text(&tree.event_source));
    }
    if !tree.why.is_empty() {
        let _ = write!(text, ": {}", escaped_text(&tree.why));
    }
    text
}

/// Breaks a text at its spaces; a longer word stands alone on its line.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::{Failure, FailureKind};
    use crate::jail::Held;

    fn tree(path: &str, present: bool, warm: bool, event_source: &str, why: &str) -> TreeStatus {
        TreeStatus { path: path.into(), present, warm, event_source: event_source.into(), why: why.into(), owner: None }
    }

    fn jail(program: &str, lacks: &[(Layer, &str)]) -> JailStatus {
        let lacks = lacks.iter().map(|(layer, why)| (*layer, (*why).to_owned())).collect();
        JailStatus { program: program.into(), held: Held { holds: vec![Layer::User, Layer::Calls], lacks } }
    }

    fn failure(path: impl Into<PathBuf>) -> Failure {
        Failure {
            path: path.into(),
            python: "python3.11".into(),
            line: Some(12),
            kind: FailureKind::Syntax,
            message: "SyntaxError: invalid syntax".into(),
            owner: None,
        }
    }

    #[test]
    fn a_daemon_at_work() {
        let why = "the directory lies on nfs4, and other hosts may change it: no event of this host tells of that";
        let status = Status {
            version: "0.1.0".into(),
            ready: true,
            trees: vec![
                tree("/srv/app", true, true, "fanotify", ""),
                tree("/var/www/cgi-bin", true, false, "inotify + poll", why),
                tree("/srv/\u{1b}[2J", false, false, "", ""),
            ],
            watched_directories: Some(12345),
            polled_directories: Some(67),
            waiting: Some(8),
            broken: vec![failure("/srv/app/models.py"), failure("/srv/app/\n.py")],
            missed: Some(9),
            jails: vec![
                jail("/usr/bin/python3.11", &[]),
                jail("/opt/py/bin/python3.13", &[]),
                jail("/root/py/bin/python3.9", &[(Layer::User, "it lies in /root, which other users cannot enter")]),
            ],
            complete: true,
        };
        insta::assert_snapshot!(screen(&status), @r#"
        pycwarm 0.1.0: ready

        /srv/app
            warm; changes by fanotify

        /var/www/cgi-bin
            is being warmed; changes by inotify + poll: the directory lies on nfs4, and
            other hosts may change it: no event of this host tells of that

        /srv/\x1b[2J
            not there; picked up when it appears

        directories watched          12345
        directories polled              67
        directories waiting              8
        changes missed by events         9
        broken                           2
        workers of 2 interpreters are in jail: own user, few system calls
        workers of /root/py/bin/python3.9 are without "own user": it lies in /root,
        which other users cannot enter

        /srv/app/models.py:12: SyntaxError: invalid syntax (python3.11)
        /srv/app/\n.py:12: SyntaxError: invalid syntax (python3.11)
        "#);
        assert!(screen(&status).lines().all(|line| line.chars().count() <= COLUMNS));
    }

    #[test]
    fn a_daemon_without_trees() {
        let zero = Some(0);
        let status = Status {
            version: "0.1.0".into(),
            watched_directories: zero,
            polled_directories: zero,
            waiting: zero,
            missed: zero,
            complete: true,
            ..Status::default()
        };
        insta::assert_snapshot!(screen(&status), @"
        pycwarm 0.1.0: warming up

        no trees: name some in /etc/pycwarm/pycwarm.toml

        directories watched              0
        directories polled               0
        directories waiting              0
        changes missed by events         0
        broken                           0
        ");
    }

    #[test]
    fn who_is_not_told_all_is_told_so() {
        let status = Status { version: "0.1.0".into(), ready: true, ..Status::default() };
        insta::assert_snapshot!(screen(&status), @"
        pycwarm 0.1.0: ready

        broken                           0

        Only what is yours; all is told to root and the control-group of pycwarm.toml.
        ");
        assert!(screen(&status).lines().all(|line| line.chars().count() <= COLUMNS));
    }

    #[test]
    fn many_failures_are_counted() {
        let broken = (0..13).map(|number| failure(format!("/srv/{number}.py"))).collect();
        let text = screen(&Status { broken, ..Status::default() });
        assert_eq!(text.lines().filter(|line| line.starts_with("/srv/")).count(), MOST_FAILURES);
        assert!(text.ends_with("... and 3 more, all told by --json\n"), "{text}");
    }
}
