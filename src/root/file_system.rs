//! What kind of file system a directory is on.

use std::io;

use rustix::fs::{AtFlags, StatxFlags};

use super::dir::Dir;

/// The identity of a file system in fanotify's events: `f_fsid`, both halves.
///
/// # Errors
/// Those of `fstatvfs`.
pub fn identity(dir: &Dir) -> io::Result<u64> {
    Ok(rustix::fs::fstatvfs(dir)?.f_fsid)
}

/// The number of the mount that a directory was reached by; 0 before Linux 5.8, which does not tell.
///
/// # Errors
/// Those of `statx`.
pub fn mount(dir: &Dir) -> io::Result<u64> {
    let stat = rustix::fs::statx(dir, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    Ok(if stat.stx_mask & StatxFlags::MNT_ID.bits() == 0 { 0 } else { stat.stx_mnt_id })
}

/// The name of a file system whose files may change without an event here: by another host, by the program
/// behind it, or in a layer below. `None` for all others, and where it cannot be found out.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "the field's type differs between architectures; the numbers have 32 bits"
)]
pub fn without_events(dir: &Dir) -> Option<&'static str> {
    let kind = rustix::fs::fstatfs(dir).ok()?.f_type as u32;
    // The numbers stand in statfs(2) and linux/magic.h.
    Some(match kind {
        0x6969 => "nfs",
        0x517b => "smb",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x6573_5546 => "fuse",
        0x794c_7630 => "overlay",
        0x0102_1997 => "9p",
        0x5346_414f => "afs",
        0x00c3_6400 => "ceph",
        0x0bd0_0bd0 => "lustre",
        0x7375_7245 => "coda",
        0x0116_1970 => "gfs2",
        0x7461_636f => "ocfs2",
        0x786f_4256 => "vboxsf",
        0xf15f => "ecryptfs",
        _ => return None,
    })
}
