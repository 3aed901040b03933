//! The questions that `status` asks, asked without it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::timing::{Result, milliseconds, output};

/// A question that `status` asks.
pub enum Probe {
    /// What the server says first.
    Greeting(SocketAddr),
    /// An HTTP request.
    Get(SocketAddr, &'static str),
    /// A number out of the database of this container, asked through its own client.
    Count(String),
}

impl Probe {
    /// Asks it, and says how many milliseconds the answer took.
    pub fn time(&self) -> Result<f64> {
        let started = Instant::now();
        self.ask()
            .map_err(|e| format!("a service does not answer: {e}"))?;
        Ok(milliseconds(started))
    }

    fn ask(&self) -> std::io::Result<()> {
        match self {
            Probe::Greeting(to) => connect(to)?.read(&mut [0; 512]).map(drop),
            Probe::Get(to, path) => {
                let mut stream = connect(to)?;
                write!(
                    stream,
                    "GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"
                )?;
                stream.read_to_end(&mut Vec::new()).map(drop)
            }
            Probe::Count(container) => count(container),
        }
    }
}

fn connect(to: &SocketAddr) -> std::io::Result<TcpStream> {
    let limit = Duration::from_secs(10);
    let stream = TcpStream::connect_timeout(to, limit)?;
    stream.set_read_timeout(Some(limit))?;
    Ok(stream)
}

/// The smallest query, by the way that `status` has to its count of unfinished work.
fn count(container: &str) -> std::io::Result<()> {
    let done = Command::new("docker")
        .args(["exec", container, "mariadb"])
        .args(["--defaults-extra-file=/etc/kor-cluster/client.cnf"])
        .args(["--host=localhost", "--protocol=socket", "-BNe", "select 1"])
        .output()?;
    match done.status.success() {
        true => Ok(()),
        false => Err(std::io::Error::other("the client does not answer")),
    }
}

/// The services by their containers' addresses, the instances by their published ports.
pub fn of_cluster(cluster: &Path) -> Result<Vec<Probe>> {
    let name = value_of(&cluster.join("config.sh"), "CLUSTER_NAME")?;
    let mut probes = vec![
        Probe::Greeting(address_of(&format!("{name}_mysql"), 3306)?),
        Probe::Get(address_of(&format!("{name}_elastic"), 9200)?, "/"),
        Probe::Count(format!("{name}_mysql")),
    ];
    let instances = cluster.join("instances");
    for entry in fs::read_dir(&instances)
        .map_err(|e| e.to_string())?
        .flatten()
    {
        let config = entry.path().join("config.sh");
        if config.is_file() {
            let port = value_of(&config, "PORT")?
                .parse::<u16>()
                .map_err(|e| e.to_string())?;
            probes.push(Probe::Get(
                SocketAddr::from(([127, 0, 0, 1], port)),
                "/info",
            ));
        }
    }
    Ok(probes)
}

fn address_of(container: &str, port: u16) -> Result<SocketAddr> {
    let mut docker = Command::new("docker");
    docker.args([
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        container,
    ]);
    let address = output(docker)?;
    format!("{}:{port}", address.trim())
        .parse()
        .map_err(|_| format!("{container} has no address"))
}

fn value_of(config: &Path, key: &str) -> Result<String> {
    let text = fs::read_to_string(config).map_err(|e| format!("{}: {e}", config.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.trim_matches(['"', '\'']).to_owned())
        .ok_or_else(|| format!("{} has no {key}", config.display()))
}
