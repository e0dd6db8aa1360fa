//! The extended attribute in which a file has its context.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::domain::Context;

const NAME: &std::ffi::CStr = c"security.selinux";
/// Longer ones are asked for again, in bytes. With many categories a context can become longer than that.
const USUAL: usize = 256;

/// The context of an open file. `None` where it has none, which only happens where the kernel is without SELinux.
///
/// # Errors
/// `Unsupported` where the file system keeps none; those of `fgetxattr`.
pub fn read(file: BorrowedFd<'_>) -> io::Result<Option<Context>> {
    let mut buffer = vec![0; USUAL];
    loop {
        match rustix::fs::fgetxattr(file, NAME, &mut buffer[..]) {
            Ok(length) => return Ok(Context::new(&buffer[..length])),
            Err(Errno::NODATA) => return Ok(None),
            Err(Errno::RANGE) => {
                // It may grow between the two calls.
                let length = rustix::fs::fgetxattr_query(file, NAME)?;
                buffer.resize(length.max(buffer.len() + USUAL), 0);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives an open file a context.
///
/// # Errors
/// `Unsupported` where the file system keeps none; `InvalidInput` where the loaded policy does not have it;
/// `PermissionDenied` where the policy or, on a kernel without SELinux, a missing `CAP_SYS_ADMIN` forbids it.
pub fn write(file: BorrowedFd<'_>, context: &Context) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(file, NAME, context.as_c_str().to_bytes_with_nul(), XattrFlags::empty())?)
}
