//! Bad input: a clear error with the right exit code, and nothing is changed.

use std::fs;

use crate::place::Place;
use crate::snapshot::State;

#[test]
fn names_ports_and_versions_that_are_none_are_wrong_use() {
    let place = Place::with_cluster();
    let before = State::of(&place);
    let long = "a".repeat(65);
    for name in [
        "../x", "a b", "Foo", "a__b", &long, "ä", "a;b", "a'b", "a`b", "a$b", "a%", "a.b", "",
        "_a", "a\nb",
    ] {
        place.link("c/cluster.sh", &["new", name]).with(2);
        place.call(&["create", "d", name]).with(2);
    }
    place.link("c/cluster.sh", &["new", "-x"]).with(2);
    for port in ["0", "70000", "http", "-1", "80a", ""] {
        place
            .link("c/cluster.sh", &["new", "a", &format!("--port={port}")])
            .with(2);
        let mut command = place.tool(place.join("c/cluster.sh"));
        command.args(["new", "a"]).env("PORT", port);
        assert_eq!(
            command.output().unwrap().status.code(),
            Some(2),
            "PORT={port}"
        );
    }
    for version in ["a b", "../1", "v1;id", "ü", "-v"] {
        place
            .link(
                "c/cluster.sh",
                &["new", "a", &format!("--version={version}")],
            )
            .with(2);
    }
    for server_name in ["a b", "-x", "a..b", "ü.org"] {
        let word = format!("--server-name={server_name}");
        place.link("c/cluster.sh", &["new", "a", &word]).with(2);
    }
    assert_eq!(State::of(&place), before);
}

#[test]
fn what_no_contract_covers_is_refused_with_what_is_covered() {
    let place = Place::with_cluster();
    let ended = place
        .link("c/cluster.sh", &["new", "a", "--version", "v9.0"])
        .with(6);
    assert!(ended.err.contains("covered are v5"), "{}", ended.err);
    let shown = place
        .link("c/cluster.sh", &["contract", "show", "v5.0.1", "--json"])
        .done();
    assert_eq!(shown.json()["contract"]["name"], "v5");

    fs::create_dir(place.join("c/contracts")).unwrap();
    let own = fs::read_to_string("contracts/v5.toml")
        .unwrap()
        .replace("name = \"v5\"", "name = \"mine\"")
        .replace("below = \"6\" }\ntags", "below = \"10\" }\ntags");
    fs::write(place.join("c/contracts/mine.toml"), own).unwrap();
    let shown = place
        .link("c/cluster.sh", &["contract", "show", "v9.0", "--json"])
        .done();
    assert_eq!(
        shown.json()["contract"]["name"],
        "mine",
        "an operator's own wins"
    );
    fs::write(place.join("c/contracts/mine.toml"), "name = 1").unwrap();
    let ended = place.link("c/cluster.sh", &["contract", "list"]).with(1);
    assert!(ended.err.contains("mine.toml"), "{}", ended.err);
}

#[test]
fn configuration_is_text_with_file_and_line_in_its_errors() {
    let place = Place::with_cluster();
    let config = place.join("c/config.sh");
    let good = fs::read_to_string(&config).unwrap();
    let trap = place.join("trap");
    fs::write(
        &config,
        format!("{good}EXTRA=$(touch {})\n", trap.display()),
    )
    .unwrap();
    let ended = place.link("c/cluster.sh", &["list"]).done();
    assert!(ended.err.contains("EXTRA has shell code"), "{}", ended.err);
    place
        .link("c/cluster.sh", &["config", "set", "APP_MEMORY", "2g"])
        .done();
    let kept = fs::read_to_string(&config).unwrap();
    assert!(
        kept.contains(&format!("EXTRA=$(touch {})", trap.display())),
        "{kept}"
    );
    assert!(!trap.exists(), "it was run");

    fs::write(&config, format!("{good}rm -rf x\n")).unwrap();
    let lines = good.lines().count() + 1;
    let ended = place.link("c/cluster.sh", &["list"]).with(1);
    assert!(
        ended.err.contains(&format!("c/config.sh, line {lines}")),
        "{}",
        ended.err
    );
}

#[test]
fn an_environment_file_that_would_be_run_is_refused_with_its_line() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18031"])
        .done();
    let file = place.join("c/instances/a/.env");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# mine\nCUSTOM_CSS_URL=\"$(id)\"\n{good}")).unwrap();
    let link = "c/instances/a/instance.sh";
    for words in [&["start"][..], &["config", "set", "NOTIFY_SENDER", "a@b.c"]] {
        let ended = place.link(link, words).with(6);
        assert!(ended.err.contains(".env, line 2"), "{}", ended.err);
        assert!(ended.err.contains("CUSTOM_CSS_URL"), "{}", ended.err);
    }
    place
        .link(link, &["config", "set", "CUSTOM_CSS_URL", "$(id)"])
        .done();
    place.link(link, &["start"]).done();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# mine\nCUSTOM_CSS_URL='$(id)'\n"),
        "{text}"
    );
}

#[test]
fn what_another_holds_is_refused_with_the_holder() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18032"])
        .done();
    let ended = place
        .link("c/cluster.sh", &["new", "b", "--port", "18032"])
        .with(6);
    assert!(
        ended.err.contains("instance a of cluster c"),
        "{}",
        ended.err
    );
    let ended = place.link("c/cluster.sh", &["new", "a"]).with(6);
    assert!(ended.err.contains("instances/a"), "{}", ended.err);

    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let ended = place
        .link("c/cluster.sh", &["new", "b", "--port", &port])
        .with(6);
    assert!(
        ended
            .err
            .contains(&format!("process {}", std::process::id())),
        "{}",
        ended.err
    );

    place.call(&["create", "d", "c"]).with(6);
    place.call(&["create", "c"]).with(6);
    fs::create_dir(place.join("e")).unwrap();
    fs::write(place.join("e/mine"), "x").unwrap();
    place.call(&["create", "e"]).with(6);
    assert!(place.join("e/mine").exists());
    place.call(&["create", "no/such/parent"]).with(4);
}

#[test]
fn settings_are_validated_and_say_what_has_to_be_restarted() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18033"])
        .done();
    let link = "c/instances/a/instance.sh";
    place.link(link, &["config", "set", "PORT", "0"]).with(2);
    place
        .link(link, &["config", "set", "VERSION", "v5.1.0"])
        .with(6);
    place.link(link, &["config", "set", "DB_NAME", "x"]).with(6);
    place.link(link, &["config", "get", "NO_SUCH_KEY"]).with(4);
    place
        .link(link, &["config", "unset", "NO_SUCH_KEY"])
        .with(4);
    place
        .link("c/cluster.sh", &["config", "set", "APP_MEMORY", "much"])
        .with(2);
    place
        .link("c/cluster.sh", &["config", "set", "REQUIRE_MAIL", "yes"])
        .with(2);
    let ended = place.link(link, &["config", "set", "PORT", "18034"]).done();
    assert!(ended.out.contains("restart"), "{}", ended.out);
    assert_eq!(
        place.link(link, &["config", "get", "PORT"]).done().out,
        "18034\n"
    );
    let all = place.link(link, &["config", "get"]).done().out;
    assert!(
        all.contains("DATABASE_URL=****") && all.contains("DB_PASSWORD=****"),
        "{all}"
    );

    place
        .link("c/cluster.sh", &["config", "set", "REQUIRE_MAIL", "true"])
        .done();
    let ended = place.link(link, &["start"]).with(6);
    assert!(
        ended.err.contains("mail is not configured"),
        "{}",
        ended.err
    );
    place
        .link(link, &["config", "set", "MAIL_DELIVERY_METHOD", "sendmail"])
        .done();
    place.link(link, &["start"]).done();
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18035"])
        .done();
    let before = State::of(&place);
    let history = fs::read_to_string(place.join("c/.kor-cluster/history.jsonl")).unwrap();
    for words in [
        &["shutdown"][..],
        &["new", "b", "--port", "18036"],
        &["start", "a"],
        &["stop", "a"],
        &["restart", "a"],
        &["migrate", "a"],
        &["config", "set", "APP_MEMORY", "2g"],
        &["recover"],
        &["boot"],
    ] {
        let ended = place
            .link("c/cluster.sh", &[words, &["--dry-run", "--json"]].concat())
            .done();
        assert_eq!(ended.json()["dry_run"], true, "{words:?}");
    }
    place.call(&["create", "d", "--dry-run"]).done();
    assert!(!place.join("d").exists());
    assert_eq!(State::of(&place), before);
    let after = fs::read_to_string(place.join("c/.kor-cluster/history.jsonl")).unwrap();
    assert_eq!(after, history);
}

#[test]
fn an_engine_that_is_not_there_is_said() {
    let place = Place::with_cluster();
    place.change_world(|world| world.unreachable = true);
    for words in [&["list"][..], &["status"], &["boot"], &["shutdown"]] {
        let ended = place.link("c/cluster.sh", words).with(5);
        assert!(ended.err.lines().count() <= 3, "{}", ended.err);
    }
    place.link("c/cluster.sh", &["history"]).done();
    place
        .link("c/cluster.sh", &["config", "get", "APP_MEMORY"])
        .done();
}

#[test]
fn a_missing_image_is_named_before_anything_changes() {
    let place = Place::new();
    place.call(&["create", "c"]).done();
    place.change_world(|world| world.missing_images.push("elasticsearch:5.6.16".to_owned()));
    let before = State::of(&place);
    let ended = place.link("c/cluster.sh", &["boot"]).with(1);
    assert!(ended.err.contains("elasticsearch:5.6.16"), "{}", ended.err);
    assert!(
        ended.err.contains("images/build elasticsearch"),
        "{}",
        ended.err
    );
    assert_eq!(State::of(&place), before);
}
