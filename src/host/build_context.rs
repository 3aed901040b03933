//! What an image is built from, as the tar stream that the engine takes.

use std::fs::{self, File, Metadata};
use std::io::{self, PipeWriter, Read};
use std::path::Path;

use tar::{Builder, EntryType, Header, HeaderMode};

use crate::error::{Error, Result};
use crate::host::files;
use crate::model::docker_ignore::DockerIgnore;

/// The file that says how an image is built.
const RECIPE: &str = "Dockerfile";

/// The file that says what is left out.
const IGNORED: &str = ".dockerignore";

/// A stream whose maker is asked at its end whether it is whole: one that broke off looks like
/// one that ended. Its errors are this crate's [`Error`]s.
pub struct Produced {
    stream: Box<dyn Read + Send>,
    finish: Option<Box<dyn FnOnce() -> Result<()> + Send>>,
}

impl Produced {
    /// A stream, and what is asked at its end.
    pub fn new(
        stream: impl Read + Send + 'static,
        finish: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Self {
        Produced {
            stream: Box::new(stream),
            finish: Some(Box::new(finish)),
        }
    }
}

impl Read for Produced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if count == 0
            && !buffer.is_empty()
            && let Some(finish) = self.finish.take()
        {
            finish().map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

/// The files of a directory as a tar stream, without what its `.dockerignore` leaves out.
/// Sockets, pipes and devices are left out too.
///
/// # Errors
/// Exit 4 where there is no such directory or no Dockerfile in it, 6 where it may not be read. A
/// file that cannot be read is an error of the stream.
pub fn directory(path: &Path) -> Result<Produced> {
    let root = path
        .canonicalize()
        .map_err(|e| Error::io("read", path, &e))?;
    fs::read_dir(&root).map_err(|e| Error::io("read", &root, &e))?;
    if !files::exists(&root.join(RECIPE)) {
        return Err(
            Error::not_found(format!("{} has no {RECIPE}", root.display()))
                .why("it says how the image is built")
                .next("name the directory that has it with --from DIR"),
        );
    }
    let list = root.join(IGNORED);
    let ignore = match files::read_if_there(&list)? {
        Some(text) => DockerIgnore::parse(&text, &list.display().to_string())?,
        None => DockerIgnore::default(),
    };
    let (reader, writer) = io::pipe().map_err(|e| Error::failed("cannot make a pipe").why(e))?;
    let packing = std::thread::spawn(move || pack(&root, &ignore, writer));
    Ok(Produced::new(reader, move || {
        packing
            .join()
            .unwrap_or_else(|_| Err(Error::failed("packing the directory broke off")))
    }))
}

fn pack(root: &Path, ignore: &DockerIgnore, writer: PipeWriter) -> Result<()> {
    let mut archive = Builder::new(writer);
    pack_directory(root, Path::new(""), ignore, &mut archive)?;
    archive
        .into_inner()
        .map(drop)
        .map_err(|e| Error::io("pack", root, &e))
}

fn pack_directory(
    root: &Path,
    below: &Path,
    ignore: &DockerIgnore,
    archive: &mut Builder<PipeWriter>,
) -> Result<()> {
    let directory = root.join(below);
    let failed = |e: io::Error| Error::io("read", &directory, &e);
    let mut entries: Vec<_> = fs::read_dir(&directory)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(failed)?;
    // The same files make the same stream, which the engine's cache knows again.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let relative = below.join(entry.file_name());
        let needed = relative == Path::new(RECIPE) || relative == Path::new(IGNORED);
        let left_out = !needed && ignore.excludes(&relative);
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).map_err(|e| Error::io("read", &path, &e))?;
        if !left_out {
            pack_one(&path, &relative, &metadata, archive)
                .map_err(|e| Error::io("pack", &path, &e))?;
        }
        if metadata.is_dir() && (!left_out || ignore.has_exceptions()) {
            pack_directory(root, &relative, ignore, archive)?;
        }
    }
    Ok(())
}

fn pack_one(
    path: &Path,
    name: &Path,
    metadata: &Metadata,
    archive: &mut Builder<PipeWriter>,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_metadata_in_mode(metadata, HeaderMode::Complete);
    // As the engine's own client does: who owns the files here means nothing in the image.
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_dir() {
        archive.append_data(&mut header, name, io::empty())
    } else if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        archive.append_link(&mut header, name, fs::read_link(path)?)
    } else if metadata.is_file() {
        let file = Exactly {
            file: File::open(path)?,
            left: metadata.len(),
        };
        archive.append_data(&mut header, name, file)
    } else {
        Ok(())
    }
}

/// As many bytes of a file as its entry says, though it may be written to meanwhile.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(mut tar: Produced) -> Vec<String> {
        let mut bytes = Vec::new();
        tar.read_to_end(&mut bytes).unwrap();
        tar::Archive::new(&bytes[..])
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn a_directory_is_packed_without_what_it_leaves_out() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("web/node_modules/x")).unwrap();
        fs::create_dir_all(at("data/keep")).unwrap();
        for name in [
            "Dockerfile",
            "a.log",
            "web/node_modules/x/y",
            "data/keep/one",
            "data/two",
        ] {
            fs::write(at(name), "text").unwrap();
        }
        let long = "l".repeat(120);
        fs::write(at(&long), vec![7; 100_000]).unwrap();
        symlink("nowhere", at("web/link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let ignored = "Dockerfile\n*.log\n**/node_modules\ndata\n!data/keep\n";
        fs::write(at(".dockerignore"), ignored).unwrap();
        assert_eq!(
            names(directory(place.path()).unwrap()),
            [
                ".dockerignore",
                "Dockerfile",
                "data/keep",
                "data/keep/one",
                long.as_str(),
                "web",
                "web/link"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let place = tempfile::tempdir().unwrap();
        let error = directory(place.path()).err().unwrap();
        assert_eq!(error.exit_code(), 4, "{error}");
        assert!(directory(&place.path().join("none")).is_err());
        let mut broken = Produced::new(io::empty(), || Err(Error::refused("no")));
        let error = broken.read(&mut [0; 8]).unwrap_err();
        let inner = error.into_inner().unwrap().downcast::<Error>().unwrap();
        assert_eq!(inner.exit_code(), 6);
    }
}
