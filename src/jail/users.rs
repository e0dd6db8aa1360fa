//! A user for each trust domain, so that the workers of one can do nothing to those of another.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::root::privilege;

/// Numbers that nobody gives out: above those of sssd, FreeIPA and containers, below the half of the range that
/// software with signed numbers trips over. See systemd's UIDS-GIDS for who claims what.
const NOBODYS: Range<u32> = 2_100_000_000..2_147_000_000;
/// In a user namespace that has no such numbers: those that systemd gives to dynamic users, of which a container
/// has none.
const DYNAMIC: Range<u32> = 61_184..65_520;

/// Gives out numbers of users.
#[derive(Debug)]
pub struct Users {
    /// `None` where this process cannot become another user.
    numbers: Option<Range<u32>>,
    /// By chance, so that another pycwarm on this host has others.
    first: u32,
    given: Mutex<HashMap<Option<u32>, u32>>,
}

impl Default for Users {
    /// As this process may.
    fn default() -> Self {
        let may = privilege::may_change_user();
        let numbers = [NOBODYS, DYNAMIC].into_iter().find(|numbers| may && privilege::knows_users(numbers));
        Self { numbers, first: privilege::random_number(), given: Mutex::default() }
    }
}

impl Users {
    /// Whether workers get users of their own.
    #[must_use]
    pub fn are_to_be_had(&self) -> bool {
        self.numbers.is_some()
    }

    /// The user, and group, of the workers that compile the files of this owner; `None` as the owner is that of no
    /// source: an interpreter that is asked what it is.
    #[must_use]
    pub fn of(&self, owner: Option<u32>) -> Option<u32> {
        let numbers = self.numbers.as_ref()?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
        let span = numbers.end - numbers.start;
        let next = || numbers.start + (self.first % span + count % span) % span;
        Some(*given.entry(owner).or_insert_with(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_one_of_its_own() {
        for (numbers, first) in [(NOBODYS, u32::MAX), (DYNAMIC, DYNAMIC.end - DYNAMIC.start - 1), (NOBODYS, 0)] {
            let users = Users { numbers: Some(numbers.clone()), first, given: Mutex::default() };
            let mut seen = std::collections::HashSet::new();
            for owner in [None].into_iter().chain((0..1000).map(Some)) {
                let user = users.of(owner).unwrap();
                assert!(numbers.contains(&user), "{user}");
                assert!(seen.insert(user), "{user}");
                assert_eq!(users.of(owner), Some(user));
            }
        }
        let none = Users { numbers: None, first: 7, given: Mutex::default() };
        assert_eq!(none.of(Some(1)), None);
    }
}
