//! POSIX access control lists: the form in which the kernel hands them out, and what a list for one owner and group
//! becomes for another. Nothing here ever gives somebody more than the list did.

/// Read and write and execute, as the three bits of a class in a mode.
type Permissions = u32;

const READ: Permissions = 0o4;
const ALL: Permissions = 0o7;

/// Of the extended attribute: a version, then entries of tag, permissions and id, all in little-endian order.
const VERSION: u32 = 2;
const ENTRY: usize = 8;
const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
/// The id of an entry that has none; and of a user or group that our user namespace does not know.
const NO_ID: u32 = u32::MAX;

/// An access ACL with a mask: one that says more than a mode can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    owner: Permissions,
    /// By id, each once.
    users: Vec<(u32, Permissions)>,
    group: Permissions,
    /// By id, each once.
    groups: Vec<(u32, Permissions)>,
    mask: Permissions,
    other: Permissions,
}

/// What is known of the access ACL of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// There is none that counts: the mode says all.
    Mode,
    List(Box<Acl>),
    /// It could not be had.
    Unknown,
}

/// What a file or directory is to let whom do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Permission bits; beside a list those that show it.
    pub mode: u32,
    pub acl: Option<Acl>,
}

/// The attribute does not have the form of an ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl Access {
    /// Whether this is what `rights` want; what is not known is not held against it.
    #[must_use]
    pub fn is_as(&self, rights: &Rights) -> bool {
        match self {
            Self::Mode => rights.acl.is_none(),
            Self::List(acl) => rights.acl.as_ref() == Some(&**acl),
            Self::Unknown => true,
        }
    }
}

impl Rights {
    #[must_use]
    pub fn of_mode(mode: u32) -> Self {
        Self { mode, acl: None }
    }

    /// The rights of a list. The kernel asks no list whose mask is empty: everybody but the owner and the group would
    /// be one of the others, also those whom it names.
    #[must_use]
    pub fn of_list(acl: Acl) -> Self {
        let acl = match acl.mask {
            0 if acl.other == 0 || acl.users.is_empty() && acl.groups.is_empty() => {
                return Self::of_mode(acl.owner << 6 | acl.other);
            }
            0 => Acl { mask: READ, ..acl.with_class(0) },
            _ => acl,
        };
        Self { mode: acl.owner << 6 | acl.mask << 3 | acl.other, acl: Some(acl) }
    }

    /// As extended attribute. The kernel takes one that says no more than a mode for that mode, and keeps none.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let class = |shift: u32| self.mode >> shift & ALL;
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut push = |tag: u16, permissions: Permissions, id: u32| {
            bytes.extend(tag.to_le_bytes());
            // Three bits.
            bytes.extend([permissions.to_le_bytes()[0], 0]);
            bytes.extend(id.to_le_bytes());
        };
        push(OWNER, class(6), NO_ID);
        if let Some(acl) = &self.acl {
            acl.users.iter().for_each(|&(id, permissions)| push(USER, permissions, id));
            push(GROUP, acl.group, NO_ID);
            acl.groups.iter().for_each(|&(id, permissions)| push(NAMED_GROUP, permissions, id));
            push(MASK, acl.mask, NO_ID);
        } else {
            push(GROUP, class(3), NO_ID);
        }
        push(OTHER, class(0), NO_ID);
        bytes
    }
}

impl Acl {
    /// Reads the extended attribute. `None`: it says no more than a mode.
    ///
    /// # Errors
    /// [`Malformed`] where it is no ACL in the sense of POSIX.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let (version, entries) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
        if u32::from_le_bytes(*version) != VERSION || entries.len() % ENTRY != 0 {
            return Err(Malformed);
        }
        let (mut owner, mut group, mut mask, mut other) = (None, None, None, None);
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for entry in entries.chunks_exact(ENTRY) {
            let &[t0, t1, p0, p1, i0, i1, i2, i3] = entry else { return Err(Malformed) };
            let permissions = Permissions::from(u16::from_le_bytes([p0, p1]));
            let id = u32::from_le_bytes([i0, i1, i2, i3]);
            let one = match u16::from_le_bytes([t0, t1]) {
                OWNER => &mut owner,
                GROUP => &mut group,
                MASK => &mut mask,
                OTHER => &mut other,
                USER => {
                    users.push((id, permissions));
                    continue;
                }
                NAMED_GROUP => {
                    groups.push((id, permissions));
                    continue;
                }
                _ => return Err(Malformed),
            };
            if one.replace(permissions).is_some() {
                return Err(Malformed);
            }
        }
        let (Some(owner), Some(group), Some(other)) = (owner, group, other) else { return Err(Malformed) };
        let Some(mask) = mask else {
            return if users.is_empty() && groups.is_empty() { Ok(None) } else { Err(Malformed) };
        };
        users.sort_by_key(|&(id, _)| id);
        groups.sort_by_key(|&(id, _)| id);
        let is_twice = |named: &[(u32, Permissions)]| named.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let acl = Self { owner, users, group, groups, mask, other };
        // The kernel bears with somebody who is named twice; no tool makes that, and it can be read in two ways.
        let is_odd = is_twice(&acl.users) || is_twice(&acl.groups);
        if is_odd || acl.classes().any(|permissions| permissions & !ALL != 0) { Err(Malformed) } else { Ok(Some(acl)) }
    }

    /// Whether it names somebody whom our user namespace does not know: it cannot be given to another file.
    #[must_use]
    pub fn names_strangers(&self) -> bool {
        self.users.iter().chain(&self.groups).any(|&(id, _)| id == NO_ID)
    }

    /// What a user surely has, who is not the owner and of whose groups nothing is known.
    #[must_use]
    pub fn of_user(&self, uid: u32) -> Permissions {
        match self.users.iter().find(|&&(id, _)| id == uid) {
            Some((_, permissions)) => permissions & self.mask,
            None => self.of_everybody() & self.mask,
        }
    }

    /// What no group takes from those who are in it.
    fn of_everybody(&self) -> Permissions {
        self.groups.iter().fold(self.group & self.other, |all, (_, permissions)| all & permissions)
    }

    /// The list for a file that belongs to user and group `to` in place of `from`. Who was owner, or in the group of
    /// the file, is named from now on, and has what the mask leaves. The new owner gets `own`; the new group what it
    /// had by name, or else what everybody has.
    #[must_use]
    pub fn given(mut self, from: (u32, u32), to: (u32, u32), own: Permissions) -> Self {
        if to.0 != from.0 {
            let was = std::mem::replace(&mut self.owner, own);
            self.users.retain(|&(id, _)| id != from.0 && id != to.0);
            self.users.push((from.0, was));
            self.users.sort_by_key(|&(id, _)| id);
        }
        if to.1 != from.1 {
            let named = self.groups.iter().find(|&&(id, _)| id == to.1).map(|&(_, permissions)| permissions);
            let new = named.unwrap_or_else(|| self.of_everybody());
            let was = std::mem::replace(&mut self.group, new);
            self.groups.retain(|&(id, _)| id != to.1);
            match self.groups.iter_mut().find(|(id, _)| *id == from.1) {
                // What one of the two entries alone grants; half of each would be more than either.
                Some((_, theirs)) if *theirs & was == *theirs => *theirs = was,
                Some((_, theirs)) if *theirs & was != was => *theirs &= was,
                Some(_) => {}
                None => self.groups.push((from.1, was)),
            }
            self.groups.sort_by_key(|&(id, _)| id);
        }
        self
    }

    /// Without what a mode does not have: its group bits limit all that are neither the owner nor the others.
    #[must_use]
    pub fn limited(self, mode: u32) -> Self {
        Self { owner: self.owner & mode >> 6, mask: self.mask & mode >> 3, other: self.other & mode, ..self }
    }

    /// Without these permissions, in every entry.
    #[must_use]
    pub fn without(mut self, permissions: Permissions) -> Self {
        self.owner &= !permissions;
        self.mask &= !permissions;
        self.other &= !permissions;
        self.with_class(!permissions)
    }

    /// With these permissions for the owner beside those that are there.
    #[must_use]
    pub fn with_owner(self, permissions: Permissions) -> Self {
        Self { owner: self.owner | permissions, ..self }
    }

    /// With no others than these permissions for all whom the mask is for.
    fn with_class(mut self, permissions: Permissions) -> Self {
        self.group &= permissions;
        self.users.iter_mut().chain(&mut self.groups).for_each(|(_, theirs)| *theirs &= permissions);
        self
    }

    fn classes(&self) -> impl Iterator<Item = Permissions> {
        let named = self.users.iter().chain(&self.groups).map(|&(_, permissions)| permissions);
        [self.owner, self.group, self.mask, self.other].into_iter().chain(named)
    }
}

#[cfg(test)]
mod tests;
