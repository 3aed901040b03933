//! The search server's indices, with the number of their documents.

use std::time::Duration;

use super::Picture;
use super::running::PATIENCE;
use crate::docker::address;
use crate::harness::until;

pub fn add(picture: &mut Picture, name: &str) {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent();
    let container = format!("{name}_elastic");
    let ask = |path: &str| -> Option<String> {
        let url = format!("http://{}:9200/{path}", address(&container));
        let mut answer = agent.get(&url).call().ok()?;
        answer.body_mut().read_to_string().ok()
    };
    until("the search server answers", PATIENCE, || {
        let health = ask("_cluster/health?wait_for_status=yellow&timeout=20s");
        health.is_some_and(|said| said.contains(r#""timed_out":false"#))
    });
    ask("_refresh").unwrap();
    for line in ask("_cat/indices?h=index,docs.count").unwrap().lines() {
        let (index, count) = line.trim().split_once(' ').unwrap_or((line, ""));
        picture.add(format!("index {index}"), count.trim());
    }
    for line in ask("_cat/aliases?h=alias,index").unwrap().lines() {
        picture.add(format!("alias {}", line.trim()), "there");
    }
}
