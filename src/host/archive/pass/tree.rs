//! The files of an instance's directory in a snapshot, and where they are unpacked.

use std::io::{self, Read};

use sha2::Digest;

use crate::host::archive::disk::Disk;
use crate::host::archive::entries::{Entries, Head, Kind, bad};
use crate::host::archive::pass::{Fault, Pass, Result, To};
use crate::host::archive::reader::Strays;
use crate::host::archive::seen::Role;
use crate::host::archive::walk::LeftOut;
use crate::host::archive::{path, sums};

/// So many are named; all are counted.
const NAMED: usize = 100;

impl Pass<'_, '_> {
    /// The `data` directory as ConedaKOR's container packs it.
    pub(super) fn container_tree(&mut self, unpacked: &mut dyn Read) -> Result<()> {
        let mut entries = Entries::new(unpacked);
        while let Some(mut head) = entries.next()? {
            self.begins(entries.overhead)?;
            let below = |path: &[u8]| -> io::Result<Vec<u8>> {
                let path = path::plain(path).map_err(bad)?;
                let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
                Ok([b"data", slash, &path].concat())
            };
            let path = below(&head.path)?;
            self.at = Some(path.clone());
            if let Kind::HardLink(target) = &mut head.kind {
                *target = below(target)?;
            }
            self.of_the_instance(&mut entries, head, path)?;
        }
        Ok(())
    }

    /// An entry of the instance's directory.
    pub(super) fn of_the_instance(
        &mut self,
        entries: &mut Entries<'_>,
        head: Head,
        path: Vec<u8>,
    ) -> Result<()> {
        if path.is_empty() {
            return match head.kind {
                Kind::Directory => Ok(()),
                _ => Err(bad("its name is empty").into()),
            };
        }
        let wanted = self.is_wanted(&path)?;
        match head.kind {
            Kind::Directory => {
                self.seen.note(&path, Role::Directory).map_err(bad)?;
                self.content.directories += 1;
                self.place(wanted, |disk| disk.directory(&path, head.attributes))
            }
            Kind::File => {
                let role = if wanted { Role::File } else { Role::Other };
                self.seen.note(&path, role).map_err(bad)?;
                self.content.files += 1;
                self.content.file_bytes = self.content.file_bytes.saturating_add(head.size);
                self.place(wanted, |disk| disk.file(&path, head.attributes))?;
                let to = if wanted { To::Disk } else { To::Nowhere };
                let digest = self.content(entries, to)?;
                self.sums.update(sums::line(&digest, &path));
                self.place(wanted, Disk::end_of_file)
            }
            Kind::Link(target) => {
                if let Some(why) = path::link_leaves(&path, &target).filter(|_| wanted) {
                    return Err(bad(why).into());
                }
                self.seen.note(&path, Role::Other).map_err(bad)?;
                self.content.links += 1;
                self.place(wanted, |disk| disk.link(&path, &target, &head.attributes))
            }
            Kind::HardLink(target) => {
                let target = path::plain(&target).map_err(bad)?;
                if wanted && self.seen.role(&target) != Some(Role::File) {
                    return Err(bad("it is another name of a file that is not there").into());
                }
                let role = if wanted { Role::File } else { Role::Other };
                self.seen.note(&path, role).map_err(bad)?;
                self.content.hard_links += 1;
                self.place(wanted, |disk| disk.hard_link(&path, &target))
            }
        }
    }

    /// Whether what stands at this path is unpacked.
    fn is_wanted(&mut self, path: &[u8]) -> io::Result<bool> {
        let top = path::top(path);
        if self.rules.roots.iter().any(|root| root.as_bytes() == top) {
            return Ok(true);
        }
        if self.rules.strays == Strays::Refuse {
            return Err(bad("no instance has a file of this name"));
        }
        if self.left_out.len() < NAMED {
            self.left_out.push(LeftOut {
                path: path::shown(path),
                why: "no instance has a file of this name",
            });
        }
        Ok(false)
    }

    pub(super) fn place(
        &mut self,
        wanted: bool,
        put: impl FnOnce(&mut Disk) -> io::Result<()>,
    ) -> Result<()> {
        match &mut self.disk {
            Some(disk) if wanted => put(disk).map_err(Fault::Disk),
            _ => Ok(()),
        }
    }
}
