//! Users by their numbers; none needs an entry in a database.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::fs::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A user with groups, the first of which is the primary one.
#[derive(Clone, Copy, Debug)]
pub struct User {
    pub what: &'static str,
    pub uid: u32,
    pub gids: &'static [u32],
}

/// Owns the sources, whose group is [`GROUP`].
pub const OWNER: User = User { what: "owner", uid: 31_001, gids: &[31_901] };
pub const GROUP: u32 = 31_100;
pub const MEMBER: User = User { what: "member of the group", uid: 31_002, gids: &[31_902, GROUP] };
pub const OTHER: User = User { what: "other", uid: 31_003, gids: &[31_903] };
/// Named in ACLs.
pub const NAMED: User = User { what: "user of the ACL", uid: 31_004, gids: &[31_904] };
pub const NAMED_GROUP: u32 = 31_200;
pub const NAMED_MEMBER: User = User { what: "member of the ACL's group", uid: 31_005, gids: &[NAMED_GROUP] };
pub const BOTH: User = User { what: "member of both groups", uid: 31_006, gids: &[31_906, GROUP, NAMED_GROUP] };
/// The user and the group of `owner = "..."`, such as those of a server.
pub const SERVER: User = User { what: "configured owner", uid: 31_007, gids: &[SERVER_GROUP] };
pub const SERVER_GROUP: u32 = 31_300;
pub const SERVER_MEMBER: User = User { what: "member of the configured group", uid: 31_008, gids: &[SERVER_GROUP] };
pub const SERVER_AND_GROUP: User =
    User { what: "member of the configured group and the source's", uid: 31_009, gids: &[SERVER_GROUP, GROUP] };
pub const OWNER_IN_GROUP: User = User { what: "owner, as a member of its group", uid: 31_001, gids: &[GROUP] };

pub const ALL: [User; 10] =
    [OWNER, OWNER_IN_GROUP, MEMBER, OTHER, NAMED, NAMED_MEMBER, BOTH, SERVER, SERVER_MEMBER, SERVER_AND_GROUP];

impl User {
    /// Runs it in a thread that is this user to the kernel, without any capability.
    pub fn run<T: Send>(self, action: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let groups: Vec<Gid> = self.gids.iter().map(|gid| Gid::from_raw(*gid)).collect();
                let (uid, gid) = (Uid::from_raw(self.uid), groups[0]);
                set_thread_groups(&groups).expect("root may");
                set_thread_res_gid(gid, gid, gid).expect("root may");
                set_thread_res_uid(uid, uid, uid).expect("root may");
                assert_eq!(rustix::thread::capabilities(None).expect("asked").effective.bits(), 0);
                action()
            });
            thread.join().expect("it does not panic")
        })
    }
}

pub fn can_read(path: &Path) -> bool {
    File::open(path).is_ok()
}

/// Nothing is written.
pub fn can_write(path: &Path) -> bool {
    OpenOptions::new().append(true).open(path).is_ok()
}
