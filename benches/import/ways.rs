//! The same by plain commands: what cannot be undercut, what the shell script does, and what the
//! application takes by itself.

use crate::common::place::{Instance, Place};
use crate::common::{Result, run};

/// The content in the forms that the other ways read.
const PACK: &str = r#"
dump >"$SCRATCH/dump.sql"
tar -c -C "$ROOT" data .env | zstd -q -3 -T2 -o "$SCRATCH/floor.tar.zst"
gzip -c "$SCRATCH/dump.sql" >"$ROOT/db.sql.gz"
tar -cz -C "$ROOT" -f "$SCRATCH/original.tar.gz" data .env db.sql.gz
rm "$ROOT/db.sql.gz"
"#;

/// Files and rows side by side, as the tool does it. As fast as the machine is for both at once.
const FLOOR: &str = r#"
mkdir "$SCRATCH/floor"
client -e "CREATE DATABASE bench_floor" </dev/null
(zstd -q -dc "$SCRATCH/floor.tar.zst" | tar -x -C "$SCRATCH/floor") &
client --max-allowed-packet=1G bench_floor <"$SCRATCH/dump.sql"
wait $!
"#;

const CLEAR: &str = r#"
client -e "DROP DATABASE IF EXISTS bench_floor" </dev/null
rm -rf "$SCRATCH/floor"
sync
"#;

const STOP: &str = r#"docker stop "$WEB" >/dev/null"#;

const UNPACK: &str = r#"
tar -xz -C "$ROOT" -f "$SCRATCH/original.tar.gz"
gunzip -c "$ROOT/db.sql.gz" | docker exec -i "$DATABASE" mysql $login "$SCHEMA"
"#;

const START: &str = r#"docker start "$WEB" >/dev/null; answers"#;

/// How long the shell script's sequence takes.
pub struct Original {
    pub wall: f64,
    /// Without an answer of the site.
    pub down: f64,
}

/// Packs the content for the other ways.
pub fn pack(place: &Place, instance: &Instance) -> Result<()> {
    run::shell(PACK, &place.variables(instance))?;
    run::shell("sync", &[]).map(drop)
}

/// The floor.
pub fn floor(place: &Place, instance: &Instance) -> Result<f64> {
    run::shell(FLOOR, &place.variables(instance))
}

/// Removes what the floor made.
pub fn clear(place: &Place, instance: &Instance) -> Result<()> {
    run::shell(CLEAR, &place.variables(instance)).map(drop)
}

/// The shell script's sequence, once: it works on the instance itself, so it comes last.
pub fn original(place: &Place, instance: &Instance) -> Result<Original> {
    let variables = place.variables(instance);
    let stop = run::shell(STOP, &variables)?;
    let unpack = run::shell(UNPACK, &variables)?;
    let start = run::shell(START, &variables)?;
    Ok(Original {
        wall: stop + unpack + start,
        // The site answers until it is nearly stopped.
        down: unpack + start,
    })
}

/// How many seconds the application takes to fill its search index, without the tool.
pub fn index_all(place: &Place, instance: &Instance) -> Result<f64> {
    let command = r#"docker exec "$WEB" bundle exec bin/kor index-all >/dev/null"#;
    run::shell(command, &place.variables(instance))
}
