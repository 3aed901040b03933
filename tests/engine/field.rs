//! A cluster as the original leaves it, laid out by hand as its script does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::call::{Call, called};
use crate::docker::docker;
use crate::harness::{PLACE, free_port, fresh_name};

/// The images under the names that the original gives them, and what stands in for each.
pub const IMAGES: [(&str, &str); 4] = [
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

pub const ROOT_PASSWORD: &str = "Ahz4oor3eeFeiVu6aith";
pub const PASSWORD: &str = "iex2Waijai1ohTh8ahng";

/// A cluster of the original's with one instance, `archiv`.
pub struct Field {
    pub name: String,
    pub root: PathBuf,
    pub port: u16,
    pub proxy_port: u16,
    /// Whether images have the original's names because of it.
    pub tagged: bool,
}

impl Field {
    /// Its files.
    pub fn laid_out() -> Self {
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

    pub fn link(&self) -> PathBuf {
        self.root.join("cluster.sh")
    }

    pub fn instance_link(&self) -> PathBuf {
        self.root.join("instances/archiv/instance.sh")
    }

    pub fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.link()).args(words)
    }

    pub fn instance<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.instance_link()).args(words)
    }

    /// Its files with their contents; without what the services write by themselves.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.root, &self.root, &mut files);
        files
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
