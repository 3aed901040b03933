//! Who is at work on an operation that is not over. Its locks tell, and none is taken or waited for:
//! what only reads must keep nobody from working.

use std::path::Path;

use crate::host::lock_holders;
use crate::journal::Header;
use crate::journal::lock::{cluster_file, instance_file, read_holder};

/// Who is at work on an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// The process that began it.
    Itself(u32),
    /// A `recover` that finishes or undoes it.
    Recover(u32),
    /// Nobody: it was killed, or could not go on.
    Nobody,
    /// That cannot be seen from here.
    Unknown,
}

impl Worker {
    /// Who is at work on this operation; `locks` has the locks of its cluster.
    pub fn on(locks: &Path, header: &Header) -> Self {
        // Whoever works in a cluster holds this one, alone or beside others.
        let cluster = cluster_file(locks);
        let Some(holders) = lock_holders::of(&cluster) else {
            return Worker::Unknown;
        };
        if holders.is_empty() {
            return Worker::Nobody;
        }
        match header.process {
            // An older tool did not write down which process it was.
            None => return Worker::Unknown,
            Some(process) if holders.contains(&process) => return Worker::Itself(process),
            Some(_) => {}
        }
        let instances = header.instances.iter();
        let mut files = instances
            .map(|name| instance_file(locks, name))
            .chain([cluster]);
        let recover = files.find_map(|file| {
            let holder = read_holder(&file).filter(|holder| holder.verb == "recover")?;
            let holds = lock_holders::of(&file)?.contains(&holder.pid);
            holds.then_some(holder.pid)
        });
        recover.map_or(Worker::Nobody, Worker::Recover)
    }

    /// The process that is at work.
    pub fn process(self) -> Option<u32> {
        match self {
            Worker::Itself(process) | Worker::Recover(process) => Some(process),
            Worker::Nobody | Worker::Unknown => None,
        }
    }

    /// The word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Worker::Itself(_) => "at_work",
            Worker::Recover(_) => "being_recovered",
            Worker::Nobody => "interrupted",
            Worker::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::interrupt::Interrupt;
    use crate::journal::lock::{Permit, Request};
    use crate::model::name::Name;

    /// No process has such a number.
    const GONE: u32 = 4_194_305;

    fn begun_by(process: Option<u32>) -> Header {
        Header {
            verb: "upgrade".into(),
            instances: vec![Name::for_new("a").unwrap()],
            process,
            ..Header::for_tests()
        }
    }

    fn permit(locks: &Path, verb: &str, name: &str) -> Permit {
        let request = Request {
            verb,
            wait: Duration::ZERO,
            interrupt: &Interrupt::default(),
        };
        Permit::instances(locks, &[Name::for_new(name).unwrap()], &request).unwrap()
    }

    #[test]
    fn who_holds_the_locks_is_at_work_and_nobody_is_kept_from_taking_them() {
        let place = tempfile::tempdir().unwrap();
        let locks = place.path();
        let own = std::process::id();
        let on = |process| Worker::on(locks, &begun_by(process));
        assert_eq!(on(Some(own)), Worker::Nobody);

        let held = permit(locks, "upgrade", "a");
        assert_eq!(on(Some(own)), Worker::Itself(own));
        assert_eq!(on(Some(GONE)), Worker::Nobody, "another one is at work");
        assert_eq!(on(None), Worker::Unknown, "an older tool began it");
        drop(held);
        assert_eq!(on(None), Worker::Nobody);

        let held = permit(locks, "recover", "b");
        assert_eq!(on(Some(GONE)), Worker::Nobody, "it recovers something else");
        drop(held);
        let held = permit(locks, "recover", "a");
        assert_eq!(on(Some(GONE)), Worker::Recover(own));
        drop(held);
        // What it wrote down stands there still.
        assert_eq!(on(Some(GONE)), Worker::Nobody);
    }
}
