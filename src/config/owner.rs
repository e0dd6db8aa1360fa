//! `owner = "user:group"` and `control-group = "group"` -> numbers, by asking the system's user database (files, LDAP and what else there is).

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User};

use crate::domain::policy::{InvalidValue, OwnerPolicy};

const REMEDY: &str = "use \"source\", \"user\", \"user:group\" or numbers";

/// `source`, `user` (with its primary group) or `user:group`; what consists of digits is a number and not looked up.
///
/// Errors: a name that the system does not know, a number that no user or group can have, or the database does
/// not answer.
pub fn parse(text: &str) -> Result<OwnerPolicy, InvalidValue> {
    if text == "source" {
        return Ok(OwnerPolicy::Source);
    }
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    if user.is_empty() || group.is_some_and(|group| group.is_empty() || group.contains(':')) {
        return Err(InvalidValue::new(format!("{text:?} is no owner"), REMEDY));
    }
    let (uid, gid) = match group {
        Some(group) => (uid(user)?, gid(group)?),
        None => {
            let user = entry_of(user)?;
            (user.uid.as_raw(), user.gid.as_raw())
        }
    };
    Ok(OwnerPolicy::Fixed { uid, gid })
}

/// A group by its name or number; an empty text is none.
///
/// Errors: as for [`parse`].
pub fn group_if_any(text: &str) -> Result<Option<u32>, InvalidValue> {
    if text.is_empty() { Ok(None) } else { gid(text).map(Some) }
}

fn uid(user: &str) -> Result<u32, InvalidValue> {
    match id(user)? {
        Some(uid) => Ok(uid),
        None => Ok(entry_of(user)?.uid.as_raw()),
    }
}

fn gid(group: &str) -> Result<u32, InvalidValue> {
    if let Some(gid) = id(group)? {
        return Ok(gid);
    }
    match found(Group::from_name(group), "group", group)? {
        Some(group) => Ok(Gid::as_raw(group.gid)),
        None => Err(InvalidValue::new(format!("there is no group {group:?}"), "create it, or use one that exists")),
    }
}

/// A user's entry, by name or number.
fn entry_of(user: &str) -> Result<User, InvalidValue> {
    let (answer, remedy) = match id(user)? {
        Some(uid) => (User::from_uid(Uid::from_raw(uid)), "name the group too, as user:group"),
        None => (User::from_name(user), "create it, or use one that exists"),
    };
    found(answer, "user", user)?.ok_or_else(|| InvalidValue::new(format!("there is no user {user:?}"), remedy))
}

/// The number, if it is written as one. The highest one means "leave as it is" to chown, so that nobody can have it.
fn id(text: &str) -> Result<Option<u32>, InvalidValue> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(id) if id < u32::MAX => Ok(Some(id)),
        _ => Err(InvalidValue::new(format!("{text} is too large for a user or group"), REMEDY)),
    }
}

/// getpwnam(3) lists the errors by which some databases say "not found".
fn found<T>(answer: nix::Result<Option<T>>, what: &str, name: &str) -> Result<Option<T>, InvalidValue> {
    match answer {
        Ok(entry) => Ok(entry),
        Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => Ok(None),
        Err(errno) => Err(InvalidValue::new(
            format!("cannot look up the {what} {name:?}: {}", errno.desc()),
            "try again, or use numbers",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(uid: u32, gid: u32) -> Result<OwnerPolicy, InvalidValue> {
        Ok(OwnerPolicy::Fixed { uid, gid })
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(parse("source"), Ok(OwnerPolicy::Source));
        assert_eq!(parse("root"), fixed(0, 0));
        assert_eq!(parse("root:root"), fixed(0, 0));
        assert_eq!(parse("0"), fixed(0, 0));
        assert_eq!(parse("0:0"), fixed(0, 0));
        assert_eq!(parse("4000000001:4000000002"), fixed(4_000_000_001, 4_000_000_002));
    }

    #[test]
    fn groups_are_names_or_numbers() {
        assert_eq!((group_if_any("root"), group_if_any("4000000001")), (Ok(Some(0)), Ok(Some(4_000_000_001))));
        assert_eq!(group_if_any(""), Ok(None));
        for text in ["no-such-group", "4294967295", "-1", "root:root", " ", "ro\0ot"] {
            assert!(group_if_any(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refused() {
        let no = ["", ":", "root:", ":root", "root:root:root", "no such user", "root:no-such-group", "ro\0ot"];
        for text in no {
            assert!(parse(text).is_err(), "{text:?}");
        }
        for text in ["4294967295:0", "0:4294967295", "99999999999:0", "-1:0", "4000000001"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
