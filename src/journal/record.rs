//! The journal's file: one record a line with a checksum, synced before anything follows from it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::host::{files, sequence};
use crate::journal::{Header, Record};

/// Space that is kept for the records to come, so that an undo can be written down on a disk that
/// is full.
const RESERVED: u64 = 64 * 1024;

/// The open journal of one operation.
#[derive(Debug)]
pub struct Journal<S> {
    path: PathBuf,
    file: File,
    /// All records so far.
    pub records: Vec<Record<S>>,
}

impl<S: Serialize + DeserializeOwned + Clone> Journal<S> {
    /// Begins an operation: header and steps are on the disk when this returns.
    ///
    /// # Errors
    /// Exit 1 or 6 where the file cannot be written; nothing has begun then.
    pub fn begin(directory: &Path, header: Header, steps: Vec<S>) -> Result<Self> {
        let path = directory.join(format!("{}.jsonl", header.id));
        let begun = (|| {
            let file = OpenOptions::new()
                .create_new(true)
                .append(true)
                .mode(files::PRIVATE)
                .open(&path)?;
            // Not every file system can; then the journal is as safe as the disk has room.
            let _ = fallocate(&file, FallocateFlags::KEEP_SIZE, 0, RESERVED);
            Ok(file)
        })();
        let file = begun.map_err(|e| Error::io("begin the journal", &path, &e))?;
        let mut journal = Journal {
            path,
            file,
            records: Vec::new(),
        };
        let written = journal
            .write(Record::Begin { header, steps })
            .and_then(|()| files::sync_directory_of(&journal.path));
        if let Err(error) = written {
            let _ = files::remove_file(&journal.path);
            return Err(error);
        }
        let used = journal.file.metadata().map_or(0, |m| m.len());
        let _ = fallocate(&journal.file, FallocateFlags::KEEP_SIZE, used, RESERVED);
        Ok(journal)
    }

    /// Opens the journal of an operation that was interrupted.
    ///
    /// # Errors
    /// Exit 1 where it is damaged elsewhere than in its last line.
    pub fn resume(path: &Path) -> Result<Self> {
        let records = read(path)?;
        drop_torn_line(path)?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|e| Error::io("open the journal", path, &e))?;
        Ok(Journal {
            path: path.to_owned(),
            file,
            records,
        })
    }

    /// Appends a record; it is on the disk when this returns.
    ///
    /// # Errors
    /// Exit 1 where it cannot be written.
    pub fn write(&mut self, record: Record<S>) -> Result<()> {
        let line = encode(&record).map_err(|e| Error::failed("cannot write the journal").why(e))?;
        let whole = self.file.metadata().map(|m| m.len());
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A piece of a record must not stand before the next one.
            if let Ok(whole) = whole {
                let _ = self.file.set_len(whole);
            }
            return Err(Error::io("write the journal", &self.path, &error));
        }
        self.note(|| word(&record));
        self.records.push(record);
        Ok(())
    }

    /// Removes the file: the operation is over and in the history.
    ///
    /// # Errors
    /// Exit 1 or 6 where it cannot be removed.
    pub fn close(self) -> Result<()> {
        files::remove_file(&self.path)?;
        self.note(|| "close".to_owned());
        Ok(())
    }

    fn note(&self, what: impl FnOnce() -> String) {
        sequence::note(|| {
            let id = self.path.file_stem().unwrap_or_default().to_string_lossy();
            format!("{id} {}", what())
        });
    }

    /// What the operation is.
    ///
    /// # Errors
    /// Exit 1 where the journal has no beginning.
    pub fn header(&self) -> Result<&Header> {
        match self.records.first() {
            Some(Record::Begin { header, .. }) => Ok(header),
            _ => Err(Error::failed(format!(
                "the journal {} has no beginning",
                self.path.display()
            ))),
        }
    }

    /// Its steps.
    pub fn steps(&self) -> Vec<S> {
        match self.records.first() {
            Some(Record::Begin { steps, .. }) => steps.clone(),
            _ => Vec::new(),
        }
    }
}

/// The records of a journal. A last line that was not written to its end does not count.
///
/// # Errors
/// Exit 1 where another line is damaged.
pub fn read<S: DeserializeOwned + Serialize>(path: &Path) -> Result<Vec<Record<S>>> {
    let text = files::read(path)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut records = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match decode(line) {
            Some(record) => records.push(completed(record)),
            None if body(line).is_some() => {
                return Err(Error::failed(format!(
                    "the journal {} is of another version of this program",
                    path.display()
                ))
                .why(format!("it does not know what line {} says", index + 1))
                .next("have that version `recover` it"));
            }
            None if index + 1 == lines.len() => {}
            None => {
                return Err(Error::failed(format!(
                    "the journal {} is damaged in line {}",
                    path.display(),
                    index + 1
                ))
                .next("move the file away only after you have looked at what it was about"));
            }
        }
    }
    Ok(records)
}

/// A record in a word.
fn word<S>(record: &Record<S>) -> String {
    match record {
        Record::Begin { header, .. } => format!("begin {}", header.verb),
        Record::Doing { step } => format!("doing {step}"),
        Record::Did { step } => format!("did {step}"),
        Record::Undoing { step } => format!("undoing {step}"),
        Record::Undid { step } => format!("undid {step}"),
        Record::End { outcome } => format!("end {}", outcome.as_str()),
    }
}

/// How a line begins, up to the checksum of the record that follows as the rest of one object.
const FRONT: &str = "{\"crc\":";

fn encode<S: Serialize>(record: &Record<S>) -> serde_json::Result<String> {
    let body = serde_json::to_string(record)?;
    let crc = crc32fast::hash(body.as_bytes());
    let rest = body.strip_prefix('{').unwrap_or(&body);
    Ok(format!("{FRONT}{crc},{rest}\n"))
}

/// The checksum is that of the text: what an older tool wrote has not all that this one would write.
fn decode<S: DeserializeOwned>(line: &str) -> Option<Record<S>> {
    serde_json::from_str(&body(line)?).ok()
}

/// The text of a line that is whole.
fn body(line: &str) -> Option<String> {
    let (crc, rest) = line
        .strip_suffix('\n')?
        .strip_prefix(FRONT)?
        .split_once(',')?;
    let body = format!("{{{rest}");
    (crc.parse() == Ok(crc32fast::hash(body.as_bytes()))).then_some(body)
}

/// What an older tool did not write down yet is known by the verb.
fn completed<S>(mut record: Record<S>) -> Record<S> {
    if let Record::Begin { header, .. } = &mut record {
        header.holds_cluster |= header.verb == "services";
        if header.words.is_empty() {
            header.words.clone_from(&header.verb);
        }
    }
    record
}

/// Cuts a last line off that was not written to its end, so that the next one stands alone.
fn drop_torn_line(path: &Path) -> Result<()> {
    let text = files::read(path)?;
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| {
                file.set_len(whole as u64)?;
                file.sync_all()
            })
            .map_err(|e| Error::io("mend the journal", path, &e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Outcome;

    #[test]
    fn a_torn_last_line_does_not_count_and_a_damaged_one_does() {
        let place = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(
            place.path(),
            Header::for_tests(),
            vec!["a".to_owned(), "b".to_owned()],
        )
        .unwrap();
        journal.write(Record::Doing { step: 0 }).unwrap();
        journal.write(Record::Did { step: 0 }).unwrap();
        let path = journal.path.clone();
        drop(journal);

        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let mut journal = Journal::<String>::resume(&path).unwrap();
        assert_eq!(journal.records.len(), 2);
        journal
            .write(Record::End {
                outcome: Outcome::Done,
            })
            .unwrap();
        assert_eq!(read::<String>(&path).unwrap().len(), 3);

        std::fs::write(&path, whole.replace("doing", "did_x")).unwrap();
        assert_eq!(read::<String>(&path).unwrap_err().exit_code(), 1);
    }

    #[test]
    fn what_an_older_tool_did_not_write_down_is_known_by_the_verb() {
        let place = tempfile::tempdir().unwrap();
        for (verb, holds) in [("services", true), ("new", false)] {
            let path = place.path().join(format!("{verb}.jsonl"));
            let body = format!(
                r#"{{"record":"begin","header":{{"id":"1","verb":"{verb}","instances":[],"content":false,"holds_start":false,"point_of_no_return":1,"on_failure":"undo","who":"me","started":0,"tool":"0"}},"steps":["a"]}}"#
            );
            let doing = encode(&Record::<String>::Doing { step: 0 }).unwrap();
            let crc = crc32fast::hash(body.as_bytes());
            let text = format!("{FRONT}{crc},{}\n{doing}", &body[1..]);
            std::fs::write(&path, text).unwrap();
            let journal = Journal::<String>::resume(&path).unwrap();
            assert_eq!(journal.records.len(), 2);
            assert_eq!(journal.header().unwrap().holds_cluster, holds, "{verb}");
            assert_eq!(journal.header().unwrap().words, verb);
        }
    }
}
