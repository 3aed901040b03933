//! A registry of a test's own: Debian's package, with a login, on a free port of this machine.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::docker::docker;
use crate::harness::{PLACE, called_plainly, free_port, fresh_name, until};

pub const USER: &str = "kor";
/// Its base64 differs between the two ways of writing that, which a login has to survive.
pub const PASSWORD: &str = "s>e?c~r>e?t~~~???>>>";

/// A registry that runs until this is dropped.
pub struct Registry {
    process: Child,
    root: PathBuf,
    pub address: String,
}

impl Registry {
    pub fn started() -> Self {
        let root = PLACE.join(fresh_name());
        fs::create_dir_all(root.join("login")).unwrap();
        let users = called_plainly("htpasswd", &["-Bbn", USER, PASSWORD]).ok();
        fs::write(root.join("users"), users.text()).unwrap();
        let port = free_port();
        let config = format!(
            "version: 0.1\n\
             log:\n  accesslog:\n    disabled: true\n  level: error\n\
             storage:\n  filesystem:\n    rootdirectory: {root}/storage\n\
             http:\n  addr: 127.0.0.1:{port}\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {root}/users\n",
            root = root.display()
        );
        fs::write(root.join("config.yml"), config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(root.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need docker-registry (Debian's package of this name)");
        let address = format!("127.0.0.1:{port}");
        until("the registry listens", 20, || {
            TcpStream::connect(&address).is_ok()
        });
        let registry = Registry {
            process,
            root,
            address,
        };
        let login = registry.login();
        let words = [
            "--config",
            path(&login),
            "login",
            "-u",
            USER,
            "-p",
            PASSWORD,
        ];
        docker(&[&words[..], &[&registry.address]].concat()).ok();
        registry
    }

    /// A directory with the login, as the docker client writes it.
    pub fn login(&self) -> PathBuf {
        self.root.join("login")
    }

    /// A directory whose configuration names a helper that has the login, and the helper's place.
    pub fn helper(&self) -> PathBuf {
        let directory = self.root.join("helper");
        fs::create_dir_all(&directory).unwrap();
        let config = format!(r#"{{"credHelpers":{{"{}":"kct"}}}}"#, self.address);
        fs::write(directory.join("config.json"), config).unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {} ] || exit 1\n\
             echo '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n",
            self.address
        );
        let program = directory.join("docker-credential-kct");
        fs::write(&program, script).unwrap();
        called_plainly("chmod", &["+x", path(&program)]).ok();
        directory
    }

    pub fn push(&self, image: &str) {
        let login = self.login();
        docker(&["--config", path(&login), "push", "-q", image]).ok();
    }

    /// Removes the contents of what was pushed, and leaves the lists of it.
    pub fn lose_layers(&self) {
        let mut lost = 0;
        let blobs = self.root.join("storage/docker/registry/v2/blobs/sha256");
        for shelf in fs::read_dir(blobs).unwrap().flatten() {
            for blob in fs::read_dir(shelf.path()).unwrap().flatten() {
                let data = blob.path().join("data");
                let begin = fs::read(&data).unwrap();
                // Layers are packed, lists and configurations are text.
                if !begin.starts_with(b"{") {
                    fs::remove_file(data).unwrap();
                    lost += 1;
                }
            }
        }
        assert!(lost > 0, "there are no layers");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
