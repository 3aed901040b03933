//! The one error type: what failed on which thing, why, and what to type next.
//!
//! Its kinds are the exit codes that scripts rely on; `docs/manual.md` lists them.

use std::fmt;

/// What an error means to a script. Each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something failed; the state before is back, or what is left is said.
    Failed,
    /// The command line or a value on it is wrong.
    Usage,
    /// Another operation holds the lock.
    Busy,
    /// The cluster, instance, file or key does not exist.
    NotFound,
    /// The container engine cannot be reached.
    Engine,
    /// It would lose data, break a rule, lacks a right, or takes what another holds.
    Refused,
    /// An operation is half done: `recover` is needed.
    HalfDone,
    /// A snapshot is damaged, or no snapshot at all.
    Damaged,
}

impl Kind {
    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Busy => 3,
            Kind::NotFound => 4,
            Kind::Engine => 5,
            Kind::Refused => 6,
            Kind::HalfDone => 7,
            Kind::Damaged => 8,
        }
    }

    /// The name that `--json` prints.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Busy => "busy",
            Kind::NotFound => "not_found",
            Kind::Engine => "engine",
            Kind::Refused => "refused",
            Kind::HalfDone => "half_done",
            Kind::Damaged => "damaged",
        }
    }
}

/// An error for an operator: three lines at most, and below them the last lines of what failed.
#[derive(Debug, Clone, thiserror::Error)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed, on which thing.
    pub what: String,
    /// Why.
    pub why: Option<String>,
    /// What to type next.
    pub next: Option<String>,
    /// The last lines of a container or command that failed.
    pub tail: Vec<String>,
    /// Ctrl-C or SIGTERM caused it.
    pub interrupted: bool,
    /// There is no room for it, so that trying it again is of no use.
    pub no_room: bool,
}

/// What to do where there is no room.
const FREE_SOME: &str = "free some space, then run the command again";

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind that says what failed.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Error {
            kind,
            what: what.into(),
            why: None,
            next: None,
            tail: Vec::new(),
            interrupted: false,
            no_room: false,
        }
    }

    /// Exit 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    /// Exit 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// Exit 4.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, what)
    }

    /// Exit 6.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what)
    }

    /// Exit 8.
    pub fn damaged(what: impl Into<String>) -> Self {
        Self::new(Kind::Damaged, what)
    }

    /// Ctrl-C or SIGTERM while this was being done.
    pub fn interrupted(what: impl Into<String>) -> Self {
        Error {
            interrupted: true,
            ..Self::failed(what).why("it was interrupted")
        }
    }

    /// Exit 1, and no second try.
    pub fn no_room(what: impl Into<String>) -> Self {
        Error {
            no_room: true,
            ..Self::failed(what).next(FREE_SOME)
        }
    }

    /// A file that could not be read or written. A missing right is a refusal, a missing file
    /// is not found.
    pub fn io(doing: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Kind::Refused,
            Io::NotFound => Kind::NotFound,
            _ => Kind::Failed,
        };
        Self::new(kind, format!("cannot {doing} {}", path.display())).caused_by(source)
    }

    /// Adds an error of the system's as the reason, and what helps against it.
    pub fn caused_by(self, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let error = self.why(source);
        match source.kind() {
            Io::PermissionDenied => error.next("run the command as root (sudo)"),
            Io::StorageFull | Io::QuotaExceeded => Error {
                no_room: true,
                ..error.next(FREE_SOME)
            },
            _ => error,
        }
    }

    /// Adds the reason.
    pub fn why(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to type next.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Adds the last lines of what failed.
    pub fn tail(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.tail = lines.into_iter().collect();
        self
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}
