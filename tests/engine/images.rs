//! Images: pulled, built, and what stays where that fails in the middle.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::{Cluster, turn};
use crate::docker::docker;
use crate::harness::{Call, PLACE, VERSION, called, called_plainly, free_port, fresh_name, tool};
use crate::registry::{PASSWORD, Registry, path};

/// A directory of a test's own with these files.
fn directory(files: &[(&str, &str)]) -> PathBuf {
    let root = PLACE.join(fresh_name());
    fs::create_dir(&root).unwrap();
    write(&root, files);
    root
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(root.join(name), text).unwrap();
    }
}

/// A recipe whose images go with the tests' directory.
fn recipe(more: &str) -> String {
    format!(
        "FROM debian:bookworm-slim\nLABEL kor-cluster-test={}\n{more}\n",
        PLACE.display()
    )
}

fn id(image: &str) -> String {
    let found = docker(&["image", "inspect", "-f", "{{.Id}}", image]);
    found.ok().text().to_owned()
}

fn is_here(image: &str) -> bool {
    docker(&["image", "inspect", image]).code == 0
}

fn file_in(image: &str, file: &str) -> String {
    docker(&["run", "--rm", image, "cat", file])
        .ok()
        .text()
        .to_owned()
}

fn label_of(image: &str, label: &str) -> String {
    let format = format!("{{{{index .Config.Labels \"net.coneda.kor-cluster.{label}\"}}}}");
    let found = docker(&["image", "inspect", "-f", &format, image]);
    found.ok().text().to_owned()
}

/// A small image with one file, made without a registry or a build.
fn import(image: &str, text: &str) {
    let root = directory(&[("file", text)]);
    let script = format!(
        "tar -c -C {} file | docker import --change 'LABEL kor-cluster-test={}' - {image}",
        root.display(),
        PLACE.display()
    );
    called_plainly("sh", &["-c", &script]).ok();
}

fn build(version: &str, from: &str, repository: &str) -> Call {
    tool().args([
        "image",
        "build",
        version,
        "--from",
        from,
        "--repository",
        repository,
    ])
}

/// A repository with a tag, and a commit behind it.
fn repository(tag: &str, version: &str) -> PathBuf {
    let root = directory(&[
        ("Dockerfile", &recipe("COPY version /version")),
        ("version", version),
    ]);
    commit(&root, tag);
    write(&root, &[("version", "the newest, not the tag")]);
    commit(&root, "");
    root
}

fn commit(root: &Path, tag: &str) {
    let script = "cd \"$1\" && git init -q . && git add -A && \
         git -c user.name=t -c user.email=t@example.org commit -qm x && { [ -z \"$2\" ] || git tag \"$2\"; }";
    called_plainly("bash", &["-c", script, "git", path(root), tag]).ok();
}

#[test]
fn an_image_is_built_from_a_repository_at_the_tag_and_a_build_that_fails_leaves_the_old_one() {
    let name = fresh_name();
    let source = repository(VERSION, "as tagged");
    let image = format!("{name}:{VERSION}");
    let said = build(VERSION, path(&source), &name)
        .args(["--json"])
        .ok()
        .json();
    assert_eq!(said["reference"], image.as_str());
    assert_eq!(said["id"], id(&image).as_str());
    assert_eq!(file_in(&image, "/version"), "as tagged");
    assert_eq!(label_of(&image, "source"), path(&source));
    assert_eq!(label_of(&image, "tag"), VERSION);

    build("v5.0.9", path(&source), &name)
        .expect(4)
        .says(&["has no tag v5.0.9", "dir:"]);
    let stand = format!("dir:{}", source.display());
    build(VERSION, &stand, &name).ok();
    assert_eq!(file_in(&image, "/version"), "the newest, not the tag");

    let before = id(&image);
    let broken = recipe("RUN echo one\nRUN echo here-it-broke && exit 3");
    write(&source, &[("Dockerfile", &broken)]);
    commit(&source, "v5.0.8");
    docker(&["tag", &image, &format!("{name}:v5.0.8")]).ok();
    build("v5.0.8", path(&source), &name).expect(1).says(&[
        "here-it-broke",
        &format!("the old {name}:v5.0.8 is still there"),
        "image build v5.0.8 --from",
    ]);
    assert_eq!(id(&format!("{name}:v5.0.8")), before);
    docker(&["rmi", "-f", &format!("{name}:v5.0.8"), &image]).ok();
}

#[test]
fn an_image_is_built_from_a_directory_and_what_cannot_be_read_leaves_the_old_one() {
    let name = fresh_name();
    let image = format!("{name}:{VERSION}");
    let source = directory(&[
        ("Dockerfile", &recipe("COPY . /all")),
        (".dockerignore", "*.log\n"),
        ("kept", "kept"),
        ("left.log", "out"),
    ]);
    build(VERSION, path(&source), &name)
        .ok()
        .says(&["building", &image]);
    assert_eq!(file_in(&image, "/all/kept"), "kept");
    docker(&["run", "--rm", &image, "test", "!", "-e", "/all/left.log"]).ok();

    // Somebody who may use the engine and not read all files.
    let before = id(&image);
    let secret = source.join("unreadable");
    fs::write(&secret, "x".repeat(100_000)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let group = fs::metadata("/var/run/docker.sock").unwrap().gid();
    called("setpriv")
        .args([
            "--reuid=65534",
            &format!("--regid={group}"),
            "--clear-groups",
        ])
        .args([env!("CARGO_BIN_EXE_kor-cluster"), "image", "build", VERSION])
        .args(["--from", path(&source), "--repository", &name])
        .env("DOCKER_CONFIG", PLACE.join("none"))
        .expect(6)
        .says(&["unreadable", "the old", "is still there"]);
    assert_eq!(id(&image), before);

    let empty = directory(&[]);
    build(VERSION, path(&empty), &name)
        .expect(4)
        .says(&["has no Dockerfile"]);
    build(VERSION, "/nowhere/at/all", &name)
        .expect(4)
        .says(&["/nowhere/at/all"]);
    let login = "https://me:my-secret@example.org/kor.git";
    let refused = build(VERSION, login, &name).expect(2);
    assert!(!refused.err.contains("my-secret"), "{}", refused.err);
    let warned = build("v5.1.0", path(&source), &name)
        .args(["--dry-run"])
        .ok();
    warned.says(&["@wendig/lib", "would build"]);
    assert!(!is_here(&format!("{name}:v5.1.0")));
    docker(&["rmi", "-f", &image]).ok();
}

#[test]
fn an_image_is_pulled_with_the_login_and_one_that_breaks_off_leaves_the_old_one() {
    let registry = Registry::started();
    let image = format!("{}/kor:{VERSION}", registry.address);
    import(&image, "first");
    registry.push(&image);
    let first = id(&image);
    docker(&["rmi", &image]).ok();

    let pull = |login: &Path| {
        tool()
            .args(["image", "pull", &image])
            .env("DOCKER_CONFIG", login)
    };
    let nobody = PLACE.join("nobody");
    pull(&nobody).expect(1).says(&[&image, "docker login"]);
    assert!(!is_here(&image));

    let ran = pull(&registry.login()).args(["--json"]).ok();
    assert_eq!(ran.json()["images"][0]["id"], first.as_str());
    assert_eq!(id(&image), first);
    docker(&["rmi", &image]).ok();
    let helper = registry.helper();
    let search = format!("{}:{}", helper.display(), std::env::var("PATH").unwrap());
    let by_helper = pull(&helper).env("PATH", search).ok();
    assert_eq!(id(&image), first);
    for said in [&ran, &by_helper] {
        assert!(!said.err.contains(PASSWORD) && !said.out.contains(PASSWORD));
    }
    let broken = directory(&[("config.json", "{\"auths\":")]);
    pull(&broken).expect(1).says(&["warning", "config.json"]);

    // The same tag has another image there by now, and its contents are lost.
    import(&image, "second");
    registry.push(&image);
    docker(&["rmi", &image]).ok();
    docker(&["tag", "debian:bookworm-slim", &image]).ok();
    registry.lose_layers();
    let before = id(&image);
    pull(&registry.login())
        .expect(1)
        .says(&["is still there and stays in use", "pull it again"]);
    assert_eq!(id(&image), before);
    docker(&["rmi", &image]).ok();
}

#[test]
fn a_mirror_is_asked_first_for_what_names_no_registry() {
    let _turn = turn();
    let registry = Registry::started();
    let name = fresh_name();
    let there = format!("{}/hub/library/{name}:1", registry.address);
    import(&there, "of the mirror");
    registry.push(&there);
    docker(&["rmi", &there]).ok();
    let cluster = Cluster::created();
    cluster
        .call(["config", "set", "IMAGE_MIRROR", "https://x.org"])
        .expect(2);
    let mirror = format!("{}/hub", registry.address);
    cluster
        .call(["config", "set", "IMAGE_MIRROR", &mirror])
        .ok();
    let image = format!("{name}:1");
    let login = registry.login();
    cluster
        .call(["image", "pull", &image])
        .env("DOCKER_CONFIG", &login)
        .ok();
    assert!(is_here(&image) && !is_here(&there));
    cluster.call(["config", "set", "SEARCH_IMAGE", &image]).ok();
    let listed = cluster.call(["image", "list", "--json"]).ok().json();
    let row = |reference: &str| {
        let rows = listed["images"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["reference"] == reference)
    };
    let own = row(&image).unwrap();
    assert_eq!(own["used_by"][0]["role"], "search");
    assert_eq!(own["used_by"][0]["cluster"], cluster.name.as_str());
    assert_eq!(own["id"], id(&image).as_str());
    assert_eq!(row("kor-sample:v5.0.1").unwrap()["here"], true);
    docker(&["rmi", &image]).ok();
    cluster.call(["image", "list"]).ok().says(&["not here"]);
}

#[test]
fn a_registry_that_never_answers_is_given_up_and_ctrl_c_ends_it_before() {
    let silent = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let address = silent.local_addr().unwrap();
    // Accepts and says nothing; the connections stay open as long as the test runs.
    std::thread::spawn(move || {
        let kept: Vec<_> = silent.incoming().collect();
        drop(kept);
    });
    let image = format!("{address}/kor:{VERSION}");
    docker(&["tag", "debian:bookworm-slim", &image]).ok();
    let before = id(&image);
    let ran = tool().args(["image", "pull", &image]).expect(1);
    assert!(ran.took > Duration::from_secs(9), "{:?}", ran.took);
    assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
    ran.says(&["did not answer within 10 s", "is still there"]);

    let running = tool().args(["image", "pull", &image]).spawn();
    std::thread::sleep(Duration::from_millis(1500));
    running.signal("INT");
    let cut = running.end().expect(1).says(&["interrupted"]);
    assert!(cut.took < Duration::from_secs(5), "{:?}", cut.took);
    assert_eq!(id(&image), before);
    docker(&["rmi", &image]).ok();
}

#[test]
fn a_missing_image_is_built_from_the_configured_source_and_a_blank_page_is_told() {
    let _turn = turn();
    let cluster = Cluster::booted();
    let name = fresh_name();
    let blank = "RUN { echo 'import w from \"@wendig/lib\";'; cat public/app.js; } > /tmp/a && mv /tmp/a public/app.js";
    let source = directory(&[(
        "Dockerfile",
        &format!(
            "FROM kor-sample:{VERSION}\nLABEL kor-cluster-test={}\n{blank}\n",
            PLACE.display()
        ),
    )]);
    let set = |key: &str, value: &str| cluster.call(["config", "set", key, value]).ok();
    // Nobody answers there: what is not here is built.
    let repository = format!("127.0.0.1:{}/{name}", free_port());
    set("APP_REPOSITORY", &repository);
    cluster
        .call(["config", "set", "APP_SOURCE", "relative/path"])
        .expect(2);
    set("APP_SOURCE", path(&source));
    let port = free_port().to_string();
    cluster
        .call(["new", "blank", "--version", VERSION, "--port", &port])
        .ok()
        .says(&["cannot be pulled", "building"]);
    let image = format!("{repository}:{VERSION}");
    assert_eq!(label_of(&image, "source"), path(&source));
    cluster
        .instance("blank", ["start"])
        .ok()
        .says(&["warning", "/app.js", "@wendig/lib"]);
    let status = cluster.status_of("blank");
    assert_eq!(status["condition"], "up");
    assert_eq!(status["page_faults"][0]["import"], "@wendig/lib");
    cluster
        .instance("blank", ["status"])
        .ok()
        .says(&["stays blank"]);
    let listed = cluster.call(["image", "list", "--json"]).ok().json();
    let rows = listed["images"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["reference"] == image.as_str())
        .unwrap();
    assert_eq!(row["used_by"][0]["instance"], "blank");
    assert_eq!(row["built_from"], path(&source));
}
