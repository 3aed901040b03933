//! The container engine, and what it takes to reach what runs in it. Everything beyond this
//! process that is not a file goes through the [`Engine`] trait.

mod docker;
#[cfg(feature = "test-support")]
pub mod fake;
mod reach;
mod terminal;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::container::{Container, ContainerSpec, Network};
use crate::model::credentials::Credentials;
use crate::model::image::{Image, ImageRef};
use crate::model::label::{Labels, Selector};

pub use docker::DockerEngine;

/// Which of a container's two outputs a piece is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a command in a container reads.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Nothing.
    Nothing,
    /// These bytes, then the end.
    Bytes(&'a [u8]),
    /// The standard input of this process; with a terminal, that terminal.
    Standard {
        /// Whether the command gets a terminal.
        terminal: bool,
    },
}

/// Takes what a command prints, piece by piece.
pub type Sink<'a> = &'a mut (dyn FnMut(Channel, &[u8]) + Send);

/// A sink that is one's own.
pub type OwnedSink = Box<dyn FnMut(Channel, &[u8]) + Send>;

/// What a command printed, and its exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The exit code.
    pub code: i64,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: Vec<u8>,
}

impl Output {
    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// The last lines of both outputs.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&self.out),
            String::from_utf8_lossy(&self.err)
        );
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .map(|line| (*line).to_owned())
            .collect()
    }
}

/// A place that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A port of a container, which nobody publishes.
    Inside {
        /// The container's name.
        container: String,
        /// Its address.
        address: IpAddr,
        /// Its port.
        port: u16,
    },
    /// A port that the host publishes.
    Published(SocketAddr),
}

impl Endpoint {
    /// A port of a container that runs.
    ///
    /// # Errors
    /// Exit 1 where it has no address.
    pub fn inside(container: &Container, port: u16) -> Result<Self> {
        let address = container.address.ok_or_else(|| {
            Error::failed(format!("container {} has no address", container.name))
                .why(format!("it is {}", container.state.as_str()))
        })?;
        Ok(Endpoint::Inside {
            container: container.name.clone(),
            address,
            port,
        })
    }

    /// A published port, asked for from this host.
    pub fn published(bound_to: IpAddr, port: u16) -> Self {
        let address = match bound_to {
            IpAddr::V4(v4) if v4.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            other => other,
        };
        Endpoint::Published(SocketAddr::new(address, port))
    }

    /// The address to connect to.
    pub fn socket(&self) -> SocketAddr {
        match self {
            Endpoint::Inside { address, port, .. } => SocketAddr::new(*address, *port),
            Endpoint::Published(address) => *address,
        }
    }
}

/// What an image is built from.
pub enum BuildContext {
    /// A public address, which the engine fetches itself.
    Address(String),
    /// A tar stream. Where it ends with an error, so does the build.
    Tar(Box<dyn std::io::Read + Send>),
}

/// An image that is to be built.
pub struct Build<'a> {
    /// The name that it gets at the end.
    pub image: &'a ImageRef,
    /// What it is built from, with a Dockerfile.
    pub context: BuildContext,
    /// Its labels.
    pub labels: &'a Labels,
    /// Logins for images that it is based on.
    pub credentials: &'a [Credentials],
}

/// An HTTP request to an [`Endpoint`].
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, `PUT`, `POST`, `DELETE` or `HEAD`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// A JSON body.
    pub body: Option<&'a str>,
    /// How long all of it may take.
    pub limit: Duration,
}

impl<'a> Request<'a> {
    /// A `GET`.
    pub fn get(path: &'a str, limit: Duration) -> Self {
        Request {
            method: "GET",
            path,
            body: None,
            limit,
        }
    }
}

/// What an HTTP request was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, cut at 32 MiB.
    pub body: String,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listens, or the connection was cut.
    Refused(String),
    /// It took longer than the limit.
    TimedOut,
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoAnswer::Refused(why) => f.write_str(why),
            NoAnswer::TimedOut => f.write_str("no answer in time"),
        }
    }
}

/// A command in a container that is talked with. Its end closes the command's standard input, and
/// so does the end of this process, however it comes.
pub trait Conversation: Send {
    /// Sends text.
    ///
    /// # Errors
    /// Exit 1 where the command is over, with its last words.
    fn say(&mut self, text: &str) -> Result<()>;

    /// The next line that it says, without its end; nothing where none came within the limit.
    ///
    /// # Errors
    /// Exit 1 where the command is over, with its last words.
    fn hear(&mut self, limit: Duration) -> Result<Option<String>>;
}

/// The container engine. Names are those of containers and networks; what is not there is an
/// error only where a method says so.
pub trait Engine: Send + Sync {
    /// Whether it can be reached.
    ///
    /// # Errors
    /// Exit 5 where it cannot.
    fn check(&self) -> Result<()>;

    /// The containers with these labels, ended ones too, by name.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn containers(&self, selector: &Selector) -> Result<Vec<Container>>;

    /// Every container of the host, whoever made it, by name.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn all_containers(&self) -> Result<Vec<Container>>;

    /// One container with all that is known of it.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn container(&self, name: &str) -> Result<Option<Container>>;

    /// Makes a container, without starting it.
    ///
    /// # Errors
    /// Exit 6 where the name is taken, 1 for what else the engine says.
    fn create(&self, spec: &ContainerSpec) -> Result<()>;

    /// Starts a container.
    ///
    /// # Errors
    /// Exit 1 with what the engine says (a port that is taken).
    fn start(&self, name: &str) -> Result<()>;

    /// Stops a container: asks it to end, and kills it after `seconds`. One that does not run or
    /// is not there is fine.
    ///
    /// # Errors
    /// Exit 1 with what the engine says.
    fn stop(&self, name: &str, seconds: u64) -> Result<()>;

    /// Removes a container with its anonymous volumes, killing it if it runs. One that is not
    /// there is fine.
    ///
    /// # Errors
    /// Exit 1 with what the engine says.
    fn remove(&self, name: &str) -> Result<()>;

    /// Gives a container another name, be it running or not.
    ///
    /// # Errors
    /// Exit 4 where there is no such container, 6 where the new name is taken, 1 for what else the
    /// engine says.
    fn rename(&self, name: &str, to: &str) -> Result<()>;

    /// Runs a command in a container of its own, waits for its end and removes the container.
    ///
    /// # Errors
    /// Exit 1 where it cannot be started, after `limit`, or at an interruption.
    fn run(
        &self,
        spec: &ContainerSpec,
        input: Input<'_>,
        sink: Sink<'_>,
        limit: Option<Duration>,
    ) -> Result<i64>;

    /// Runs a command in a container that runs already.
    ///
    /// # Errors
    /// Exit 1 where it cannot be started or after `limit`. Its own exit code is in the output.
    fn exec(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output>;

    /// Starts a command in a container that runs already, to talk with it.
    ///
    /// # Errors
    /// Exit 1 where it cannot be started.
    fn converse(&self, container: &str, command: &[&str]) -> Result<Box<dyn Conversation>>;

    /// Gives the last lines of a container's log, and with `follow` goes on until it ends or at
    /// an interruption.
    ///
    /// # Errors
    /// Exit 4 where there is no such container.
    fn logs(&self, name: &str, lines: usize, follow: bool, sink: Sink<'_>) -> Result<()>;

    /// An image that the engine has.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn image(&self, reference: &str) -> Result<Option<Image>>;

    /// All images that it has, those without a name too.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn images(&self) -> Result<Vec<Image>>;

    /// Pulls an image; `progress` gets a word now and then. A registry that says nothing within
    /// 10 s is given up, and so is a download that stands still for a minute. An image of this name
    /// that is there stays if it fails.
    ///
    /// # Errors
    /// Exit 1 with what the registry or the engine says, or at an interruption.
    fn pull(
        &self,
        image: &ImageRef,
        credentials: Option<&Credentials>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()>;

    /// Builds an image; `progress` gets a word at each of its steps. An image of this name that is
    /// there stays if it fails.
    ///
    /// # Errors
    /// Exit 1 with the last lines of the build, or at an interruption; what the context's stream
    /// ended with.
    fn build(&self, build: Build<'_>, progress: &mut (dyn FnMut(&str) + Send)) -> Result<()>;

    /// Gives an image one more name.
    ///
    /// # Errors
    /// Exit 4 where there is no such image.
    fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<()>;

    /// Takes a name from an image, and the image with its last one. One that is not there is fine.
    ///
    /// # Errors
    /// Exit 1 with what the engine says, 6 where a container runs from its last name.
    fn untag(&self, name: &ImageRef) -> Result<()>;

    /// The networks with these labels, by name.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    fn networks(&self, selector: &Selector) -> Result<Vec<Network>>;

    /// Makes a network; one of this name that is there already is fine where it has these labels.
    ///
    /// # Errors
    /// Exit 6 where the name is somebody else's, 1 for what else the engine says.
    fn create_network(&self, network: &Network) -> Result<()>;

    /// Removes a network; one that is not there is fine.
    ///
    /// # Errors
    /// Exit 1 with what the engine says (a container that is still in it).
    fn remove_network(&self, name: &str) -> Result<()>;

    /// Lets a container into one more network, where it answers to these names; one that is in it
    /// already is fine.
    ///
    /// # Errors
    /// Exit 4 where one of both is missing, 1 for what else the engine says.
    fn connect(&self, network: &str, container: &str, aliases: &[String]) -> Result<()>;

    /// Takes a container out of a network; where it is not in it, or one of both is missing, that is
    /// fine.
    ///
    /// # Errors
    /// Exit 1 with what the engine says.
    fn disconnect(&self, network: &str, container: &str) -> Result<()>;

    /// Asks over HTTP.
    ///
    /// # Errors
    /// Why there was no answer; an answer of any status is none.
    fn http(&self, to: &Endpoint, request: &Request<'_>) -> Result<Answer, NoAnswer>;

    /// The first bytes that a server sends by itself after the connection is made.
    ///
    /// # Errors
    /// Why there were none.
    fn greeting(&self, to: &Endpoint, limit: Duration) -> Result<Vec<u8>, NoAnswer>;
}

/// The last lines of a container's log, for an error; nothing where it has none.
pub fn last_log_lines(engine: &dyn Engine, container: &str, count: usize) -> Vec<String> {
    let mut output = Output::default();
    let mut sink = |_: Channel, piece: &[u8]| output.out.extend_from_slice(piece);
    match engine.logs(container, count, false, &mut sink) {
        Ok(()) => output.last_lines(count),
        Err(_) => Vec::new(),
    }
}
