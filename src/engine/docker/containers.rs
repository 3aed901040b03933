//! Containers that stay.

use std::collections::HashMap;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::StreamExt;

use super::{DockerEngine, SHORT, convert};
use crate::engine::{Channel, Input, Sink};
use crate::error::{Error, Kind, Result};
use crate::model::container::{Container, ContainerSpec};
use crate::model::label::{self, Selector};

impl DockerEngine {
    pub(super) fn list_containers(&self, selector: Option<&Selector>) -> Result<Vec<Container>> {
        let client = self.client()?;
        let mut options = ListContainersOptionsBuilder::new().all(true);
        if let Some(selector) = selector {
            options = options.filters(&filters(selector));
        }
        let call = client.list_containers(Some(options.build()));
        let listed = self.short("cannot list the containers", call)?;
        let mut containers: Vec<Container> =
            listed.into_iter().map(convert::from_summary).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    pub(super) fn inspect_container(&self, name: &str) -> Result<Option<Container>> {
        let what = format!("cannot inspect the container {name}");
        match self.short(&what, self.client()?.inspect_container(name, None)) {
            Ok(inspect) => Ok(Some(convert::from_inspect(inspect))),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn create_container(&self, spec: &ContainerSpec, input: Input<'_>) -> Result<()> {
        let what = format!("cannot make the container {}", spec.name);
        let options = CreateContainerOptionsBuilder::new()
            .name(&spec.name)
            .build();
        let body = convert::to_create_body(spec, input);
        let call = self.client()?.create_container(Some(options), body);
        match self.short(&what, call) {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound => {
                Err(Error::failed(what).why(error.why.unwrap_or_default()))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn start_container(&self, name: &str) -> Result<()> {
        let what = format!("cannot start the container {name}");
        self.short(&what, self.client()?.start_container(name, None))
    }

    pub(super) fn stop_container(&self, name: &str, seconds: u64) -> Result<()> {
        let what = format!("cannot stop the container {name}");
        let options = StopContainerOptionsBuilder::new()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        let limit = SHORT + Duration::from_secs(seconds);
        let call = self.client()?.stop_container(name, Some(options));
        fine_if_missing(self.within(limit, &what, call))
    }

    pub(super) fn remove_container(&self, name: &str) -> Result<()> {
        let what = format!("cannot remove the container {name}");
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let call = self.client()?.remove_container(name, Some(options));
        match self.short(&what, call) {
            // Somebody else is removing it: wait until that is done.
            Err(error) if error.kind == Kind::Refused => self.wait_until_gone(name, error),
            other => fine_if_missing(other),
        }
    }

    pub(super) fn rename_container(&self, name: &str, to: &str) -> Result<()> {
        let what = format!("cannot rename the container {name}");
        let options = RenameContainerOptionsBuilder::new().name(to).build();
        self.short(&what, self.client()?.rename_container(name, options))
    }

    fn wait_until_gone(&self, name: &str, error: Error) -> Result<()> {
        for _ in 0..100 {
            if self.inspect_container(name)?.is_none() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(error)
    }

    pub(super) fn container_logs(
        &self,
        name: &str,
        lines: usize,
        follow: bool,
        sink: Sink<'_>,
    ) -> Result<()> {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .follow(follow)
            .tail(&lines.to_string())
            .build();
        let mut stream = self.client()?.logs(name, Some(options));
        let what = format!("cannot read the log of the container {name}");
        self.work(None, &what, async {
            while let Some(piece) = stream.next().await {
                pass_on(&piece?, sink);
            }
            Ok(())
        })
    }
}

/// Gives a piece of output to whom it is for.
pub(super) fn pass_on(piece: &LogOutput, sink: Sink<'_>) {
    match piece {
        LogOutput::StdErr { message } => sink(Channel::Err, message),
        LogOutput::StdOut { message } | LogOutput::Console { message } => {
            sink(Channel::Out, message);
        }
        LogOutput::StdIn { .. } => {}
    }
}

/// The label filters of a list.
pub(super) fn filters(selector: &Selector) -> HashMap<String, Vec<String>> {
    let mut labels: Vec<String> = selector
        .0
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.push(label::ROOT.to_owned());
    HashMap::from([("label".to_owned(), labels)])
}

pub(super) fn fine_if_missing(answer: Result<()>) -> Result<()> {
    match answer {
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        other => other,
    }
}
