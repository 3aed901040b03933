//! The Docker Engine behind its local socket.

mod build;
mod containers;
mod conversation;
mod convert;
mod images;
mod networks;
mod run;

use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::runtime::Runtime;

use crate::engine::{
    Answer, Build, Conversation, Endpoint, Engine, Input, NoAnswer, Output, Request, Sink, reach,
};
use crate::error::{Error, Kind, Result};
use crate::host::interrupt::{Interrupt, LOOK};
use crate::model::container::{Container, ContainerSpec, Network};
use crate::model::credentials::Credentials;
use crate::model::image::{Image, ImageRef};
use crate::model::label::Selector;

/// The oldest API that has all that is used here: Docker 20.10.
const OLDEST_API: (usize, usize) = (1, 41);

/// How long the engine may take for what is no work.
const SHORT: Duration = Duration::from_secs(60);

/// Longer than any of our own limits, which are the ones that count.
const CLIENT_TIMEOUT_S: u64 = 7 * 86_400;

/// A Docker Engine on this machine. Nothing is connected before the first call.
pub struct DockerEngine {
    socket: PathBuf,
    interrupt: Interrupt,
    runtime: Runtime,
    client: OnceLock<Docker>,
}

impl DockerEngine {
    /// The engine that `DOCKER_HOST` names, else the one behind the usual socket.
    ///
    /// # Errors
    /// Exit 6 where it is not on this machine.
    pub fn local(interrupt: Interrupt) -> Result<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = match host.strip_prefix("unix://") {
            Some(path) => PathBuf::from(path),
            None if host.is_empty() => PathBuf::from("/var/run/docker.sock"),
            None => {
                return Err(Error::refused(format!("DOCKER_HOST is {host}"))
                    .why("only an engine on this machine is supported: clusters need its files")
                    .next("unset DOCKER_HOST, or set it to unix:///path/to/docker.sock"));
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| Error::failed("cannot start a thread").why(e))?;
        Ok(DockerEngine {
            socket,
            interrupt,
            runtime,
            client: OnceLock::new(),
        })
    }

    /// The client, with the version of the API that both sides know.
    fn client(&self) -> Result<&Docker> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let path = self.socket.display().to_string();
        let docker = Docker::connect_with_unix(&path, CLIENT_TIMEOUT_S, API_DEFAULT_VERSION)
            .map_err(|e| self.error("cannot reach the container engine", e))?;
        let offered = self
            .runtime
            .block_on(async { tokio::time::timeout(SHORT, docker.version()).await })
            .map_err(|_| self.unreachable("it does not answer"))?
            .map_err(|e| self.error("cannot reach the container engine", e))?;
        let prefix = api_prefix(
            offered.api_version.as_deref(),
            offered.min_api_version.as_deref(),
        )?;
        // The client negotiates a number but does not send it; an engine then takes its newest.
        let versioned = docker.with_request_modifier(move |mut request| {
            let whole = request.uri().to_string();
            let path = request.uri().path().to_owned();
            if let Ok(uri) = whole.replacen(&path, &format!("{prefix}{path}"), 1).parse() {
                *request.uri_mut() = uri;
            }
            for name in LOGIN_HEADERS {
                // The client writes the ordinary base64, which the engine takes for no login.
                let login = request.headers().get(name).and_then(|v| v.to_str().ok());
                if let Some(Ok(login)) = login.map(|text| url_safe(text).parse()) {
                    request.headers_mut().insert(name, login);
                }
            }
            request
        });
        Ok(self.client.get_or_init(|| versioned))
    }

    /// Waits for an answer that is no work.
    fn short<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T> {
        self.within(SHORT, what, call)
    }

    /// Waits for an answer, for so long.
    fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T> {
        match self
            .runtime
            .block_on(async { tokio::time::timeout(limit, call).await })
        {
            Ok(answer) => answer.map_err(|e| self.error(what, e)),
            Err(_) => Err(Error::new(Kind::Engine, what)
                .why(format!("no answer within {} s", limit.as_secs()))
                .next("look at the engine: docker info")),
        }
    }

    /// Waits for work: an interruption ends the waiting.
    fn work<T>(
        &self,
        limit: Option<Duration>,
        what: &str,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T> {
        let interrupted = async {
            while !self.interrupt.is_pending() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let too_long = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                answer = call => answer.map_err(|e| self.error(what, e)),
                () = interrupted => Err(Error::interrupted(what)),
                () = too_long => Err(Error::failed(what)
                    .why(format!("it took longer than {} s", limit.unwrap_or_default().as_secs()))
                    .next("allow it more with --timeout SECONDS")),
            }
        })
    }

    fn unreachable(&self, why: impl std::fmt::Display) -> Error {
        Error::new(Kind::Engine, "cannot reach the container engine")
            .why(format!("{}: {why}", self.socket.display()))
            .next("start it (systemctl start docker), and be root or in the group docker")
    }

    fn error(&self, what: &str, error: bollard::errors::Error) -> Error {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError {
                status_code,
                message,
            } => {
                let kind = match status_code {
                    404 => Kind::NotFound,
                    409 => Kind::Refused,
                    _ => Kind::Failed,
                };
                Error::new(kind, what).why(message.trim())
            }
            E::DockerStreamError { error } => Error::failed(what).why(error.trim()),
            E::SocketNotFoundError(_) => self.unreachable("there is no such socket"),
            E::HyperLegacyError { err } => self.unreachable(deepest(&err)),
            E::IOError { err } => self.unreachable(err),
            other => Error::failed(what).why(deepest(&other)),
        }
    }
}

/// The cause at the bottom, which says more than `client error (Connect)`.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The headers that logins at registries are in.
const LOGIN_HEADERS: [&str; 2] = ["x-registry-auth", "x-registry-config"];

/// The base64 that goes into addresses, from the ordinary one.
fn url_safe(base64: &str) -> String {
    base64.replace('+', "-").replace('/', "_")
}

fn api_prefix(newest: Option<&str>, oldest: Option<&str>) -> Result<String> {
    let parse = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let newest = newest.and_then(parse).unwrap_or(OLDEST_API);
    if newest < OLDEST_API {
        return Err(Error::new(Kind::Engine, "the container engine is too old")
            .why(format!("it offers API {}.{}", newest.0, newest.1))
            .next("update it to Docker 20.10 or later"));
    }
    let oldest = oldest.and_then(parse).unwrap_or(OLDEST_API);
    let (major, minor) = OLDEST_API.max(oldest);
    Ok(format!("/v{major}.{minor}"))
}

impl Engine for DockerEngine {
    fn check(&self) -> Result<()> {
        self.client().map(drop)
    }

    fn containers(&self, selector: &Selector) -> Result<Vec<Container>> {
        self.list_containers(Some(selector))
    }

    fn all_containers(&self) -> Result<Vec<Container>> {
        self.list_containers(None)
    }

    fn container(&self, name: &str) -> Result<Option<Container>> {
        self.inspect_container(name)
    }

    fn create(&self, spec: &ContainerSpec) -> Result<()> {
        self.create_container(spec, Input::Nothing)
    }

    fn start(&self, name: &str) -> Result<()> {
        self.start_container(name)
    }

    fn stop(&self, name: &str, seconds: u64) -> Result<()> {
        self.stop_container(name, seconds)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.remove_container(name)
    }

    fn rename(&self, name: &str, to: &str) -> Result<()> {
        self.rename_container(name, to)
    }

    fn run(
        &self,
        spec: &ContainerSpec,
        input: Input<'_>,
        sink: Sink<'_>,
        limit: Option<Duration>,
    ) -> Result<i64> {
        self.run_container(spec, input, sink, limit)
    }

    fn exec(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output> {
        self.exec_in_container(container, command, input, limit)
    }

    fn converse(&self, container: &str, command: &[&str]) -> Result<Box<dyn Conversation>> {
        self.converse_in_container(container, command)
    }

    fn logs(&self, name: &str, lines: usize, follow: bool, sink: Sink<'_>) -> Result<()> {
        self.container_logs(name, lines, follow, sink)
    }

    fn image(&self, reference: &str) -> Result<Option<Image>> {
        self.inspect_image(reference)
    }

    fn images(&self) -> Result<Vec<Image>> {
        self.list_images()
    }

    fn pull(
        &self,
        image: &ImageRef,
        credentials: Option<&Credentials>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        self.pull_image(image, credentials, progress)
    }

    fn build(&self, build: Build<'_>, progress: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
        self.build_image(build, progress)
    }

    fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<()> {
        self.tag_image(image, name)
    }

    fn untag(&self, name: &ImageRef) -> Result<()> {
        self.untag_image(name)
    }

    fn networks(&self, selector: &Selector) -> Result<Vec<Network>> {
        self.list_networks(selector)
    }

    fn create_network(&self, network: &Network) -> Result<()> {
        self.make_network(network)
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        self.delete_network(name)
    }

    fn connect(&self, network: &str, container: &str, aliases: &[String]) -> Result<()> {
        self.join_network(network, container, aliases)
    }

    fn disconnect(&self, network: &str, container: &str) -> Result<()> {
        self.leave_network(network, container)
    }

    fn http(&self, to: &Endpoint, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        reach::http(to, request)
    }

    fn greeting(&self, to: &Endpoint, limit: Duration) -> Result<Vec<u8>, NoAnswer> {
        reach::greeting(to, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_api_that_both_know_is_taken() {
        assert_eq!(api_prefix(Some("1.41"), Some("1.12")).unwrap(), "/v1.41");
        assert_eq!(api_prefix(Some("1.52"), Some("1.44")).unwrap(), "/v1.44");
        assert_eq!(api_prefix(Some("1.40"), None).unwrap_err().exit_code(), 5);
    }
}
