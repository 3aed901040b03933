//! A cluster that has a small file system of its own, to be filled up: for its directory, and then the
//! services' data is on the host's; or for the database's data alone.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::cluster::Cluster;
use crate::harness::{PLACE, called_plainly, fresh_name};

/// What is mounted, the last first to be unmounted.
pub struct Disk(Vec<PathBuf>);

impl Drop for Disk {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            called_plainly("umount", &["-l", path.to_str().unwrap()]);
        }
    }
}

impl Disk {
    fn mount(&mut self, options: &[&str], what: &Path, path: PathBuf) {
        fs::create_dir_all(&path).unwrap();
        let ends = [what.to_str().unwrap(), path.to_str().unwrap()];
        called_plainly("mount", &[options, &ends].concat()).ok();
        self.0.push(path);
    }

    /// Of so many bytes; where it is, and the name of a cluster that it is for.
    fn of(bytes: u64) -> (Self, PathBuf, String) {
        let name = fresh_name();
        let at = |kind: &str| PLACE.join(format!("{name}.{kind}"));
        let (image, mounted) = (at("img"), at("disk"));
        File::create(&image).unwrap().set_len(bytes).unwrap();
        let path = image.to_str().unwrap();
        called_plainly("mke2fs", &["-q", "-F", "-t", "ext4", "-m", "0", path]).ok();
        let mut disk = Disk(Vec::new());
        disk.mount(&["-o", "loop"], &image, mounted.clone());
        (disk, mounted, name)
    }

    /// Of so many bytes, with a cluster on it that is up. The cluster is to go first.
    pub fn made(bytes: u64) -> (Cluster, Self) {
        let (mut disk, mounted, name) = Disk::of(bytes);
        let cluster = Cluster::created_in(mounted.join(&name), name);
        for services in ["mysql", "elastic"] {
            let data = PLACE.join(format!("{}.{services}", cluster.name));
            disk.hold_elsewhere(&cluster, services, &data);
        }
        cluster.call(["boot"]).ok();
        (cluster, disk)
    }

    /// The same with nothing but the database's data on it.
    pub fn of_database(bytes: u64) -> (Cluster, Self) {
        let (mut disk, mounted, name) = Disk::of(bytes);
        let cluster = Cluster::created_in(PLACE.join(&name), name);
        disk.hold_elsewhere(&cluster, "mysql", &mounted.join("mysql"));
        cluster.call(["boot"]).ok();
        (cluster, disk)
    }

    /// Has one of the cluster's directories in another place.
    fn hold_elsewhere(&mut self, cluster: &Cluster, directory: &str, place: &Path) {
        let there = cluster.root.join(directory);
        let words = ["-a", there.to_str().unwrap(), place.to_str().unwrap()];
        called_plainly("cp", &words).ok();
        self.mount(&["--bind"], place, there);
    }

    fn filler(&self) -> PathBuf {
        self.0[0].join("filler")
    }

    /// Leaves no more than so many bytes.
    pub fn leave(&self, bytes: u64) {
        self.empty();
        let mut filler = File::create(self.filler()).unwrap();
        let of = statvfs(&self.0[0]).unwrap();
        let fill = (of.f_bavail * of.f_frsize).saturating_sub(bytes);
        // What the file system itself takes for it comes on top.
        let _ = fallocate(&filler, FallocateFlags::empty(), 0, fill);
        if bytes == 0 {
            while filler.write(&[0; 4096]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn empty(&self) {
        let _ = fs::remove_file(self.filler());
        rustix::fs::sync();
    }
}
