//! Who holds a kernel lock on a file, as the kernel lists it. Asking takes no lock: whoever wants
//! it meanwhile must not be told that it is taken.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The kernel's list. It has those locks alone whose holders this process can see.
const LIST: &str = "/proc/locks";

/// The processes that hold a lock on a file (`flock`); none where the kernel does not tell.
pub fn of(path: &Path) -> Option<BTreeSet<u32>> {
    let file = match path.metadata() {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(BTreeSet::new()),
        Err(_) => return None,
    };
    let mut holders = BTreeSet::new();
    // A long list is read in pieces, and a line is left out where one before it went meanwhile.
    for _ in 0..2 {
        let list = std::fs::read_to_string(LIST).ok()?;
        holders.extend(in_list(&list, file.ino()));
    }
    Some(holders)
}

/// The device is not compared: some file systems say another one there than the file does.
fn in_list(list: &str, inode: u64) -> impl Iterator<Item = u32> {
    list.lines().filter_map(move |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Who only waits has an arrow behind the number.
        let [_, "FLOCK", _, _, process, file, ..] = words.as_slice() else {
            return None;
        };
        let (_, number) = file.rsplit_once(':')?;
        (number.parse() == Ok(inode)).then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_file_is_told_and_nobody_else() {
        let list = "1: FLOCK  ADVISORY  READ 723 fd:00:77 0 EOF\n\
                    2: FLOCK  ADVISORY  READ 724 00:2f:77 0 EOF\n\
                    2: -> FLOCK  ADVISORY  WRITE 725 fd:00:77 0 EOF\n\
                    3: POSIX  ADVISORY  WRITE 726 fd:00:77 0 EOF\n\
                    4: OFDLCK ADVISORY  READ -1 00:06:77 0 EOF\n\
                    5: FLOCK  ADVISORY  WRITE 727 fd:00:177 0 EOF\n\
                    6: FLOCK  ADVISORY  WRITE 728 <none>:0\n";
        assert_eq!(in_list(list, 77).collect::<Vec<_>>(), [723, 724]);
    }

    #[test]
    fn a_lock_of_this_process_is_there_as_long_as_it_is_held() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        assert_eq!(of(&path), Some(BTreeSet::new()), "there is no file yet");
        let file = std::fs::File::create(&path).unwrap();
        file.lock_shared().unwrap();
        assert_eq!(of(&path), Some(BTreeSet::from([std::process::id()])));
        drop(file);
        assert_eq!(of(&path), Some(BTreeSet::new()));
    }
}
