//! Whether a port of this host is free, and which process holds it if not.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, TcpListener};

use procfs::net::TcpState;

use crate::model::port::Port;

/// Who listens on a port, in words; nothing where it is free.
pub fn holder(address: IpAddr, port: Port) -> Option<String> {
    match TcpListener::bind(SocketAddr::new(address, port.number())) {
        Ok(_) => None,
        Err(error) => Some(listening_process(port).unwrap_or_else(|| error.to_string())),
    }
}

/// `process 4711 (nginx)`, as far as this user may see it.
fn listening_process(port: Port) -> Option<String> {
    let sockets = procfs::net::tcp()
        .into_iter()
        .flatten()
        .chain(procfs::net::tcp6().into_iter().flatten());
    let inodes: HashSet<u64> = sockets
        .filter(|s| s.state == TcpState::Listen && s.local_address.port() == port.number())
        .map(|s| s.inode)
        .collect();
    let holds = |process: &procfs::process::Process| {
        process.fd().is_ok_and(|mut fds| {
            fds.any(|fd| {
                fd.is_ok_and(|fd| {
                    matches!(fd.target, procfs::process::FDTarget::Socket(inode) if inodes.contains(&inode))
                })
            })
        })
    };
    let process = procfs::process::all_processes()
        .ok()?
        .flatten()
        .find(holds)?;
    let name = process.stat().map_or_else(|_| "?".to_owned(), |s| s.comm);
    Some(format!("process {} ({name})", process.pid))
}
