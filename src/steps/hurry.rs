//! Which commands of a plan others wait for.

use crate::steps::Step;

impl Step {
    /// Lets what it runs in containers of its own go before others: on a host that has more to do than it
    /// can, who still asks the old version would take the processors from what all wait for.
    pub fn hurry(&mut self) {
        match self {
            Step::RunPhase { spec, .. }
            | Step::RunContainer { spec }
            | Step::MakeIndex { spec, .. } => spec.hurry(),
            Step::FillIndex { filling } => {
                let specs = [&mut filling.create, &mut filling.write, &mut filling.all];
                specs.into_iter().for_each(|spec| spec.hurry());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;

    fn phase() -> (ContainerSpec, Step) {
        let spec: ContainerSpec = serde_json::from_value(serde_json::json!({
            "name": "c_run_a_1", "image": "kor:v5.1.0", "entrypoint": [], "command": [],
            "environment": {}, "labels": {}, "mounts": [], "network": "c_network", "aliases": [],
            "published": [], "work_dir": null, "memory": null, "restarts": false, "stop_seconds": 10,
        }))
        .unwrap();
        let step = Step::RunPhase {
            spec: Box::new(spec.clone()),
            what: "migrate".to_owned(),
            input: None,
        };
        (spec, step)
    }

    #[test]
    fn what_is_waited_for_goes_before_others_and_nothing_else_does() {
        let (spec, mut step) = phase();
        step.hurry();
        let Step::RunPhase { spec: hurried, .. } = step else {
            unreachable!();
        };
        assert!(hurried.cpu_shares > Some(1024));
        assert_eq!(spec.cpu_shares, None);
        // Who has none is not told from one that was made before there was one.
        assert!(!serde_json::to_string(&spec).unwrap().contains("cpu_shares"));
    }
}
