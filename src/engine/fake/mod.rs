//! An engine whose world is a file, for what a real one cannot show quickly: every crash point, a
//! hundred instances. It outlives the process that uses it, as a real one does, and fails where
//! its file says so. Compiled in for tests only.

mod application;
mod database;
mod documents;
mod rights;
mod scroll;
mod world;

pub use documents::id as document_id;

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{
    Answer, Build, BuildContext, Channel, Conversation, Endpoint, Engine, Input, NoAnswer, Output,
    Request, Sink,
};
use crate::error::{Error, Kind, Result};
use crate::host::{clock, crash};
use crate::model::container::{Container, ContainerSpec, Network, State};
use crate::model::credentials::Credentials;
use crate::model::image::{Image, ImageRef};
use crate::model::label::Selector;

pub use world::{FakeContainer, World};

/// The fake engine.
pub struct FakeEngine {
    path: PathBuf,
}

impl FakeEngine {
    /// The engine whose world is in a file; a file that is not there is an empty world.
    pub fn in_file(path: PathBuf) -> Self {
        FakeEngine { path }
    }

    fn world(&self, doing: &str) -> Result<World> {
        let world = World::load(&self.path)?;
        if world.unreachable {
            return Err(
                Error::new(Kind::Engine, "cannot reach the container engine")
                    .why("the fake one is told to be unreachable"),
            );
        }
        if world.fails.iter().any(|text| doing.contains(text.as_str())) {
            return Err(
                Error::failed(format!("cannot {doing}")).why("the fake one is told to fail")
            );
        }
        Ok(world)
    }

    fn change<T>(&self, doing: &str, change: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        // A real engine does one change after the other, whoever asks for it.
        let _alone = World::alone(&self.path)?;
        let before = self.world(doing)?;
        let mut world = before.clone();
        let done = change(&mut world)?;
        if world != before {
            world.save(&self.path)?;
        }
        Ok(done)
    }
}

impl Engine for FakeEngine {
    fn check(&self) -> Result<()> {
        self.world("check").map(drop)
    }

    fn containers(&self, selector: &Selector) -> Result<Vec<Container>> {
        let mut all = self.all_containers()?;
        all.retain(|c| selector.selects(&c.labels));
        Ok(all)
    }

    fn all_containers(&self) -> Result<Vec<Container>> {
        Ok(self
            .world("list containers")?
            .containers
            .values()
            .map(world::FakeContainer::observed)
            .collect())
    }

    fn container(&self, name: &str) -> Result<Option<Container>> {
        let world = self.world(&format!("inspect {name}"))?;
        Ok(world
            .containers
            .get(name)
            .map(world::FakeContainer::observed))
    }

    fn create(&self, spec: &ContainerSpec) -> Result<()> {
        let doing = format!("create {} from {}", spec.name, spec.image);
        self.change(&doing, |world| {
            if world.containers.contains_key(&spec.name) {
                return Err(Error::refused(format!("the name {} is taken", spec.name)));
            }
            if !world.networks.contains_key(&spec.network) {
                return Err(Error::failed(format!("no network {}", spec.network)));
            }
            if let Some(missing) = spec.mounts.iter().find(|m| !m.source.exists()) {
                return Err(Error::failed(format!(
                    "bind source path does not exist: {}",
                    missing.source.display()
                )));
            }
            world.add(spec, State::Created);
            Ok(())
        })
    }

    fn start(&self, name: &str) -> Result<()> {
        self.change(&format!("start {name}"), |world| {
            let container = world.get_mut(name)?;
            container.state = State::Running;
            container.started_at = Some(clock::now());
            Ok(())
        })
    }

    fn stop(&self, name: &str, _seconds: u64) -> Result<()> {
        self.change(&format!("stop {name}"), |world| {
            if let Some(container) = world.containers.get_mut(name) {
                container.state = State::Exited;
            }
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.change(&format!("remove {name}"), |world| {
            world.joined.remove(name);
            if let Some(container) = world.containers.remove(name) {
                let thrown_away = container.is_thrown_away();
                if thrown_away || !container.keeps_index() {
                    world.searches.remove(name);
                }
                if thrown_away {
                    world.databases.remove(name);
                }
            }
            Ok(())
        })
    }

    fn rename(&self, name: &str, to: &str) -> Result<()> {
        self.change(&format!("rename {name} {to}"), |world| {
            if world.containers.contains_key(to) {
                return Err(Error::refused(format!("the name {to} is taken")));
            }
            let mut container = world
                .containers
                .remove(name)
                .ok_or_else(|| Error::not_found(format!("no container {name}")))?;
            container.spec.name = to.to_owned();
            // What is not in a directory of the host goes with its container.
            if !container.keeps_index()
                && let Some(indices) = world.searches.remove(name)
            {
                world.searches.insert(to.to_owned(), indices);
            }
            world.containers.insert(to.to_owned(), container);
            Ok(())
        })
    }

    fn run(
        &self,
        spec: &ContainerSpec,
        input: Input<'_>,
        sink: Sink<'_>,
        _limit: Option<Duration>,
    ) -> Result<i64> {
        let command = spec.command.join(" ");
        self.create(spec)?;
        self.start(&spec.name)?;
        crash::point("in a command, before its effect");
        let code = self.change(&format!("run {command}"), |world| {
            application::run(world, spec, input)
        });
        if code.is_err() {
            // As a real one: no container of a command outlives it.
            self.remove(&spec.name)?;
        }
        let code = code?;
        crash::point("in a command, after its effect");
        if code != 0 {
            sink(Channel::Err, b"the fake command failed\n");
        }
        self.remove(&spec.name)?;
        Ok(code)
    }

    fn exec(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
        _limit: Duration,
    ) -> Result<Output> {
        let statements = String::from_utf8_lossy(input).into_owned();
        let doing = format!("exec {} {statements}", command.join(" "));
        let mut pipe = None;
        let out = self.change(&doing, |world| {
            let running = world.get_mut(container)?.state == State::Running;
            if !running {
                return Err(Error::failed(format!("{container} does not run")));
            }
            pipe = database::piped(world, container, command);
            if pipe.is_some() {
                return Ok(String::new());
            }
            database::answer(
                world.databases.entry(container.to_owned()).or_default(),
                &statements,
            )
        })?;
        // Outside of the world's lock: the other end may take its time.
        let broke_off = |e: std::io::Error| Error::failed("the fake pipe broke off").why(e);
        match pipe {
            Some(database::Piped::Dump(path, dump)) => {
                std::fs::write(path, dump).map_err(broke_off)?;
            }
            Some(database::Piped::Load(path, schema)) => {
                let dump = std::fs::read_to_string(path).map_err(broke_off)?;
                self.change("load", |world| {
                    database::load(world, container, &schema, &dump);
                    Ok(())
                })?;
            }
            None => {}
        }
        Ok(Output {
            code: 0,
            out: out.into_bytes(),
            err: Vec::new(),
        })
    }

    fn converse(&self, container: &str, _command: &[&str]) -> Result<Box<dyn Conversation>> {
        self.change(&format!("converse {container}"), |world| {
            match world.runs(container) {
                true => Ok(Box::new(database::Talk::default()) as Box<dyn Conversation>),
                false => Err(Error::failed(format!("{container} does not run"))),
            }
        })
    }

    fn logs(&self, name: &str, _lines: usize, _follow: bool, sink: Sink<'_>) -> Result<()> {
        if self.container(name)?.is_none() {
            return Err(Error::not_found(format!("no container {name}")));
        }
        sink(Channel::Out, format!("the log of {name}\n").as_bytes());
        Ok(())
    }

    fn image(&self, reference: &str) -> Result<Option<Image>> {
        let world = self.world(&format!("inspect image {reference}"))?;
        Ok(world.image(reference))
    }

    fn images(&self) -> Result<Vec<Image>> {
        Ok(self.world("list images")?.images)
    }

    fn pull(
        &self,
        image: &ImageRef,
        _credentials: Option<&Credentials>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        self.change(&format!("pull the image {image}"), |world| {
            if !world.registry.iter().any(|there| there == image.as_str()) {
                return Err(Error::failed(format!("cannot pull the image {image}"))
                    .why("the fake engine's registry does not have it"));
            }
            progress("unpacking");
            let pulled = Image {
                id: format!("sha256:pulled-{image}"),
                size: 2,
                ..Image::default()
            };
            world.put_image(image, pulled);
            Ok(())
        })
    }

    fn build(&self, build: Build<'_>, progress: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
        let image = build.image;
        let from = match build.context {
            BuildContext::Address(address) => address,
            BuildContext::Tar(mut stream) => {
                let read = std::io::copy(&mut stream, &mut std::io::sink());
                let bytes = read
                    .map_err(|e| Error::failed(format!("cannot build the image {image}")).why(e))?;
                format!("{bytes} bytes")
            }
        };
        self.change(&format!("build the image {image} from {from}"), |world| {
            progress("Step 1/1 : FROM scratch");
            let built = Image {
                id: format!("sha256:built-{image}"),
                size: 3,
                labels: build.labels.clone(),
                ..Image::default()
            };
            world.put_image(image, built);
            Ok(())
        })
    }

    fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<()> {
        self.change(&format!("tag the image {image}"), |world| {
            let found = world.image(&image.as_listed());
            let found = found.ok_or_else(|| Error::not_found(format!("no image {image}")))?;
            world.put_image(name, found);
            Ok(())
        })
    }

    fn untag(&self, name: &ImageRef) -> Result<()> {
        self.change(&format!("untag the image {name}"), |world| {
            for image in &mut world.images {
                image.names.retain(|n| *n != name.as_listed());
            }
            Ok(())
        })
    }

    fn networks(&self, selector: &Selector) -> Result<Vec<Network>> {
        Ok(self
            .world("list networks")?
            .networks
            .values()
            .filter(|n| selector.selects(&n.labels))
            .cloned()
            .collect())
    }

    fn create_network(&self, network: &Network) -> Result<()> {
        self.change(&format!("create network {}", network.name), |world| {
            world.networks.insert(network.name.clone(), network.clone());
            Ok(())
        })
    }

    fn remove_network(&self, name: &str) -> Result<()> {
        self.change(&format!("remove network {name}"), |world| {
            let joined = world
                .joined
                .values()
                .any(|networks| networks.contains(name));
            if joined || world.containers.values().any(|c| c.spec.network == name) {
                return Err(Error::failed(format!(
                    "network {name} has active endpoints"
                )));
            }
            world.networks.remove(name);
            Ok(())
        })
    }

    fn connect(&self, network: &str, container: &str, _aliases: &[String]) -> Result<()> {
        self.change(&format!("connect {container} to {network}"), |world| {
            world.get_mut(container)?;
            if !world.networks.contains_key(network) {
                return Err(Error::not_found(format!("no network {network}")));
            }
            let networks = world.joined.entry(container.to_owned()).or_default();
            networks.insert(network.to_owned());
            Ok(())
        })
    }

    fn disconnect(&self, network: &str, container: &str) -> Result<()> {
        self.change(&format!("disconnect {container} from {network}"), |world| {
            if let Some(networks) = world.joined.get_mut(container) {
                networks.remove(network);
            }
            world.joined.retain(|_, networks| !networks.is_empty());
            Ok(())
        })
    }

    fn http(&self, to: &Endpoint, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        let doing = format!("http {} {}", request.method, request.path);
        let refused = |error: Error| NoAnswer::Refused(error.to_string());
        let mut answer = Err(NoAnswer::TimedOut);
        let asked = self.change(&doing, |world| {
            answer = application::answer(world, to, request);
            Ok(())
        });
        asked.map_err(refused).and(answer)
    }

    fn greeting(&self, to: &Endpoint, _limit: Duration) -> Result<Vec<u8>, NoAnswer> {
        let refused = |error: Error| NoAnswer::Refused(error.to_string());
        let world = self.world("greeting").map_err(refused)?;
        match to {
            Endpoint::Inside { container, .. } if world.runs(container) => {
                Ok(b"Y\0\0\0\x0a5.5.5-10.11.6-MariaDB-log\0".to_vec())
            }
            _ => Err(NoAnswer::Refused("nobody listens".to_owned())),
        }
    }
}
