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
        let limit = Duration::from_secs(10);
        let (Probe::Greeting(to) | Probe::Get(to, _)) = self;
        let mut stream = TcpStream::connect_timeout(to, limit)?;
        stream.set_read_timeout(Some(limit))?;
        match self {
            Probe::Greeting(_) => stream.read(&mut [0; 512]).map(drop),
            Probe::Get(_, path) => {
                write!(
                    stream,
                    "GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"
                )?;
                stream.read_to_end(&mut Vec::new()).map(drop)
            }
        }
    }
}

/// The services by their containers' addresses, the instances by their published ports.
pub fn of_cluster(cluster: &Path) -> Result<Vec<Probe>> {
    let name = value_of(&cluster.join("config.sh"), "CLUSTER_NAME")?;
    let mut probes = vec![
        Probe::Greeting(address_of(&format!("{name}_mysql"), 3306)?),
        Probe::Get(address_of(&format!("{name}_elastic"), 9200)?, "/"),
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
