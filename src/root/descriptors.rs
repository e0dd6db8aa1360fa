//! The descriptors of this process.
#![allow(unsafe_code, reason = "descriptors by number have no owner in Rust")]

use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::FdFlags;

/// Has all descriptors from this number on closed when a program is executed.
pub fn close_at_execution_from(first: RawFd) {
    let Ok(listing) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = listing.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok());
    for number in numbers.filter(|number| *number >= first) {
        // SAFETY: it is borrowed for this one call, which does nothing to a descriptor that is closed meanwhile but
        // to fail; the flag changes nothing for who uses it in this process.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC);
    }
}
