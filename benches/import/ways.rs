//! The same by plain commands: what cannot be undercut, what the shell script does, and what the
//! application takes by itself.

use crate::common::place::{Instance, Place};
use crate::common::table::median;
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

/// A second container of the web server's image, with the same mounts, limits and command, on a port of
/// its own.
const START_UP: &str = r#"
ask() { docker inspect -f "$1" "$WEB"; }
mapfile -t mounts < <(ask '{{range .Mounts}}{{.Source}}:{{.Destination}}{{if not .RW}}:ro{{end}}{{println}}{{end}}')
mapfile -t entry < <(ask '{{range .Config.Entrypoint}}{{println .}}{{end}}')
mapfile -t command < <(ask '{{range .Config.Cmd}}{{println .}}{{end}}')
mapfile -t environment < <(ask '{{range .Config.Env}}{{println .}}{{end}}')
words=(--label "$LABEL" --network "$(ask '{{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}')"
  --memory "$(ask '{{.HostConfig.Memory}}')" --workdir "$(ask '{{.Config.WorkingDir}}')")
for it in "${mounts[@]}"; do [ -z "$it" ] || words+=(-v "$it"); done
for it in "${environment[@]}"; do [ -z "$it" ] || words+=(-e "$it"); done
words+=(--entrypoint "${entry[0]}")
inside=$(ask '{{range $port, $it := .HostConfig.PortBindings}}{{$port}}{{end}}')
all=("${entry[@]:1}" "${command[@]}")
arguments=()
for it in "${all[@]}"; do [ -z "$it" ] || arguments+=("$it"); done
image=$(ask '{{.Config.Image}}')
began=$(date +%s%N)
docker run -d --name "$WEB-bare" -p "127.0.0.1::${inside%/tcp}" "${words[@]}" "$image" "${arguments[@]}" >/dev/null
PORT=$(docker port "$WEB-bare" "$inside" | head -n 1)
PORT=${PORT##*:}
answers
ended=$(date +%s%N)
docker rm -f "$WEB-bare" >/dev/null
echo $((ended - began))
"#;

/// How long the shell script's sequence takes.
pub struct Original {
    pub wall: f64,
    /// Without an answer of the site.
    pub down: f64,
}

fn variables(place: &Place, instance: &Instance) -> Vec<(&'static str, String)> {
    let mut all = instance.variables();
    all.push(("SCRATCH", place.scratch.display().to_string()));
    let cluster = place.cluster.display();
    all.push(("LABEL", format!("net.coneda.kor-cluster.root={cluster}")));
    all
}

/// Packs the content for the other ways.
pub fn pack(place: &Place, instance: &Instance) -> Result<()> {
    run::shell(PACK, &variables(place, instance))?;
    run::shell("sync", &[]).map(drop)
}

/// The floor.
pub fn floor(place: &Place, instance: &Instance) -> Result<f64> {
    run::shell(FLOOR, &variables(place, instance))
}

/// Removes what the floor made.
pub fn clear(place: &Place, instance: &Instance) -> Result<()> {
    run::shell(CLEAR, &variables(place, instance)).map(drop)
}

/// The shell script's sequence, once: it works on the instance itself, so it comes last.
pub fn original(place: &Place, instance: &Instance) -> Result<Original> {
    let variables = variables(place, instance);
    let stop = run::shell(STOP, &variables)?;
    let unpack = run::shell(UNPACK, &variables)?;
    let start = run::shell(START, &variables)?;
    Ok(Original {
        wall: stop + unpack + start,
        // The site answers until it is nearly stopped.
        down: unpack + start,
    })
}

/// How many seconds the application takes to its first answer, without the tool.
pub fn start_up(place: &Place, instance: &Instance) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let (_, nanoseconds) = run::feed(START_UP, &variables(place, instance), "")?;
        let nanoseconds: f64 = nanoseconds
            .trim()
            .parse()
            .map_err(|_| format!("{nanoseconds} is no time"))?;
        times.push(nanoseconds / 1e9);
    }
    Ok(median(&times))
}

/// How many seconds the application takes to fill its search index, without the tool.
pub fn index_all(place: &Place, instance: &Instance) -> Result<f64> {
    let command = r#"docker exec "$WEB" bundle exec bin/kor index-all >/dev/null"#;
    run::shell(command, &variables(place, instance))
}
