//! The containers of such a cluster as the original's script makes them, tied by `--link`, and what
//! is in them.

use crate::call::Ran;
use crate::docker::{address, docker};
use crate::field::{Field, IMAGES, PASSWORD, ROOT_PASSWORD};
use crate::harness::{PLACE, until};

impl Field {
    /// Its containers as the original's `boot`, `new`, `start` and `start_proxy` make them, and
    /// content.
    pub fn at_work() -> Self {
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

    fn root_client(&self, host: &str, statement: &str) -> Ran {
        let password = format!("-p{ROOT_PASSWORD}");
        let container = format!("{}_mysql", self.name);
        docker(&[
            "exec", &container, "mariadb", "-uroot", &password, host, "-BNe", statement,
        ])
    }

    pub fn sql(&self, statement: &str) -> String {
        let statement = format!("use kor_archiv; {statement}");
        self.root_client("-hlocalhost", &statement)
            .ok()
            .text()
            .to_owned()
    }

    /// The whole content of the schema, as lines; a server that was restarted may count on from
    /// another number.
    pub fn dump(&self) -> Vec<String> {
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
    pub fn answers(&self) -> String {
        docker(&[
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

    /// How many documents the instance's index has.
    pub fn documents(&self) -> u64 {
        let address = address(&format!("{}_elastic", self.name));
        let agent = ureq::Agent::new_with_defaults();
        let url = format!("http://{address}:9200/kor_archiv/_count");
        let mut answer = agent.get(url).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["count"].as_u64().unwrap()
    }
}

/// The containers of a cluster by name, with their ids and states.
pub fn originals(cluster: &str) -> Vec<String> {
    let filter = format!("name={cluster}_");
    let format = "{{.Names}} {{.ID}} {{.State}}";
    let listed = docker(&["ps", "-a", "--filter", &filter, "--format", format]).ok();
    let mut lines: Vec<String> = listed.text().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
