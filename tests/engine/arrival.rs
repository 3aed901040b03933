//! What else comes with a snapshot: work that was unfinished, ConedaKOR's own form, and all that a
//! schema can have in it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::Cluster;
use crate::docker::docker;
use crate::harness::{PLACE, called_plainly, files_below, free_port, until};
use crate::web::Site;

const FLAGGED: &str = "select count(*) from media where image_processing";

fn running(cluster: &Cluster) -> Site {
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    Site::of(cluster, "main", port)
}

fn taken(cluster: &Cluster) -> String {
    let said = cluster.instance("main", ["--json", "snapshot"]).ok().json();
    said["snapshots"][0]["path"].as_str().unwrap().to_owned()
}

fn flagged(cluster: &Cluster, instance: &str) -> String {
    let schema = cluster.schema(instance);
    cluster.sql(&format!("use {schema}; {FLAGGED}"))
}

#[test]
fn work_that_the_snapshot_caught_unfinished_is_made_up_for_after_the_start() {
    let cluster = Cluster::booted();
    let site = running(&cluster);
    site.upload();
    until("the picture is processed", 30, || {
        flagged(&cluster, "main") == "0"
    });
    let pictures = files_below(&cluster.instance_root("main").join("data/media"));
    // As a snapshot catches it: the row is flagged, and what is made of the picture is not there.
    cluster.sql("update kor_main.media set image_processing = 1");
    for entry in ["icon", "preview", "screen", "normal", "thumbnail"] {
        let made = cluster.instance_root("main").join("data/media").join(entry);
        let _ = std::fs::remove_dir_all(made);
    }
    let path = taken(&cluster);
    cluster.sql("update kor_main.media set image_processing = 0");

    cluster.instance("main", ["import", &path]).ok();
    let port = free_port().to_string();
    cluster
        .call(["new", "other", "--port", &port, "--from", &path])
        .ok();
    assert_eq!(flagged(&cluster, "other"), "1");
    cluster.instance("other", ["start"]).ok();
    // A clone of what is unfinished: nobody works on it in the original any more.
    cluster.instance("other", ["stop"]).ok();
    cluster.sql("update kor_other.media set image_processing = 1");
    let port = free_port().to_string();
    cluster
        .call(["clone", "other", "copy", "--port", &port])
        .ok();
    cluster.instance("copy", ["start"]).ok();
    for name in ["main", "copy"] {
        assert_eq!(flagged(&cluster, name), "0", "{name}");
        let media = cluster.instance_root(name).join("data/media");
        assert_eq!(files_below(&media), pictures, "{name}");
    }
}

#[test]
fn what_conedakors_container_makes_of_itself_is_imported() {
    let cluster = Cluster::booted();
    let site = running(&cluster);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        flagged(&cluster, "main") == "0"
    });
    let path = taken(&cluster);
    let to = PLACE.join("upstreams.tar.gz");
    let script = "mkdir \"$2\"; cd \"$2\"; zstd -dqc \"$1\" | tar -xf -; \
                  cat db.sql.* | gzip >data.sql.gz; tar -czf data.tar.gz -C data .; \
                  tar -czf \"$3\" data.tar.gz data.sql.gz";
    let place = PLACE.join("upstreams");
    let words = ["-ec", script, "pack", &path].map(str::to_owned);
    let paths = [&place, &to].map(|path| path.to_str().unwrap().to_owned());
    let words: Vec<&str> = words.iter().chain(&paths).map(String::as_str).collect();
    called_plainly("bash", &words).ok();
    site.make("Thutmosis");
    let pictures = files_below(&cluster.instance_root("main").join("data/media"));

    let file = to.to_str().unwrap();
    // Of which version it is, only its migrations tell.
    let prove = |version| cluster.call(["snapshots", "prove", file, "--version", version]);
    let said = prove("v5.0.1").ok();
    assert!(said.out.contains("its migrations are those of v5.0.1"));
    prove("v5.1.0").expect(1).says(&["those of v5.1.0", "down"]);
    cluster.instance("main", ["import", file]).expect(2);
    cluster
        .instance("main", ["import", file, "--version", "v5.0.1"])
        .ok();
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(site.found("Thutmosis"), 0);
    let media = cluster.instance_root("main").join("data/media");
    assert_eq!(files_below(&media), pictures);
}

/// All that a dump can have in it.
const ALL_KINDS: &str = "use kor_main; \
    create table odd (id int primary key, b varbinary(300), t longtext character set utf8mb4); \
    create view seen as select id, t from odd; \
    create trigger keep before update on odd for each row set new.id = old.id; \
    create procedure p() select count(*) from odd; \
    create function f() returns int return (select count(*) from odd); \
    create event e on schedule every 1 day do delete from odd where id < 0; \
    insert into odd values (1, unhex('00ff0a0d5c27221a'), '\u{1f3fa} a\\\\b'), \
        (2, null, repeat('0123456789abcdef', 5242880));";

#[test]
fn a_schema_with_all_kinds_of_things_comes_back_as_it_was() {
    let cluster = Cluster::created();
    cluster
        .call(["config", "set", "DATABASE_MEMORY", "1g"])
        .ok();
    cluster.call(["boot"]).ok();
    running(&cluster);
    cluster.sql(ALL_KINDS);
    let path = taken(&cluster);
    cluster.instance("main", ["import", &path]).ok();
    let next = cluster.schema("main");
    let content = |schema: &str| {
        cluster.sql(&format!(
            "use {schema}; select id, hex(b), length(t), md5(t) from odd; \
             select count(*) from seen; select f(); call p()"
        ))
    };
    assert_ne!(next, "kor_main");
    assert_eq!(content(&next), content("kor_main"));
    assert!(content(&next).contains("83886080"));
    let definers = |schema: &str| {
        cluster.sql(&format!(
            "select 'view', definer from information_schema.views where table_schema = '{schema}' \
             union all select 'trigger', definer from information_schema.triggers \
               where trigger_schema = '{schema}' \
             union all select routine_type, definer from information_schema.routines \
               where routine_schema = '{schema}' order by 1; \
             select 'event', definer from information_schema.events where event_schema = '{schema}'"
        ))
    };
    let of_next = definers(&next);
    assert_eq!(of_next.lines().count(), 5, "{of_next}");
    assert!(
        of_next
            .lines()
            .all(|line| line.ends_with(&format!("\t{next}@%"))),
        "{of_next}"
    );
    // What belongs to the user who reaches it now is dumped again as well.
    cluster.instance("main", ["snapshot"]).ok();
}

#[test]
fn a_start_that_fails_after_the_exchange_brings_the_former_content_back() {
    let cluster = Cluster::booted();
    let site = running(&cluster);
    site.make("Ankhesenamun");
    until("it is found", 20, || site.found("Ankhesenamun") == 1);
    let path = taken(&cluster);
    site.make("Thutmosis");
    until("it is found", 20, || site.found("Thutmosis") == 1);
    let of_before = cluster.schema("main");
    let web = cluster.web("main");
    let id = || docker(&["inspect", "-f", "{{.Id}}", &web]);
    let old = id().ok().text().to_owned();
    let import = cluster.instance("main", ["import", &path]).spawn();
    // The new one in the old one's place, before it can answer.
    until("the new web process is there", 180, || {
        let found = id();
        found.code == 0 && found.text() != old && docker(&["kill", &web]).code == 0
    });
    import.end().expect(1).says(&["undoing"]);
    assert_eq!(cluster.schema("main"), of_before);
    until("it is up again", 60, || cluster.condition("main") == "up");
    assert_eq!(site.found("Thutmosis"), 1);
    assert_eq!(cluster.sql("show databases like 'kor%'"), of_before);
}

#[test]
fn what_is_written_during_an_import_is_in_the_content_that_is_kept() {
    let cluster = Cluster::booted();
    let site = running(&cluster);
    let path = taken(&cluster);
    let over = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let names = (0..).map(|number| format!("written {number}"));
            let running = names.take_while(|_| !over.load(Ordering::Relaxed));
            running
                .filter(|name| site.is_made(name))
                .collect::<Vec<String>>()
        });
        let import = cluster.instance("main", ["import", &path]).run();
        over.store(true, Ordering::Relaxed);
        import.expect(0);
        writer.join().unwrap()
    });
    let rows = |schema: &str| -> Vec<String> {
        let names = cluster.sql(&format!(
            "select name from {schema}.entities where name is not null"
        ));
        names.lines().map(str::to_owned).collect()
    };
    let next = cluster.schema("main");
    let (kept, new) = (rows("kor_main"), rows(&next));
    assert!(kept.len() > 10, "{kept:?}");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|name| !kept.contains(name) && !new.contains(name))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    // What was acknowledged before the exchange is nowhere but in what is kept.
    assert!(kept.iter().all(|name| !new.contains(name)));
    cluster
        .instance("main", ["import", "--undo", "--discard-new"])
        .ok();
    assert_eq!(cluster.schema("main"), "kor_main");
    assert_eq!(rows("kor_main"), kept);
}
