//! Every changing verb at work, with what is there before it.

use std::process::Command;

use crate::apart;
use crate::crossing::{by_files, crossed};
use crate::database_change::with_neighbours;
use crate::field;
use crate::place::{Place, binary};
use crate::prepared::{
    NAMELESS, SNAPSHOT, down, imported, imported_and_started, made, nothing, should_run, started,
    unfinished, up, upgraded, with_documents, with_nameless, with_snapshot, with_snapshot_and_down,
    with_snapshots, without_tables,
};
use crate::search_change::{with_new_server, with_old_server};

/// A verb at work: what is there before, and how it is called.
pub struct Case {
    pub prepare: fn(&Place),
    /// The link that is called; none: the binary itself.
    link: Option<&'static str>,
    words: &'static [&'static str],
    /// What the fake engine is told to fail at, so that the way back is walked too.
    pub fails: Option<&'static str>,
}

impl Case {
    pub fn verb(&self) -> &'static str {
        self.words[0]
    }

    pub fn command(&self, place: &Place) -> Command {
        let called = match self.link {
            Some(link) => place.join(link),
            None => binary(),
        };
        let mut command = place.tool(called);
        command.args(place.words(self.words));
        command
    }

    const fn failing_at(self, text: &'static str) -> Self {
        Case {
            fails: Some(text),
            ..self
        }
    }
}

const fn on_host(prepare: fn(&Place), words: &'static [&'static str]) -> Case {
    Case {
        prepare,
        link: None,
        words,
        fails: None,
    }
}

const fn on_cluster(prepare: fn(&Place), words: &'static [&'static str]) -> Case {
    Case {
        link: Some("c/cluster.sh"),
        ..on_host(prepare, words)
    }
}

const fn on_instance(prepare: fn(&Place), words: &'static [&'static str]) -> Case {
    Case {
        link: Some("c/instances/a/instance.sh"),
        ..on_host(prepare, words)
    }
}

const SET_SEARCH: &[&str] = &["services", "set", "--search", "elasticsearch:5.6.9"];
const SET_DATABASE: &[&str] = &["services", "set", "--database", "mariadb:11.8"];
const UPGRADE_WITH_DATABASE: &[&str] = &[
    "upgrade",
    "v5.1.0",
    "--yes",
    "--database",
    "mariadb:11.8",
    "--no-snapshot",
];

pub const CASES: &[Case] = &[
    on_host(nothing, &["create", "c"]),
    on_host(field::running, &["adopt", "c"]),
    on_cluster(field::adopted, &["boot", "--yes"]),
    on_cluster(field::adopted, &["boot", "--yes"])
        .failing_at("run -c bundle exec bin/kor index-all"),
    on_cluster(down, &["boot"]),
    on_cluster(should_run, &["boot"]),
    on_cluster(started, &["shutdown"]),
    on_cluster(up, &["new", "a", "--port", "{a}"]),
    on_cluster(up, &["new", "a", "--port", "{a}"]).failing_at("index-all"),
    on_instance(started, &["snapshot"]),
    on_instance(started, &["snapshot"]).failing_at("exec sh -c pipe="),
    on_instance(started, &["snapshot", "--hold", "read-only"]),
    on_instance(started, &["snapshot", "--hold", "read-only"]).failing_at("exec sh -c pipe="),
    on_instance(with_snapshot, &["import", SNAPSHOT]),
    on_instance(with_snapshot, &["import", SNAPSHOT]).failing_at("run -c bundle exec"),
    on_instance(with_documents, &["import", SNAPSHOT]),
    on_instance(with_snapshot_and_down, &["import", SNAPSHOT]),
    on_instance(imported, &["import", SNAPSHOT]),
    on_instance(imported, &["import", "--undo"]),
    on_instance(imported_and_started, &["import", "--undo"]),
    on_instance(imported, &["import", "--forget"]),
    on_cluster(
        with_documents,
        &["new", "b", "--port", "{b}", "--from", SNAPSHOT],
    ),
    on_cluster(started, &["clone", "a", "b", "--port", "{b}"]),
    on_cluster(started, &["clone", "a", "b", "--port", "{b}"]).failing_at("Kor.settings"),
    on_instance(started, &["upgrade", "v5.1.0", "--yes"]),
    on_instance(started, &["upgrade", "v5.1.0", "--yes"]).failing_at("db:migrate"),
    on_instance(started, &["upgrade", "v5.1.0", "--yes", "--no-snapshot"])
        .failing_at("start c_run_a"),
    on_instance(started, &["upgrade", "v5.1.0", "--yes", "--rehearse"]),
    on_instance(upgraded, &["upgrade", "--undo"]),
    on_instance(by_files, &["upgrade", "v5.0.1"]),
    on_instance(by_files, &["upgrade", "v5.0.1", "--no-snapshot"])
        .failing_at("Kor.settings.update"),
    on_instance(crossed, &["upgrade", "--undo"]),
    on_instance(crossed, &["upgrade", "--undo"]).failing_at("start c_bg_a"),
    on_instance(
        with_old_server,
        &[
            "upgrade",
            "v5.0.1",
            "--search",
            "elasticsearch:5.6.16",
            "--no-snapshot",
        ],
    ),
    on_instance(with_new_server, &["upgrade", "--undo"]),
    on_instance(with_old_server, apart::WITH_SEARCH),
    on_instance(with_old_server, apart::WITH_SEARCH).failing_at("db:migrate"),
    on_instance(started, apart::WITH_DATABASE),
    on_instance(started, apart::WITH_DATABASE).failing_at("start c__a_mysql"),
    on_cluster(with_snapshots, &["snapshots", "prune", "--keep-last", "1"]),
    on_cluster(with_snapshot, &["snapshots", "prove", SNAPSHOT]),
    on_cluster(
        with_nameless,
        &["snapshots", "prove", NAMELESS, "--version", "v5.0.1"],
    ),
    on_instance(started, &["remove", "--yes"]),
    on_instance(started, &["remove", "--yes"]).failing_at("exec sh -c pipe="),
    on_cluster(imported, &["remove", "a", "--yes", "--no-snapshot"]),
    on_cluster(started, SET_SEARCH),
    on_cluster(started, SET_SEARCH).failing_at("run -c bundle exec bin/kor index-all"),
    on_cluster(with_neighbours, SET_DATABASE),
    on_cluster(with_neighbours, SET_DATABASE).failing_at("exec sh -c program="),
    on_instance(with_neighbours, UPGRADE_WITH_DATABASE),
    on_instance(with_neighbours, UPGRADE_WITH_DATABASE).failing_at("db:migrate"),
    on_instance(without_tables, &["init"]),
    on_instance(without_tables, &["init"]).failing_at("plain_password"),
    on_instance(made, &["start"]),
    on_instance(unfinished, &["start"]),
    on_instance(made, &["start"]).failing_at("start c_instance_a"),
    on_instance(started, &["stop"]),
    on_instance(started, &["restart"]),
    on_instance(made, &["migrate"]),
    on_cluster(down, &["config", "set", "APP_MEMORY", "2g"]),
    on_instance(made, &["config", "set", "NOTIFY_SENDER", "a@b.c"]),
    on_instance(made, &["config", "unset", "RAILS_SERVE_STATIC_FILES"]),
];
