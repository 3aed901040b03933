//! Background processes: killed in the middle of a job, and cut off from the database.

use std::fs;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::docker::{docker, inspect};
use crate::eras::{Eras, eras};
use crate::harness::{files_below, until};

fn number(cluster: &Cluster, name: &str, query: &str) -> u64 {
    cluster
        .sql(&format!("use kor_{name}; {query}"))
        .parse()
        .unwrap()
}

fn jobs(cluster: &Cluster, name: &str) -> u64 {
    number(cluster, name, "select count(*) from delayed_jobs")
}

fn taken(cluster: &Cluster, name: &str) -> u64 {
    let query = "select count(*) from delayed_jobs where locked_by is not null";
    number(cluster, name, query)
}

fn assert_processed(cluster: &Cluster, name: &str) {
    let flagged = "select count(*) from media where image_processing";
    assert_eq!(number(cluster, name, flagged), 0);
    let media = cluster.instance_root(name).join("data/media");
    let pictures = |style: &str| {
        let list = files_below(&media.join(style));
        assert!(list > 0, "{style}");
        list
    };
    assert_eq!(pictures("original"), pictures("thumbnail"));
}

/// How long a job of the sample application takes.
fn set_job_seconds(cluster: &Cluster, name: &str, seconds: &str) {
    let file = cluster.instance_root(name).join("kor.yml");
    let text = fs::read_to_string(&file).unwrap();
    let bare = text.split("  sample:").next().unwrap().to_owned();
    // Below `production:`, the last part.
    let text = format!("{bare}  sample:\n    job_seconds: {seconds}\n");
    fs::write(&file, text).unwrap();
}

fn kill_in_the_middle(eras: &Eras, remove: bool) {
    let (cluster, name) = (&eras.old, "two");
    let worker = format!("{}_bg_{name}", cluster.name);
    set_job_seconds(cluster, name, "60");
    cluster.instance(name, ["restart"]).ok();
    eras.site(cluster, name).upload();
    until("the job is taken", 30, || taken(cluster, name) == 1);
    docker(&["kill", "-s", "KILL", &worker]).ok();
    if remove {
        docker(&["rm", "-fv", &worker]).ok();
    }
    assert_eq!(taken(cluster, name), 1, "a kill leaves the job locked");
    set_job_seconds(cluster, name, "0.2");
    cluster.instance(name, ["start"]).ok();
    assert_eq!(inspect(&worker, "{{.State.Running}}"), "true");
    until("the job is done", 15, || jobs(cluster, name) == 0);
    assert_processed(cluster, name);
}

#[test]
fn a_job_that_a_killed_worker_had_taken_is_done_after_the_next_start() {
    let (_guard, eras) = eras();
    kill_in_the_middle(eras, false);
    kill_in_the_middle(eras, true);
}

#[test]
fn pictures_are_processed_after_the_database_was_away() {
    let (_guard, eras) = eras();
    let (cluster, name) = (&eras.new, "three");
    let file = cluster.instance_root(name).join("database.yml");
    let with = fs::read_to_string(&file).unwrap();
    assert!(with.contains("reconnect: true"), "{with}");
    let without = with.replace("  reconnect: true\n", "");
    for text in [&with, &without] {
        fs::write(&file, text).unwrap();
        cluster.instance(name, ["restart"]).ok();
        // It has to have been connected to lose its connection.
        std::thread::sleep(Duration::from_secs(8));
        docker(&["restart", &cluster.database()]).ok();
        until("the application is there again", 60, || {
            cluster.condition(name) == "up"
        });
        eras.site(cluster, name).upload();
        until("the picture is processed", 90, || jobs(cluster, name) == 0);
        assert_processed(cluster, name);
    }
    fs::write(&file, &with).unwrap();
    cluster.instance(name, ["restart"]).ok();
}
