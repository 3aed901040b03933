//! The steps of an upgrade that keep writers away, by plain commands, beside the same loops of requests.

use crate::common::place::{Instance, Place};
use crate::common::site::{Site, Writes};
use crate::common::{Result, run, start_up};

/// How many seconds each of them takes.
pub struct Bare {
    /// A last round of what was written in a second.
    pub round: f64,
    pub migration: f64,
    pub index: f64,
    /// The new version's on the copy.
    pub start_up: f64,
}

impl Bare {
    /// All of them.
    pub fn whole(&self) -> f64 {
        self.round + self.migration + self.index + self.start_up
    }

    /// Between this and another measuring.
    pub fn mean(&self, other: &Bare) -> Bare {
        let mean = |of: fn(&Bare) -> f64| f64::midpoint(of(self), of(other));
        Bare {
            round: mean(|bare| bare.round),
            migration: mean(|bare| bare.migration),
            index: mean(|bare| bare.index),
            start_up: mean(|bare| bare.start_up),
        }
    }
}

/// A copy of the schema without its largest table, which nobody writes to; where the log stands then.
const COPY: &str = r#"
client -e "DROP DATABASE IF EXISTS bench_bare; CREATE DATABASE bench_bare;
  CREATE OR REPLACE USER bench_bare IDENTIFIED BY 'bench'; GRANT ALL ON bench_bare.* TO bench_bare;
  GRANT READ_ONLY ADMIN ON *.* TO bench_bare" </dev/null
client -BNe "SHOW MASTER STATUS" </dev/null | cut -f 1,2 >"$SCRATCH/position"
docker exec "$DATABASE" mariadb-dump $login --single-transaction --quick --hex-blob   --ignore-table="$SCHEMA.bench_rows" "$SCHEMA" | client bench_bare
"#;

/// Where the application finds the copy.
const CONTENT: &str = "mysql2://bench_bare:bench@mysql:3306/bench_bare?encoding=utf8";

/// What was written since, done again on the copy.
const ROUND: &str = r#"
read -r file from <"$SCRATCH/position"
docker exec "$DATABASE" bash -c 'set -o pipefail
mariadb-binlog --start-position="$2" --database="$3" --rewrite-db="$3->bench_bare" "/var/lib/mysql/$1" |
  mariadb --defaults-extra-file=/etc/kor-cluster/client.cnf --host=localhost --binary-mode'   round "$file" "$from" "$SCHEMA"
"#;

/// The application's own, in a container of its own.
const MIGRATE: &str = r#"
network=$(docker inspect -f '{{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}' "$WEB")
docker run --rm --label "$LABEL" --network "$network" -v "$ROOT/.env:/opt/kor/.env:ro"   -e RAILS_ENV=production -e DATABASE_URL="$CONTENT"   --entrypoint bundle "kor-sample:$TO" exec rake db:migrate >/dev/null
"#;

/// Both versions write the same documents, so the server itself can copy them.
const INDEX: &str = r#"
address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$SEARCH")
index=$(sed -n "s/^ELASTIC_INDEX=//p" "$ROOT/.env" | tr -d "\"'")
began=$(date +%s%N)
curl -sf -o "$SCRATCH/reindexed" -XPOST "http://$address:9200/_reindex?refresh=true"   -d "{\"source\":{\"index\":\"$index\"},\"dest\":{\"index\":\"bench_bare\"}}"
ended=$(date +%s%N)
curl -sf -o /dev/null -XDELETE "http://$address:9200/bench_bare"
echo $((ended - began))
"#;

/// From then on the site reads only.
const READ_ONLY: &str = r#"
client -e "SET GLOBAL read_only = 1" </dev/null
"#;

const CLEAR: &str = r#"
client -e "SET GLOBAL read_only = 0" </dev/null
client -e "DROP DATABASE bench_bare; DROP USER bench_bare" </dev/null
"#;

/// Measures them on a copy of the instance's content, with the version `to`.
///
/// # Errors
/// Where one fails.
pub fn measure(
    place: &Place,
    instance: &Instance,
    site: &Site,
    (writers, to): (usize, &str),
) -> Result<Bare> {
    let mut variables = place.variables(instance);
    variables.push(("TO", to.to_owned()));
    variables.push(("IMAGE", format!("kor-sample:{to}")));
    variables.push(("CONTENT", CONTENT.to_owned()));
    variables.push(("SEARCH", instance.database.replace("_mysql", "_elastic")));
    run::shell(COPY, &variables)?;
    site.during_many(writers, Writes::Always, || run::shell("sleep 1", &[]))?;
    run::shell(READ_ONLY, &variables)?;
    // Readers are served and writers refused meanwhile, here as there.
    let (round, migration, nanoseconds, start_up) = site.during_refused(writers, || {
        let round = run::shell(ROUND, &variables)?;
        let migration = run::shell(MIGRATE, &variables)?;
        let (_, nanoseconds) = run::feed(INDEX, &variables, "")?;
        let start_up = start_up::start_up_of(&variables)?;
        Ok((round, migration, nanoseconds, start_up))
    })?;
    let index: f64 = nanoseconds
        .trim()
        .parse()
        .map_err(|_| format!("{nanoseconds} is no time"))?;
    run::shell(CLEAR, &variables)?;
    Ok(Bare {
        round,
        migration,
        index: index / 1e9,
        start_up,
    })
}
