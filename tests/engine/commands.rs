//! Commands in containers, jobs, logs, and what the tool prints of itself.

use std::fs;

use crate::cluster::shared;
use crate::docker::containers;
use crate::harness::{VERSION, tool, until};
use crate::web::Site;

#[test]
fn commands_get_their_input_and_pass_on_their_exit_code() {
    let turn = shared();
    let cluster = &turn.cluster;
    for prefix in [&["-i", "a_b"][..], &[]] {
        let call = |words: &[&'static str]| {
            let words = prefix.iter().copied().chain(words.iter().copied());
            match prefix.is_empty() {
                true => cluster.instance("a_b", words),
                false => cluster.call(words),
            }
        };
        let ran = call(&["run", "echo to-out; echo to-err >&2; exit 7"]).expect(7);
        assert_eq!(ran.text(), "to-out");
        assert!(ran.err.contains("to-err"), "{}", ran.err);
        assert_eq!(
            call(&["run", "cat"]).input("through\n").ok().text(),
            "through"
        );
        assert_eq!(
            call(&["run_headless", "cat; exit 9"])
                .input("no")
                .expect(9)
                .text(),
            ""
        );
        assert_eq!(
            call(&["shell"])
                .input("echo in-$RAILS_ENV; exit 5\n")
                .expect(5)
                .text(),
            "in-production"
        );
        call(&["db", "select 6 * 7"]).ok().says(&["42"]);
        call(&["db"])
            .input("select database();\n")
            .ok()
            .says(&["kor_a_b"]);
        call(&["db", "select nonsense"])
            .expect(1)
            .says(&["nonsense"]);
    }
    cluster
        .call(["db", "select current_user()"])
        .ok()
        .says(&["root@"]);
    cluster
        .call(["run", "true"])
        .expect(2)
        .says(&["a_b", "axb"]);
    let info = cluster
        .instance("a_b", ["run", "bundle exec rails r 'puts User.count'"])
        .ok();
    assert!(info.text().ends_with('2'), "{}", info.out);
    let left = containers(cluster.path());
    assert!(!left.iter().any(|name| name.contains("_run")), "{left:?}");
}

#[test]
fn a_job_runs_in_the_background_and_its_output_is_in_the_log() {
    let turn = shared();
    let cluster = &turn.cluster;
    // Behind the command everything is the command's.
    let said = cluster
        .instance("a_b", ["--json", "job", "echo job-is-at-work; exit 3"])
        .ok();
    let log = said.json()["log"].as_str().unwrap().to_owned();
    until("the job's end is in its log", 30, || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("job ends with 3"))
    });
    cluster
        .call(["-i", "a_b", "logs", "--jobs"])
        .ok()
        .says(&["job-is-at-work", "job ends with 3"]);
}

#[test]
fn logs_are_those_of_the_application_the_container_or_a_service() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "a_b", turn.a_b);
    site.get("/entities/4711");
    let log = cluster.instance("a_b", ["logs", "-n", "5"]).ok();
    assert!(log.out.contains("/entities/4711"), "{}", log.out);
    assert!(log.out.lines().count() <= 5);
    cluster
        .call(["-i", "a_b", "logs", "--container"])
        .ok()
        .says(&["3000"]);
    cluster
        .call(["logs", "--service", "database", "-n", "500"])
        .ok()
        .says(&["ready for connections"]);
    cluster
        .call(["logs", "--service", "search", "-n", "500"])
        .ok()
        .says(&["started"]);

    let following = cluster
        .instance("a_b", ["logs", "-n", "1", "--follow"])
        .spawn();
    // It may not have opened the file yet; what comes after that it shows.
    let mut asked = 0;
    until("it follows", 10, || {
        site.get("/entities/4712");
        asked += 1;
        asked > 20
    });
    following.signal("INT");
    following.end().ok().says(&["/entities/4712"]);
}

#[test]
fn history_contracts_completions_and_the_manual_are_printed() {
    let turn = shared();
    let cluster = &turn.cluster;
    let history = cluster
        .call(["history", "--json", "-n", "1000"])
        .ok()
        .json();
    let verbs: Vec<&str> = history["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs[..5], ["create", "boot", "new", "new", "start"]);
    let of_one = cluster.instance("axb", ["history", "--json"]).ok().json();
    assert_eq!(of_one["operations"][0]["verb"], "new");
    cluster.call(["history"]).ok().says(&["new axb", "done"]);

    cluster
        .call(["recover"])
        .ok()
        .says(&["nothing was interrupted"]);
    assert_eq!(
        cluster.instance("a_b", ["recover", "--json"]).ok().json()["changed"],
        false
    );

    tool().args(["contract", "list"]).ok().says(&["v5"]);
    assert_eq!(
        tool().args(["contract", "list", "--json"]).ok().json()["contracts"][0]["name"],
        "v5"
    );
    let shown = cluster
        .call(["contract", "show", VERSION, "--json"])
        .ok()
        .json();
    assert_eq!(shown["contract"]["web"]["port"], 3000);
    cluster
        .instance("a_b", ["contract", "show", "5.1.0"])
        .ok()
        .says(&["known fault"]);

    for shell in ["bash", "zsh", "fish"] {
        tool()
            .args(["completions", shell])
            .ok()
            .says(&["run_headless"]);
    }
    tool().args(["man"]).ok().says(&[".TH"]);
    cluster
        .call(["--help"])
        .ok()
        .says(&["shutdown", "Exit codes"]);
}
