//! Reaching what listens: HTTP and plain TCP with limits of time.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use crate::engine::{Answer, Endpoint, NoAnswer, Request};

const LARGEST_BODY: u64 = 32 << 20;

/// One request over a connection of its own.
pub fn http(to: &Endpoint, request: &Request<'_>) -> Result<Answer, NoAnswer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(request.limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let address = format!("http://{}{}", to.socket(), request.path);
    let refused = |error: &dyn std::fmt::Display| NoAnswer::Refused(error.to_string());
    let built = ureq::http::Request::builder()
        .method(request.method)
        .uri(&address)
        .header("content-type", "application/json")
        .body(request.body.unwrap_or_default().to_owned())
        .map_err(|e| refused(&e))?;
    let mut response = match agent.run(built) {
        Ok(response) => response,
        Err(ureq::Error::Timeout(_)) => return Err(NoAnswer::TimedOut),
        Err(error) => return Err(refused(&error)),
    };
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    let reader = response.body_mut().as_reader();
    match reader.take(LARGEST_BODY).read_to_end(&mut bytes) {
        Ok(_) => Ok(Answer {
            status,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }),
        Err(error) if is_timeout(&error) => Err(NoAnswer::TimedOut),
        Err(error) => Err(refused(&error)),
    }
}

/// The client wraps its own errors into those of reading.
fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<ureq::Error>());
    error.kind() == std::io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)))
}

/// What a server sends first.
pub fn greeting(to: &Endpoint, limit: Duration) -> Result<Vec<u8>, NoAnswer> {
    let no_answer = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => NoAnswer::TimedOut,
        _ => NoAnswer::Refused(error.to_string()),
    };
    let mut stream = TcpStream::connect_timeout(&to.socket(), limit).map_err(no_answer)?;
    stream.set_read_timeout(Some(limit)).map_err(no_answer)?;
    let mut bytes = vec![0; 512];
    match stream.read(&mut bytes).map_err(no_answer)? {
        0 => Err(NoAnswer::Refused("it closed the connection".to_owned())),
        count => {
            bytes.truncate(count);
            Ok(bytes)
        }
    }
}
