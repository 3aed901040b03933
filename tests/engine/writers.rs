//! Those who write to an instance while snapshots of it are taken.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use crate::cluster::Cluster;

/// Sets a flag at its end.
pub struct EndOf<'a>(pub &'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A client of the database that is talked with.
pub struct Client {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Client {
    pub fn of(cluster: &Cluster, schema: &str) -> Self {
        let mut child = Command::new("docker")
            .args(["exec", "-i", &cluster.database(), "mariadb"])
            .arg("--defaults-extra-file=/etc/kor-cluster/client.cnf")
            .args(["--host=localhost", "-BN", "--unbuffered", schema])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Client { child, answers }
    }

    /// Does statements, and waits until they are done; whether they were. A client whose statement
    /// fails ends, and its transaction with it.
    pub fn tries(&mut self, statements: &str) -> bool {
        let input = self.child.stdin.as_mut().unwrap();
        let asked = writeln!(input, "{statements} select 'done';").and_then(|()| input.flush());
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        asked.is_ok() && line.trim() == "done"
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Rows with a file each, as the application has them: two tables are written in one transaction.
pub struct Media<'a> {
    cluster: &'a Cluster,
    directory: PathBuf,
}

impl<'a> Media<'a> {
    /// In the instance `axb`.
    pub fn of(cluster: &'a Cluster) -> Self {
        cluster.sql(
            "drop table if exists kor_axb.kct, kor_axb.kct_too; \
             create table kor_axb.kct (id int primary key, content int); \
             create table kor_axb.kct_too (id int primary key, content int)",
        );
        let directory = cluster.instance_root("axb").join("data/media/kct");
        fs::create_dir_all(&directory).unwrap();
        Media { cluster, directory }
    }

    /// The file in a new inode, complete before anybody sees it.
    fn write(&self, number: u64, content: u64) {
        let beside = self.directory.join(format!("{number}.new"));
        fs::write(&beside, content.to_string()).unwrap();
        fs::rename(beside, self.directory.join(number.to_string())).unwrap();
    }

    /// Does statements as often as it takes: who waits for a hold with one table in his hands can
    /// lose by a deadlock.
    fn does(&self, client: &mut Client, statements: &str) {
        let mut tries = 20;
        while !client.tries(statements) {
            tries -= 1;
            assert!(tries > 0, "{statements}");
            *client = Client::of(self.cluster, "kor_axb");
        }
    }

    /// Inserts, replaces and deletes without a pause; how many times. A file is there before its
    /// row's commit and goes after it.
    pub fn written(&self, over: &AtomicBool) -> u64 {
        let mut client = Client::of(self.cluster, "kor_axb");
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            number += 1;
            self.does(
                &mut client,
                &format!(
                    "begin; insert into kct values ({number}, {number}); \
                 insert into kct_too values ({number}, {number});"
                ),
            );
            self.write(number, number);
            assert!(client.tries("commit;"));
            if number > 10 {
                let (old, content) = (number - 10, number + 1_000_000);
                self.does(
                    &mut client,
                    &format!(
                        "begin; update kct set content = {content} where id = {old}; \
                     update kct_too set content = {content} where id = {old};"
                    ),
                );
                self.write(old, content);
                assert!(client.tries("commit;"));
            }
            if number > 20 {
                let old = number - 20;
                self.does(
                    &mut client,
                    &format!(
                        "begin; delete from kct where id = {old}; \
                     delete from kct_too where id = {old}; commit;"
                    ),
                );
                fs::remove_file(self.directory.join(old.to_string())).unwrap();
            }
        }
        number
    }
}

impl Drop for Media<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.cluster
                .sql("drop table kor_axb.kct; drop table kor_axb.kct_too");
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A file that is rewritten in place under its lock, as the application does with its settings.
pub struct Settings {
    path: PathBuf,
    before: String,
    number: AtomicU64,
}

impl Settings {
    /// Those of the instance `axb`.
    pub fn of(cluster: &Cluster) -> Self {
        let path = cluster.instance_root("axb").join("data/settings.json");
        let before = fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
        Settings {
            path,
            before,
            number: AtomicU64::new(0),
        }
    }

    /// How often they were written by now.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Writes them without a pause, each time another number many times, all of one length.
    pub fn write(&self, over: &AtomicBool) {
        let lock = self.path.with_extension("json.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(lock)
            .unwrap();
        let mut settings: Value = serde_json::from_str(&self.before).unwrap();
        while !over.load(Ordering::Relaxed) {
            let number = self.number() + 1;
            settings["kct"] = format!("{number:08} ").repeat(2000).into();
            lock.lock().unwrap();
            let mut file = File::create(&self.path).unwrap();
            for piece in settings.to_string().as_bytes().chunks(1024) {
                file.write_all(piece).unwrap();
            }
            self.number.store(number, Ordering::SeqCst);
            lock.unlock().unwrap();
        }
    }

    /// Fails where a copy of them is not whole; which one it is.
    pub fn check(text: &str) -> u64 {
        let settings: Value = serde_json::from_str(text).expect("half of the settings");
        let words = settings["kct"].as_str().unwrap();
        let first = words.split(' ').next().unwrap();
        assert!(words.split_whitespace().all(|word| word == first));
        first.parse().unwrap()
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        let _ = fs::write(&self.path, &self.before);
    }
}
