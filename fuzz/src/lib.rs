//! What the targets have in common: snapshots to begin with, and how bytes become one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kor_cluster::host::archive::{Options, Stream, Tree, Watch, Writer};
use kor_cluster::host::interrupt::Interrupt;
use kor_cluster::model::snapshot::{About, CloneKind, Hold, Packing};

/// A block of a tar archive.
const BLOCK: usize = 512;

pub const DUMP: &[u8] = b"CREATE TABLE `a` (`b` int);\n\
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 'x' */;;\n\
CREATE DEFINER=`o``d`@`%` FUNCTION f() RETURNS int RETURN 1 ;;\n\
-- Dump completed on 2026-01-31 12:00:00\n";

/// A directory in memory, where there is one: the disk is slow, and others use it.
pub fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a directory can be made")
}

/// Writes what a target begins with into the directory that `KOR_FUZZ_SEEDS` names.
pub fn plant(seeds: impl FnOnce() -> Vec<Vec<u8>>) {
    let Some(directory) = std::env::var_os("KOR_FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    for (number, seed) in seeds().iter().enumerate() {
        fs::write(directory.join(format!("seed-{number}")), seed).expect("a seed can be written");
    }
}

/// How the bytes behind the first one become a file; the first one says it.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// They are the file.
    File,
    /// They are a tar archive, packed with zstd.
    Zstd,
    /// The same with gzip.
    Gzip,
    /// They are the archive `data.tar.gz` in one of ConedaKOR's container.
    Container,
}

impl Form {
    fn of(byte: u8) -> Self {
        match byte % 4 {
            0 => Form::File,
            1 => Form::Zstd,
            2 => Form::Gzip,
            _ => Form::Container,
        }
    }
}

/// The file that some bytes stand for. The fuzzer cannot know checksums: those of headers are made
/// right, and the compressors' are made here. Whole as a file are those that a seed brings.
pub fn file_of(data: &[u8]) -> Vec<u8> {
    let Some((&first, rest)) = data.split_first() else {
        return Vec::new();
    };
    match Form::of(first) {
        Form::File => rest.to_vec(),
        Form::Zstd => zstd::encode_all(&*summed(rest), 1).expect("memory can be written"),
        Form::Gzip => gzip(&summed(rest)),
        Form::Container => gzip(&tar(&[
            ("data.tar.gz", &gzip(&summed(rest))),
            ("data.sql.gz", &gzip(DUMP)),
        ])),
    }
}

/// What a target for archives begins with: one snapshot of each form.
pub fn archives() -> Vec<Vec<u8>> {
    let place = place();
    let own = packed(place.path(), Packing::Zstd);
    let script = packed(place.path(), Packing::Gzip);
    let unpacked = zstd::decode_all(&own[..]).expect("our own snapshot can be unpacked");
    let mut tar_of_script = Vec::new();
    let mut decoder = flate2::write::GzDecoder::new(&mut tar_of_script);
    decoder.write_all(&script).expect("memory can be written");
    decoder.finish().expect("our own snapshot can be unpacked");
    vec![
        [&[0], &own[..]].concat(),
        [&[0], &script[..]].concat(),
        [&[1], &unpacked[..]].concat(),
        [&[2], &tar_of_script[..]].concat(),
        [&[3], &tar_of_script[..]].concat(),
        [&[2], &unpacked[..]].concat(),
    ]
}

/// The description in our own snapshot.
pub fn descriptions() -> Vec<Vec<u8>> {
    let place = place();
    let own = packed(place.path(), Packing::Zstd);
    let unpacked = zstd::decode_all(&own[..]).expect("our own snapshot can be unpacked");
    let begins = unpacked.windows(2).rposition(|two| two == b"{\n");
    let json = &unpacked[begins.expect("it has a description")..];
    let ends = json.iter().position(|b| *b == 0).unwrap_or(json.len());
    vec![json[..ends].to_vec(), b"{\"format\": 2}".to_vec()]
}

fn about(documents: Option<u64>) -> About {
    About {
        tool: "0.1.0".into(),
        cluster: "c".into(),
        instance: "main".into(),
        version: "v5.0.1".into(),
        contract: "v5".into(),
        taken: Timestamp::UNIX_EPOCH,
        hold: Hold::Lock,
        clone: CloneKind::Copy,
        database: "10.11".into(),
        rows: BTreeMap::from([("a".into(), 2)]),
        documents,
        consistent: true,
    }
}

/// One of everything that can stand in a snapshot, packed.
fn packed(place: &Path, packing: Packing) -> Vec<u8> {
    let data = place.join(format!("of.{}", packing.suffix()));
    fs::create_dir_all(data.join("d")).expect("a directory can be made");
    let write = |name: &str, content: &[u8]| {
        fs::write(data.join(name), content).expect("a file can be written");
    };
    write("d/a b\n", b"odd");
    write(&format!("d/{}", "n".repeat(150)), b"");
    write("sparse", &[0; 700]);
    fs::hard_link(data.join("sparse"), data.join("twice")).expect("a link can be made");
    symlink("d/a", data.join("l")).expect("a link can be made");
    let file = place.join(format!("main.{}", packing.suffix()));
    let interrupt = Interrupt::default();
    let nobody = |_: u64| {};
    let watch = Watch::new(&interrupt, &nobody);
    let is_own = packing == Packing::Zstd;
    let done = Writer::begin(&file, Options::new(packing, 0), watch).and_then(|mut writer| {
        writer.add_bytes("kor.yml", b"a: b\n")?;
        writer.add_tree(&data, "data", &Tree::default())?;
        writer.add_stream(Stream::Dump, &mut &DUMP[..])?;
        if is_own {
            writer.add_stream(Stream::Index, &mut &b"{}\n"[..])?;
        }
        writer.finish(about(is_own.then_some(1)))
    });
    done.expect("a snapshot can be made");
    fs::read(&file).expect("it can be read")
}

/// A tar archive with the checksums of its headers made right, as far as it can be followed.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while at + BLOCK <= bytes.len() {
        let header = &mut bytes[at..at + BLOCK];
        if header.iter().all(|b| *b == 0) {
            break;
        }
        sum(header);
        let digits = &header[124..136];
        let size = digits
            .iter()
            .filter(|b| (b'0'..=b'7').contains(b))
            .fold(0_usize, |size, b| size << 3 | usize::from(b - b'0'));
        at = at
            .saturating_add(BLOCK)
            .saturating_add(size.next_multiple_of(BLOCK));
    }
    bytes
}

fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000600");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar  \0");
        sum(&mut header);
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
