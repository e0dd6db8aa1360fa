//! What is being compiled, so that a look at a directory does not compile it once more beside a pass
//! over the whole tree.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::report::ItemKey;

#[derive(Debug, Default)]
pub(super) struct InProgress {
    keys: Mutex<HashSet<ItemKey>>,
}

/// As long as it lives, nobody else gets the same.
#[derive(Debug)]
pub(super) struct Claim {
    all: Arc<InProgress>,
    key: ItemKey,
}

impl InProgress {
    /// `None` where another pass is at it. That one will notice if the source has changed since it read it.
    pub(super) fn claim(self: &Arc<Self>, key: ItemKey) -> Option<Claim> {
        let is_new = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        is_new.then(|| Claim { all: Arc::clone(self), key })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.all.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
