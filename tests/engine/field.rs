//! A cluster as the original leaves it, laid out by hand as its script does, with containers tied
//! by `--link`: reading verbs, `adopt`, the first `boot`, and everything after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::call::{Call, called};
use crate::cluster::assert_same;
use crate::docker::{containers, docker, inspect};
use crate::harness::{PLACE, free_port, fresh_name, tool, until};
use crate::turns::turn;

/// The images under the names that the original gives them, and what stands in for each.
const IMAGES: [(&str, &str); 4] = [
    ("mysql:latest", "mariadb:10.11"),
    ("elasticsearch:2.2.1", "elasticsearch:5.6.16"),
    ("docker.coneda.net:443/kor:v3.0.5", "kor-sample:v3.0.5"),
    ("nginx:latest", "kor-sample:v3.0.5"),
];

/// In the place of nginx: answers with what its upstream says.
const PROXY: &str = r#"
require 'socket'
require 'net/http'
server = TCPServer.new('0.0.0.0', 80)
loop do
  client = server.accept
  while (line = client.gets) && line != "\r\n"; end
  body = begin
    Net::HTTP.get(URI("http://#{ARGV[0]}:8000/api/1.0/info"))
  rescue StandardError => e
    e.message
  end
  client.write "HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
  client.close
end
"#;

const ROOT_PASSWORD: &str = "Ahz4oor3eeFeiVu6aith";
const PASSWORD: &str = "iex2Waijai1ohTh8ahng";

/// A cluster of the original's with one instance, `archiv`.
struct Field {
    name: String,
    root: PathBuf,
    port: u16,
    proxy_port: u16,
    /// Whether images have the original's names because of it.
    tagged: bool,
}

impl Field {
    /// Its files.
    fn laid_out() -> Self {
        let name = fresh_name();
        let field = Field {
            root: PLACE.join(&name),
            name,
            port: free_port(),
            proxy_port: free_port(),
            tagged: false,
        };
        for directory in [
            "mysql",
            "elastic/data",
            "elastic/log",
            "elastic/plugins",
            "elastic/work",
            "ssmtp",
            "nginx/vhosts",
            "snapshots",
            "instances/archiv/data",
            "instances/archiv/log",
        ] {
            fs::create_dir_all(field.root.join(directory)).unwrap();
        }
        field.write_cluster();
        field.write_instance();
        let script = PLACE.join("kor_cluster.sh");
        fs::write(&script, "#!/bin/bash\necho the original; exit 99\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&script, field.link()).unwrap();
        symlink(&script, field.instance_link()).unwrap();
        field
    }

    fn write_cluster(&self) {
        let (name, root, port) = (&self.name, self.root.display(), self.proxy_port);
        self.write(
            "config.sh",
            &format!(
                "CLUSTER_ROOT={root}\nCLUSTER_NAME={name}\nDB_USERNAME=root\n\
                 DB_PASSWORD={ROOT_PASSWORD}\nBACKUP_TO=/var/backup  # of the operator's own\n\
                 STARTED=$(touch {root}/was-run)\nCLUSTER_PORT={port}"
            ),
        );
        self.write(
            "mysql.cnf",
            &format!("[client]\nhost=mysql\nuser=root\npassword={ROOT_PASSWORD}\n"),
        );
        self.write(
            "ssmtp/ssmtp.conf",
            "mailhub=mail:25\nAuthUser=me\nAuthPass=x\n",
        );
        self.write("ssmtp/revaliases", "root:me@example.org:mail\n");
        self.write("nginx/nginx.conf", "events {}\n");
        self.write("nginx/vhosts/archiv.conf", "server { listen 80; }\n");
        self.write("nginx/certificate.pem", "-----BEGIN CERTIFICATE-----\n");
        self.write("nginx/certificate.key", "-----BEGIN PRIVATE KEY-----\n");
        self.write("nginx/proxy.rb", PROXY);
    }

    fn write_instance(&self) {
        let (name, port) = (&self.name, self.port);
        for (path, text) in [
            (
                "config.sh",
                format!(
                    "CLUSTER_NAME={name}\nVERSION=v3.0.5\nNAME=archiv\nPORT={port}\n\
                     DB_USERNAME=kor_archiv\nDB_PASSWORD={PASSWORD}\nDB_NAME=kor_archiv\n\
                     SERVER_NAME=archiv.example.org"
                ),
            ),
            (
                "database.yml",
                format!(
                    "production:\n  adapter: mysql2\n  host: mysql\n  database: kor_archiv\n  \
                     username: kor_archiv\n  password: {PASSWORD}\n  encoding: utf8\n  \
                     collation: utf8_general_ci\n  elastic:\n    host: elastic\n    port: 9200\n    \
                     index: kor_archiv\n"
                ),
            ),
            (
                "mysql.cnf",
                format!("[client]\nhost=mysql\nuser=kor_archiv\npassword={PASSWORD}\n"),
            ),
            (
                "kor.yml",
                format!(
                    "all:\n  host:\n    protocol: http\n    host: localhost\n    port: {port}\n"
                ),
            ),
            (
                "kor.app.yml",
                "all:\n  maintainer:\n    name: Me\n".to_owned(),
            ),
            ("contact.txt", "call me\n".to_owned()),
            ("help.yml", "{}\n".to_owned()),
            ("legal.txt", "mine\n".to_owned()),
            ("version.txt", "v3.0.5\n".to_owned()),
            ("data/precious.bin", "\u{1}\u{2}precious".to_owned()),
        ] {
            self.write(&format!("instances/archiv/{path}"), &text);
        }
    }

    /// Readable for everybody, as the original leaves its files.
    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Its containers as the original's `boot`, `new`, `start` and `start_proxy` make them, and
    /// content.
    fn at_work() -> Self {
        for (tag, image) in IMAGES {
            let id = |name: &str| docker(&["image", "inspect", "-f", "{{.Id}}", name]).out;
            let (there, ours) = (id(tag), id(image));
            assert!(
                !ours.trim().is_empty(),
                "{image} is needed: images/build makes it"
            );
            assert!(
                there.trim().is_empty() || there == ours,
                "this host has an image {tag} of its own, which the test would replace"
            );
            docker(&["tag", image, tag]).ok();
        }
        let mut field = Self::laid_out();
        field.tagged = true;
        let (name, root) = (field.name.clone(), field.root.display().to_string());
        field.run(
            &format!("{name}_mysql"),
            &[
                "-e",
                &format!("MYSQL_ROOT_PASSWORD={ROOT_PASSWORD}"),
                "-v",
                &format!("{root}/mysql:/var/lib/mysql"),
                "mysql",
            ],
        );
        field.run(
            &format!("{name}_elastic"),
            &[
                "-e",
                "ES_JAVA_OPTS=-Xms256m -Xmx256m",
                "-v",
                &format!("{root}/elastic:/data"),
                "elasticsearch:2.2.1",
            ],
        );
        until("the database answers", 60, || {
            field.root_client("-h127.0.0.1", "select 1").code == 0
        });
        field
            .root_client(
                "-hlocalhost",
                &format!(
                    "CREATE DATABASE kor_archiv; GRANT ALL PRIVILEGES ON kor_archiv.* \
                     TO 'kor_archiv'@'%' IDENTIFIED BY '{PASSWORD}'"
                ),
            )
            .ok();
        until("the search server answers", 90, || {
            docker(&[
                "exec",
                &format!("{name}_elastic"),
                "bash",
                "-c",
                "</dev/tcp/127.0.0.1/9200",
            ])
            .code
                == 0
        });
        field.first_content();
        field.processes();
        field
    }

    fn first_content(&self) {
        for command in [
            "bundle exec rake db:setup",
            "bundle exec rails r 'Kor::Elastic.drop_index ; Kor::Elastic.create_index'",
            "bundle exec bin/kor index-all",
        ] {
            let mut words = vec!["run".to_owned(), "--rm".to_owned()];
            words.extend(self.app_words(command));
            docker(&words.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        }
        self.sql(
            "insert into entities (uuid, name, kind_id, collection_id, created_at, updated_at) \
                  select uuid(), 'Fundstück', 1, 1, now(), now() from users",
        );
    }

    fn processes(&self) {
        let port = format!("{}:8000", self.port);
        let web = "bundle exec puma -e production -p 8000 -t 2:2 config.ru";
        let mut words = vec!["-p".to_owned(), port, "-e".to_owned()];
        words.push("SECRET_KEY_BASE=drawn-at-each-start".to_owned());
        words.extend(self.app_words(web));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&format!("{}_instance_archiv", self.name), &words);
        let words = self.app_words("bundle exec bin/delayed_job -n 2 run");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&format!("{}_bg_archiv", self.name), &words);
        let link = format!("{}_instance_archiv:archiv", self.name);
        let port = format!("{}:80", self.proxy_port);
        let mount = format!("{}/nginx:/etc/nginx", self.root.display());
        self.run(
            &format!("{}_nginx", self.name),
            &[
                "--link",
                &link,
                "-p",
                &port,
                "-v",
                &mount,
                "nginx",
                "ruby",
                "/etc/nginx/proxy.rb",
                "archiv",
            ],
        );
        until("the instance answers through the proxy", 60, || {
            self.answers().contains("3.0.5")
        });
    }

    /// A container's words as the original has them.
    fn app_words(&self, command: &str) -> Vec<String> {
        let (name, root) = (&self.name, self.root.display());
        [
            "--link",
            &format!("{name}_mysql:mysql"),
            "--link",
            &format!("{name}_elastic:elastic"),
            "-v",
            &format!("{root}/instances/archiv:/opt/kor/shared"),
            "-v",
            &format!("{root}/ssmtp:/etc/ssmtp"),
            "-e",
            "RAILS_SERVE_STATIC_FILES=true",
            "docker.coneda.net:443/kor:v3.0.5",
            "/bin/bash",
            "-c",
            command,
            "kor",
        ]
        .map(str::to_owned)
        .into()
    }

    fn run(&self, name: &str, words: &[&str]) {
        let label = format!("kor-cluster-test={}", PLACE.display());
        let own = [
            "run",
            "-d",
            "--restart",
            "unless-stopped",
            "--label",
            &label,
            "--name",
            name,
        ];
        docker(&[&own[..], words].concat()).ok();
    }

    fn root_client(&self, host: &str, statement: &str) -> crate::call::Ran {
        let password = format!("-p{ROOT_PASSWORD}");
        let container = format!("{}_mysql", self.name);
        docker(&[
            "exec", &container, "mariadb", "-uroot", &password, host, "-BNe", statement,
        ])
    }

    fn sql(&self, statement: &str) -> String {
        let statement = format!("use kor_archiv; {statement}");
        self.root_client("-hlocalhost", &statement)
            .ok()
            .text()
            .to_owned()
    }

    /// The whole content of the schema, as lines; a server that was restarted may count on from
    /// another number.
    fn dump(&self) -> Vec<String> {
        let password = format!("-p{ROOT_PASSWORD}");
        let container = format!("{}_mysql", self.name);
        docker(&[
            "exec",
            &container,
            "mariadb-dump",
            "-uroot",
            &password,
            "--skip-comments",
            "kor_archiv",
        ])
        .ok()
        .out
        .lines()
        .map(|line| match line.split_once(" AUTO_INCREMENT=") {
            Some((before, after)) => {
                format!("{before}{}", after.trim_start_matches(char::is_numeric))
            }
            None => line.to_owned(),
        })
        .collect()
    }

    /// What the proxy answers with.
    fn answers(&self) -> String {
        crate::docker::docker(&[
            "run",
            "--rm",
            "--network",
            "host",
            "kor-sample:v3.0.5",
            "ruby",
            "-rnet/http",
            "-e",
            &format!(
                "print Net::HTTP.get(URI('http://127.0.0.1:{}/'))",
                self.proxy_port
            ),
        ])
        .out
    }

    fn link(&self) -> PathBuf {
        self.root.join("cluster.sh")
    }

    fn instance_link(&self) -> PathBuf {
        self.root.join("instances/archiv/instance.sh")
    }

    fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.link()).args(words)
    }

    fn instance<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.instance_link()).args(words)
    }

    /// Its files with their contents; without what the services write by themselves.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.root, &self.root, &mut files);
        files
    }

    /// How many documents the instance's index has.
    fn documents(&self) -> u64 {
        let address = inspect(
            &format!("{}_elastic", self.name),
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        );
        let agent = ureq::Agent::new_with_defaults();
        let url = format!("http://{address}:9200/kor_archiv/_count");
        let mut answer = agent.get(url).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["count"].as_u64().unwrap()
    }
}

/// The files of a cluster of the original's whose containers are gone: its name and directory, which
/// are the caller's to remove.
pub fn files_of_one() -> (String, PathBuf) {
    let field = Field::laid_out();
    for (path, text) in [
        ("mysql/aria_log_control", ""),
        ("mysql/ibdata1", ""),
        ("mysql/mysql_upgrade_info", "10.11.6-MariaDB"),
    ] {
        field.write(path, text);
    }
    let of_it = (field.name.clone(), field.root.clone());
    std::mem::forget(field);
    of_it
}

impl Drop for Field {
    fn drop(&mut self) {
        for part in ["nginx", "bg_archiv", "instance_archiv", "elastic", "mysql"] {
            docker(&["rm", "-fv", &format!("{}_{part}", self.name)]);
            docker(&["rm", "-fv", &format!("{}_{part}_before_adopt", self.name)]);
        }
        docker(&["network", "rm", &format!("{}_network", self.name)]);
        let _ = fs::remove_dir_all(&self.root);
        for (tag, image) in IMAGES.into_iter().filter(|_| self.tagged) {
            // The stand-in for the search server is there for other tests too.
            if image != "elasticsearch:5.6.16" {
                docker(&["rmi", tag]);
            }
        }
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let kind = entry.file_type().unwrap();
        if ["mysql", "elastic", ".kor-cluster"].contains(&name.as_str()) || name.ends_with("/log") {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, files);
        } else if !kind.is_symlink() {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Every file is as it was, but for what the manual names.
#[track_caller]
fn assert_kept(before: &BTreeMap<String, Vec<u8>>, now: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in before {
        let there = now.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        if ["config.sh", "instances/archiv/config.sh"].contains(&name.as_str()) {
            let mut grown = bytes.clone();
            grown.push(b'\n');
            assert!(
                there.starts_with(&grown),
                "{name}: {}",
                String::from_utf8_lossy(there)
            );
        } else {
            assert_eq!(there, bytes, "{name}");
        }
    }
    let new: Vec<_> = now
        .keys()
        .filter(|name| !before.contains_key(*name))
        .collect();
    assert_eq!(new, ["instances/archiv/secret_key_base"]);
}

#[test]
fn a_cluster_with_links_is_taken_over_and_keeps_everything() {
    let _turn = turn();
    let field = Field::at_work();
    let before = field.files();
    let content = field.dump();
    let at = field.root.to_str().unwrap().to_owned();

    // What reads works, what changes does not.
    let on = |words: &[&str]| tool().args(["-C", at.as_str()]).args(words);
    let list = on(&["list", "--json"]).ok().json();
    assert_eq!(list["clusters"][0]["take_over"], "adopt");
    assert_eq!(list["clusters"][0]["instances"][0]["web"], "running");
    let status = on(&["status", "--json"]).ok().json();
    assert_eq!(status["instances"][0]["condition"], "up", "{status}");
    assert_eq!(status["database"]["condition"], "up", "{status}");
    on(&["logs", "archiv"]).ok();
    on(&["logs", "--service", "database"]).ok();
    on(&["config", "get", "BACKUP_TO"])
        .ok()
        .says(&["/var/backup"]);
    on(&["contract", "show", "v3.0.5"]).ok();
    on(&["history"]).ok();
    for words in [&["boot", "--yes"][..], &["stop", "archiv"], &["shutdown"]] {
        on(words).expect(6).says(&["original script", "adopt"]);
    }
    assert_kept_but_new(&before, &field.files());

    tool().args(["adopt", &at, "--dry-run"]).ok().says(&[
        "narrow config.sh",
        "point the link instances/archiv/instance.sh",
        "DATABASE_IMAGE=sha256:",
    ]);
    assert_eq!(field.files(), before);
    tool()
        .args(["adopt", &at])
        .ok()
        .says(&["STARTED", "consider new passwords"]);
    assert!(!field.root.join("was-run").exists(), "shell code is text");
    assert!(field.answers().contains("3.0.5"), "it goes on serving");
    field
        .call(["stop", "archiv"])
        .expect(6)
        .says(&["cluster.sh boot"]);

    field.call(["boot"]).expect(6).says(&["--yes"]);
    // No search server answers within a second: the old ones run again, links and all.
    let old = originals(&field.name);
    field.call(["boot", "--yes", "--timeout", "1"]).expect(1);
    assert_eq!(originals(&field.name), old);
    assert_eq!(containers(&at), [""; 0]);
    until("the instance answers again", 60, || {
        field.answers().contains("3.0.5")
    });
    assert_same(&field.dump(), &content);

    field.call(["boot", "--yes"]).ok();
    assert_eq!(containers(&at).len(), 5, "{:?}", containers(&at));
    let left = docker(&["ps", "-a", "--format", "{{.Names}}"]).ok();
    assert!(!left.out.contains("before_adopt"), "{}", left.out);
    assert!(field.answers().contains("3.0.5"), "{}", field.answers());
    let rows = field.sql("select count(*) from entities where deleted_at is null");
    assert_eq!(field.documents().to_string(), rows);
    assert_same(&field.dump(), &content);
    let status = field.call(["status", "--json"]).ok().json();
    assert_eq!(status["instances"][0]["condition"], "up", "{status}");
    assert_eq!(status["proxy"]["condition"], "up", "{status}");
    assert!(
        status["was_readable"].as_array().unwrap().len() >= 6,
        "{status}"
    );

    field.instance(["start"]).ok();
    let rows = field
        .instance(["db", "select name from entities limit 1"])
        .ok();
    assert!(rows.out.contains("name"), "{}", rows.out);
    field
        .instance(["run", "cat /opt/kor/shared/version.txt"])
        .ok()
        .says(&["v3.0.5"]);
    assert_kept(&before, &field.files());
    field.instance(["stop"]).ok();
    field.call(["shutdown"]).ok();
    assert_eq!(containers(&at), [""; 0]);
    assert_kept(&before, &field.files());
    field.call(["boot"]).ok();
    assert_same(&field.dump(), &content);
}

/// Nothing at all has changed but for what the application wrote.
#[track_caller]
fn assert_kept_but_new(before: &BTreeMap<String, Vec<u8>>, now: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(before, now);
}

#[test]
fn with_its_containers_gone_the_files_tell_the_image() {
    let _turn = turn();
    let field = Field::at_work();
    let before = field.files();
    let content = field.dump();
    let at = field.root.to_str().unwrap().to_owned();
    for part in ["nginx", "bg_archiv", "instance_archiv", "elastic", "mysql"] {
        let name = format!("{}_{part}", field.name);
        docker(&["stop", "-t", "60", &name]).ok();
        docker(&["rm", "-v", &name]).ok();
    }
    tool().args(["adopt", &at]).ok();
    let image = field.call(["config", "get", "DATABASE_IMAGE"]).ok();
    assert_eq!(image.text(), "mariadb:10.11");
    field.call(["boot"]).ok();
    field.instance(["start"]).ok();
    assert_same(&field.dump(), &content);
    let rows = field.sql("select count(*) from entities where deleted_at is null");
    assert_eq!(field.documents().to_string(), rows);
    field.instance(["db", "select 1"]).ok();
    field.instance(["run", "true"]).ok();
    field.instance(["stop"]).ok();
    field.call(["shutdown"]).ok();
    assert_kept(&before, &field.files());
}

#[test]
fn data_of_mysql_is_refused_for_mariadb() {
    let _turn = turn();
    let field = Field::laid_out();
    let at = field.root.to_str().unwrap().to_owned();
    for (name, text) in [
        ("ibdata1", ""),
        ("mysql.ibd", ""),
        (
            "mysql_upgrade_history",
            r#"{"file_format":"1","upgrade_history":[{"date":"2024-05-01","version":"8.4.0"}]}"#,
        ),
    ] {
        fs::write(field.root.join("mysql").join(name), text).unwrap();
    }
    tool()
        .args(["adopt", &at, "--database-image", "mariadb:10.11"])
        .expect(6)
        .says(&["MySQL 8.4"]);
    assert!(!field.root.join(".kor-cluster").exists());
    tool().args(["adopt", &at]).ok();
    field
        .call(["config", "set", "DATABASE_IMAGE", "mariadb:10.11"])
        .ok();
    field
        .call(["boot"])
        .expect(6)
        .says(&["MySQL 8.4", "config set DATABASE_IMAGE mysql:8.4"]);
    assert_eq!(containers(&at), [""; 0]);
}

/// The containers of a cluster by name, with their ids and states.
fn originals(cluster: &str) -> Vec<String> {
    let filter = format!("name={cluster}_");
    let format = "{{.Names}} {{.ID}} {{.State}}";
    let listed = docker(&["ps", "-a", "--filter", &filter, "--format", format]).ok();
    let mut lines: Vec<String> = listed.text().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
