//! Building images, by the builder that every engine has in itself: it gives an image its name at
//! the end, so one that fails leaves the old one in place.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use bollard::body_full;
use bollard::body_try_stream;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;

use super::DockerEngine;
use super::images::to_login;
use crate::engine::{Build, BuildContext};
use crate::error::{Error, Kind, Result};

/// How many of the last lines are shown where it fails.
const SHOWN: usize = 15;

/// How much of the stream is sent at once.
const PIECE: usize = 256 * 1024;

/// Why the stream broke off, for whoever waits for the build.
type Broken = Arc<Mutex<Option<io::Error>>>;

impl DockerEngine {
    pub(super) fn build_image(
        &self,
        build: Build<'_>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        let what = format!("cannot build the image {}", build.image);
        let labels: HashMap<String, String> = build.labels.clone().into_iter().collect();
        let mut options = BuildImageOptionsBuilder::new()
            .t(&build.image.with_tag())
            .labels(&labels)
            .rm(true)
            .forcerm(true);
        let broken = Broken::default();
        let body = match build.context {
            BuildContext::Address(address) => {
                options = options.remote(&address);
                body_full(Vec::new().into())
            }
            BuildContext::Tar(stream) => body_try_stream(pieces(stream, Arc::clone(&broken))),
        };
        let logins = build
            .credentials
            .iter()
            .map(|login| (login.server.clone(), to_login(login)))
            .collect();
        let mut stream = self
            .client()?
            .build_image(options.build(), Some(logins), Some(body));
        let mut last = VecDeque::new();
        let built = self.work(None, &what, async {
            while let Some(piece) = stream.next().await {
                let piece = piece?;
                let words = piece.stream.or(piece.status).unwrap_or_default();
                for line in words.lines().filter(|line| !line.trim().is_empty()) {
                    if line.starts_with("Step ") {
                        progress(line);
                    }
                    last.push_back(line.to_owned());
                    if last.len() > SHOWN {
                        last.pop_front();
                    }
                }
            }
            Ok(())
        });
        let Err(error) = built else { return Ok(()) };
        // What broke the stream says more than that it broke.
        match broken.lock().ok().and_then(|mut slot| slot.take()) {
            Some(cause) if !error.interrupted => Err(reason(&what, cause)),
            _ if error.interrupted || error.kind == Kind::Engine => Err(error),
            _ => Err(Error::failed(what)
                .why(error.why.unwrap_or(error.what))
                .tail(last)),
        }
    }
}

/// The stream in pieces, read in a thread of its own: files block.
fn pieces<B: From<Vec<u8>> + Send + 'static>(
    mut stream: Box<dyn Read + Send>,
    broken: Broken,
) -> impl futures_util::Stream<Item = io::Result<B>> + Send + 'static {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<io::Result<Vec<u8>>>(4);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; PIECE];
            let piece = match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    buffer.truncate(count);
                    Ok(buffer)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let words = error.to_string();
                    if let Ok(mut slot) = broken.lock() {
                        *slot = Some(error);
                    }
                    Err(io::Error::other(words))
                }
            };
            let over = piece.is_err();
            // Nobody receives any more where the build is over.
            if sender.blocking_send(piece).is_err() || over {
                return;
            }
        }
    });
    futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
        .map(|piece| piece.map(B::from))
}

fn reason(what: &str, cause: io::Error) -> Error {
    let said = cause.to_string();
    match cause.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => Error {
            what: what.to_owned(),
            why: Some(error.to_string()),
            ..*error
        },
        _ => Error::failed(what).why(said),
    }
}
