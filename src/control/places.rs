//! How many may be connected at a time, so that nobody keeps root from asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::values::Peer;

/// Connections at the same time.
const MOST: usize = 64;
/// Connections of all users but root and the daemon's.
/// A member of the control group is one of them: it may be told all, not lock root out.
const MOST_OF_OTHERS: usize = 48;
/// Connections of one such user.
const MOST_OF_ONE: usize = 16;

/// Counts who is connected.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By user, without root and the daemon's.
    others: HashMap<u32, usize>,
}

/// Counts as one connection until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// Who it counts for, if that is not the host itself.
    other: Option<u32>,
}

impl Places {
    /// A place for one more connection of `peer`; `None` if there is none left for it.
    pub(super) fn take(self: &Arc<Self>, peer: &Peer) -> Option<Place> {
        let mut taken = self.taken();
        let other = (!peer.is_host()).then_some(peer.uid);
        let full = if let Some(uid) = other {
            let own = taken.others.get(&uid).copied().unwrap_or_default();
            taken.all >= MOST || own >= MOST_OF_ONE || taken.others.values().sum::<usize>() >= MOST_OF_OTHERS
        } else {
            taken.all >= MOST
        };
        if full {
            return None;
        }
        taken.all += 1;
        if let Some(uid) = other {
            *taken.others.entry(uid).or_default() += 1;
        }
        Some(Place { places: Arc::clone(self), other })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(uid) = self.other else { return };
        if let Some(count) = taken.others.get_mut(&uid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.others.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32) -> Peer {
        Peer { uid, groups: Vec::new(), daemon_uid: 0 }
    }

    #[test]
    fn one_user_does_not_take_the_places_of_others() {
        let places = Arc::new(Places::default());
        let mut held: Vec<_> = (0..MOST_OF_ONE).map(|_| places.take(&peer(1000)).unwrap()).collect();
        assert!(places.take(&peer(1000)).is_none());
        assert!(places.take(&peer(1001)).is_some());
        held.pop();
        assert!(places.take(&peer(1000)).is_some());
    }

    #[test]
    fn all_others_together_leave_places_for_root() {
        let places = Arc::new(Places::default());
        let held: Vec<_> = (1000..1100).filter_map(|uid| places.take(&peer(uid))).collect();
        assert_eq!(held.len(), MOST_OF_OTHERS);
        let of_root: Vec<_> = (0..MOST).filter_map(|_| places.take(&peer(0))).collect();
        assert_eq!(of_root.len(), MOST - MOST_OF_OTHERS);
        drop((held, of_root));
        let taken = places.taken();
        assert_eq!((taken.all, taken.others.len()), (0, 0));
    }
}
