//! The site as its users see it: one closed loop of reads and one of writes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::Result;
use crate::common::place::Instance;
use crate::common::rows;

/// Between an answer and the next request.
const PAUSE: Duration = Duration::from_millis(50);

/// A page that asks the database.
const PAGE: &str = "/entities?per_page=10";

const NO_ANSWER: &str = "the site gave no answer at all";

/// A site, and whoever may write to it.
pub struct Site {
    address: SocketAddr,
    api_key: String,
    kind: String,
    collection: String,
    written: AtomicU64,
}

/// What a closed loop saw.
#[derive(Default)]
pub struct Seen {
    /// The longest wait for an answer.
    pub longest_ms: f64,
    /// The longest time from one answer to the next one.
    pub gap_ms: f64,
    pub answers: u64,
    /// Requests that were refused, broke off, or were answered with an error.
    pub failures: u64,
}

/// When the loop of writes ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// With the loop of reads.
    Always,
    /// When the site is down for the first time.
    UntilDown,
}

impl Site {
    /// # Errors
    /// Where the database does not say who may write.
    pub fn of(instance: &Instance) -> Result<Self> {
        let ask = |statement: &str| -> Result<String> {
            let answer = rows::sql(instance, statement)?;
            Ok(answer.trim().to_owned())
        };
        Ok(Site {
            address: SocketAddr::from(([127, 0, 0, 1], instance.port)),
            api_key: ask("select api_key from users where name = 'admin';")?,
            kind: ask("select id from kinds where name = 'person';")?,
            collection: ask("select id from collections where name = 'Default';")?,
            written: AtomicU64::new(0),
        })
    }

    /// One reads and one writes while something is done. What came of it, what readers and what writers saw.
    ///
    /// # Errors
    /// Where it fails, or nobody got an answer meanwhile.
    pub fn during<T>(
        &self,
        writes: Writes,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Seen, Seen)> {
        self.during_many(1, writes, work)
    }

    /// The same with so many who write.
    ///
    /// # Errors
    /// Where it fails, or somebody got no answer meanwhile.
    pub fn during_many<T>(
        &self,
        writers: usize,
        writes: Writes,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Seen, Seen)> {
        let (done, reads, written) = self.beside_loops(writers, writes, work)?;
        if written.iter().any(|one| one.answers == 0) {
            return Err(NO_ANSWER.to_owned());
        }
        let writes = written.into_iter().fold(Seen::default(), Seen::and);
        Ok((done, reads, writes))
    }

    /// The same where so many want to write and may not.
    ///
    /// # Errors
    /// Where it fails, nobody can read meanwhile, or somebody can write.
    pub fn during_refused<T>(&self, writers: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (done, _, refused) = self.beside_loops(writers, Writes::Always, work)?;
        match refused.iter().all(|one| one.answers == 0) {
            true => Ok(done),
            false => Err("somebody could write who should not".to_owned()),
        }
    }

    fn beside_loops<T>(
        &self,
        writers: usize,
        writes: Writes,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Seen, Vec<Seen>)> {
        let over = AtomicBool::new(false);
        let (done, reads, written) = thread::scope(|scope| {
            let reads = scope.spawn(|| again(&over, Writes::Always, || self.get(PAGE).map(drop)));
            let written: Vec<_> = (0..writers)
                .map(|_| scope.spawn(|| again(&over, writes, || self.write())))
                .collect();
            let done = work();
            over.store(true, Ordering::SeqCst);
            let written: Vec<_> = written.into_iter().map(|one| one.join()).collect();
            (done, reads.join(), written)
        });
        let done = done?;
        let broke_off = |_| "a loop of requests broke off".to_owned();
        let reads = reads.map_err(broke_off)?;
        if reads.answers == 0 {
            return Err(NO_ANSWER.to_owned());
        }
        let written: Result<Vec<Seen>> = written
            .into_iter()
            .map(|one| one.map_err(broke_off))
            .collect();
        Ok((done, reads, written?))
    }

    /// The body of the answer, which has to be a good one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn get(&self, path: &str) -> io::Result<String> {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Makes an entity. An acknowledged one is in the database.
    fn write(&self) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            "{{\"entity\":{{\"name\":\"Written {number}\",\"no_name_statement\":\"enter_name\",\
             \"kind_id\":{},\"collection_id\":{}}}}}",
            self.kind, self.collection
        );
        self.ask("POST /entities HTTP/1.1\r\n", &body).map(drop)
    }

    fn ask(&self, request: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(
            stream,
            "{request}Host: {}\r\napi_key: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.api_key,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
            _ => Err(io::Error::other("the answer is not a good one")),
        }
    }
}

fn again(over: &AtomicBool, until: Writes, mut ask: impl FnMut() -> io::Result<()>) -> Seen {
    let mut seen = Seen::default();
    let mut last = Instant::now();
    while !over.load(Ordering::SeqCst) {
        let asked = Instant::now();
        match ask() {
            Ok(()) => {
                seen.answers += 1;
                seen.longest_ms = f64::max(seen.longest_ms, milliseconds(asked));
                seen.gap_ms = f64::max(seen.gap_ms, milliseconds(last));
                last = Instant::now();
            }
            Err(_) => {
                seen.failures += 1;
                if until == Writes::UntilDown {
                    break;
                }
            }
        }
        thread::sleep(PAUSE);
    }
    seen
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

impl Seen {
    /// Both together, of which the longest count.
    pub fn and(self, other: Seen) -> Seen {
        Seen {
            longest_ms: f64::max(self.longest_ms, other.longest_ms),
            gap_ms: f64::max(self.gap_ms, other.gap_ms),
            answers: self.answers + other.answers,
            failures: self.failures + other.failures,
        }
    }
}
