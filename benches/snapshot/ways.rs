//! The same by plain commands: what cannot be undercut, and what the shell script does.

use crate::common::place::{Instance, Place};
use crate::common::{Result, run};

/// A complete archive, by the fastest plain commands that give one: the dump to a file, because a tar
/// archive has the size in front, and then both through one compressor, with the tool's level and threads.
const FLOOR: &str = r#"
dump >"$SCRATCH/dump.sql"
tar -c -C "$ROOT" data .env -C "$SCRATCH" dump.sql | zstd -q -3 -T2 -o "$SCRATCH/floor.tar.zst"
"#;

const STOP: &str = r#"docker stop "$WEB" >/dev/null"#;

const PACK: &str = r#"
docker exec "$DATABASE" mysqldump $login "$SCHEMA" | gzip >"$ROOT/db.sql.gz"
tar -cz -C "$ROOT" -f "$SCRATCH/original.tar.gz" .
"#;

const START: &str = r#"docker start "$WEB" >/dev/null; answers"#;

/// How long the shell script's sequence takes.
pub struct Original {
    pub wall: f64,
    /// Without an answer of the site.
    pub down: f64,
}

/// What the commands are told.
pub fn variables(place: &Place, instance: &Instance) -> Vec<(&'static str, String)> {
    let mut all = instance.variables();
    all.push(("SCRATCH", place.scratch.display().to_string()));
    all
}

/// The floor.
pub fn floor(place: &Place, instance: &Instance) -> Result<f64> {
    run::shell(FLOOR, &variables(place, instance))
}

/// The shell script's sequence, once: it is far above the others.
pub fn original(place: &Place, instance: &Instance) -> Result<Original> {
    let variables = variables(place, instance);
    let stop = run::shell(STOP, &variables)?;
    let pack = run::shell(PACK, &variables)?;
    let start = run::shell(START, &variables)?;
    run::shell("rm -f \"$SCRATCH\"/* \"$ROOT/db.sql.gz\"; sync", &variables)?;
    Ok(Original {
        wall: stop + pack + start,
        // The site answers until it is nearly stopped.
        down: pack + start,
    })
}
