//! `new` right after `boot`, again and again.

use crate::cluster::Cluster;
use crate::harness::{VERSION, free_port};

/// How often it has to succeed in a row.
const ROUNDS: usize = 20;

#[test]
fn new_succeeds_in_the_same_second_that_boot_returned_on_twenty_fresh_clusters() {
    let rounds = std::env::var("KOR_TEST_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    for round in 1..=rounds {
        let cluster = Cluster::created();
        let port = free_port().to_string();
        let boot = cluster.call(["boot"]).run();
        let new = cluster
            .call(["new", "first", "--version", VERSION, "--port", &port])
            .run();
        println!("round {round}: boot {:?}, new {:?}", boot.took, new.took);
        boot.expect_ok(&format!("boot, round {round}"));
        new.expect_ok(&format!("new, round {round}"));
    }
}
