//! What the application's commands do, and what it and the search server answer.

use std::path::Path;

use super::documents;
use super::world::World;
use crate::engine::{Answer, Endpoint, Input, NoAnswer, Request};
use crate::error::{Error, Result};
use crate::model::container::{ContainerSpec, Role, State};
use crate::model::database_file::DatabaseFile;
use crate::model::env_file::EnvFile;
use crate::model::label;

/// Does what a command of the application does, as far as the tool can see it.
pub fn run(world: &mut World, spec: &ContainerSpec, input: Input<'_>) -> Result<i64> {
    let command = spec.command.join(" ");
    if command.contains("db:migrate:status") {
        // Its schemas have no migrations.
        return Ok(0);
    }
    if command.contains("db:setup") || command.contains("db:migrate") {
        let tables = tables(world, spec)?;
        if command.contains("db:setup") {
            tables.clear();
            tables.extend(["entities", "media", "users"].map(str::to_owned));
        } else {
            tables.insert("migrated".to_owned());
        }
    } else if command.contains("index-all") || command.contains("create_index") {
        let index = index(spec)?;
        let server = world
            .by_alias(&spec.network, "elastic")
            .ok_or_else(|| Error::failed("no search server"))?;
        let count = if command.contains("index-all") { 3 } else { 0 };
        world
            .searches
            .entry(server)
            .or_default()
            .insert(index, count);
    } else if command.contains("reprocess!") {
        let schema = schema(spec)?;
        let server = server(world, spec)?;
        let database = world.databases.entry(server).or_default();
        database.unfinished.remove(&schema);
    } else if command.contains("Kor.settings.update(settings)") {
        let data = source(spec, "/data").join("settings.json");
        let Input::Bytes(text) = input else {
            return Ok(1);
        };
        std::fs::write(&data, text).map_err(|e| Error::io("write", &data, &e))?;
    }
    Ok(0)
}

/// What is answered over HTTP.
pub fn answer(world: &mut World, to: &Endpoint, request: &Request<'_>) -> Result<Answer, NoAnswer> {
    let refused = || NoAnswer::Refused("nobody listens".to_owned());
    match to {
        Endpoint::Published(address) => {
            let web = world
                .containers
                .values()
                .find(|c| {
                    c.state == State::Running
                        && c.spec
                            .published
                            .iter()
                            .any(|p| p.host_port == address.port())
                })
                .ok_or_else(refused)?;
            if let Some(page) = world.pages.get(request.path) {
                return Ok(json(200, page));
            }
            Ok(info(&web.spec))
        }
        Endpoint::Inside { container, .. } if proves(world, container) => {
            let spec = &world.containers.get(container).ok_or_else(refused)?.spec;
            Ok(info(spec))
        }
        Endpoint::Inside { container, .. } if world.runs(container) => {
            let mut indices = world.searches.get(container).cloned().unwrap_or_default();
            let answer = search(&mut indices, request);
            if !indices.is_empty() || world.searches.contains_key(container) {
                world.searches.insert(container.clone(), indices);
            }
            Ok(answer)
        }
        Endpoint::Inside { .. } => Err(refused()),
    }
}

/// Whether it is a web process that is only tried out.
fn proves(world: &World, container: &str) -> bool {
    let label = |c: &super::world::FakeContainer| {
        c.spec.labels.get(label::ROLE).map(String::as_str) == Some(Role::Run.as_str())
    };
    world.runs(container) && world.containers.get(container).is_some_and(label)
}

/// What the application says of itself.
fn info(spec: &ContainerSpec) -> Answer {
    // One of the original's carries no label.
    let tag = spec.image.rsplit(':').next().unwrap_or_default();
    let labelled = spec.labels.get(label::VERSION);
    let version = labelled.map_or(tag, String::as_str);
    let bare = version.trim_start_matches('v');
    json(200, &format!(r#"{{"info":{{"version":"{bare}"}}}}"#))
}

fn search(indices: &mut std::collections::BTreeMap<String, u64>, request: &Request<'_>) -> Answer {
    if let Some((status, body)) = super::scroll::answer(indices, request) {
        return json(status, &body);
    }
    let words: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let body = request.body.unwrap_or_default();
    match (request.method, words.as_slice()) {
        ("GET", [""]) => json(200, r#"{"version":{"number":"5.6.16"}}"#),
        ("GET", [index, "_count"]) => match indices.get(*index) {
            Some(count) => json(200, &format!(r#"{{"count":{count}}}"#)),
            None => json(404, "{}"),
        },
        ("POST", [_, "_refresh"]) => json(200, "{}"),
        ("POST", [index, _, query]) if query.starts_with("_mget") => match indices.get(*index) {
            Some(count) => json(200, &documents::wanted(*count, body).to_string()),
            None => json(404, "{}"),
        },
        ("POST", [index, _, query]) if query.starts_with("_bulk") => {
            json(200, &documents::take(indices, index, body).to_string())
        }
        ("DELETE", [index]) => match indices.remove(*index) {
            Some(_) => json(200, "{}"),
            None => json(404, "{}"),
        },
        _ => json(404, "{}"),
    }
}

fn json(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.to_owned(),
    }
}

fn tables<'a>(
    world: &'a mut World,
    spec: &ContainerSpec,
) -> Result<&'a mut std::collections::BTreeSet<String>> {
    let schema = schema(spec)?;
    let server = server(world, spec)?;
    world
        .databases
        .entry(server)
        .or_default()
        .schemas
        .get_mut(&schema)
        .ok_or_else(|| Error::failed(format!("Unknown database '{schema}'")))
}

fn server(world: &World, spec: &ContainerSpec) -> Result<String> {
    world
        .by_alias(&spec.network, "mysql")
        .ok_or_else(|| Error::failed("no database server"))
}

fn schema(spec: &ContainerSpec) -> Result<String> {
    if let Some(file) = database_file(spec)? {
        return file.schema.ok_or_else(|| Error::failed("no schema"));
    }
    let url = setting(spec, "DATABASE_URL")?;
    let path = url.split('?').next().unwrap_or_default();
    Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
}

fn index(spec: &ContainerSpec) -> Result<String> {
    if let Some(file) = database_file(spec)? {
        return file.index.ok_or_else(|| Error::failed("no index"));
    }
    setting(spec, "ELASTIC_INDEX")
}

/// Where something comes from that the container sees at a path that ends so.
fn source<'a>(spec: &'a ContainerSpec, target: &str) -> &'a Path {
    let mount = spec.mounts.iter().find(|m| m.target.ends_with(target));
    mount.map_or(Path::new("/nonexistent"), |m| m.source.as_path())
}

/// What the eras that are configured by files read.
fn database_file(spec: &ContainerSpec) -> Result<Option<DatabaseFile>> {
    let file = source(spec, "/shared").join("database.yml");
    match std::fs::read_to_string(&file) {
        Ok(text) => DatabaseFile::parse(&text, file.display()).map(Some),
        Err(_) => Ok(None),
    }
}

/// A setting of the environment file that the container sees.
fn setting(spec: &ContainerSpec, key: &str) -> Result<String> {
    let file = source(spec, "/.env");
    let text = std::fs::read_to_string(file).map_err(|e| Error::io("read", file, &e))?;
    EnvFile::parse(&text)
        .get(key)
        .ok_or_else(|| Error::failed(format!("{key} is not set")))
}
