//! A command in a container that is talked with, line by line.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::DockerEngine;
use super::run::attached_to;
use crate::engine::Conversation;
use crate::error::{Error, Result};

/// What a command said.
enum Said {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// A conversation through the engine; its end closes the command's standard input.
pub(super) struct DockerConversation {
    container: String,
    runtime: tokio::runtime::Handle,
    words: mpsc::UnboundedSender<Vec<u8>>,
    heard: mpsc::UnboundedReceiver<Said>,
    partial: Vec<u8>,
    lines: VecDeque<String>,
    errors: Vec<u8>,
}

impl DockerEngine {
    pub(super) fn converse_in_container(
        &self,
        container: &str,
        command: &[&str],
    ) -> Result<Box<dyn Conversation>> {
        let client = self.client()?;
        let what = format!("a command in the container {container} could not be started");
        let attached = self.short(&what, async {
            let id = client
                .create_exec(container, attached_to(command))
                .await?
                .id;
            client.start_exec(&id, None).await
        })?;
        let StartExecResults::Attached { mut output, input } = attached else {
            return Err(Error::failed(what).why("the engine does not attach to it"));
        };
        let (words, mut to_say) = mpsc::unbounded_channel::<Vec<u8>>();
        let (tell, heard) = mpsc::unbounded_channel();
        let handle = self.runtime.handle().clone();
        handle.spawn(async move {
            let mut input = input;
            while let Some(bytes) = to_say.recv().await {
                if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            let _ = input.shutdown().await;
        });
        handle.spawn(async move {
            while let Some(Ok(piece)) = output.next().await {
                let said = match piece {
                    LogOutput::StdErr { message } => Said::Err(message.to_vec()),
                    LogOutput::StdOut { message } => Said::Out(message.to_vec()),
                    _ => continue,
                };
                if tell.send(said).is_err() {
                    break;
                }
            }
        });
        Ok(Box::new(DockerConversation {
            container: container.to_owned(),
            runtime: handle,
            words,
            heard,
            partial: Vec::new(),
            lines: VecDeque::new(),
            errors: Vec::new(),
        }))
    }
}

impl DockerConversation {
    fn take(&mut self, said: Said) {
        match said {
            Said::Err(bytes) => self.errors.extend(bytes),
            Said::Out(bytes) => {
                self.partial.extend(bytes);
                while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.partial.drain(..=end).collect();
                    let text = String::from_utf8_lossy(&line[..end]).into_owned();
                    self.lines.push_back(text);
                }
            }
        }
    }

    fn ended(&self) -> Error {
        let said = String::from_utf8_lossy(&self.errors);
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        Error::failed(format!(
            "a command in the container {} ended",
            self.container
        ))
        .why(last.into_iter().rev().collect::<Vec<_>>().join(" "))
    }
}

impl Conversation for DockerConversation {
    fn say(&mut self, text: &str) -> Result<()> {
        let sent = self.words.send(text.as_bytes().to_vec());
        sent.map_err(|_| self.ended())
    }

    fn hear(&mut self, limit: Duration) -> Result<Option<String>> {
        let end = tokio::time::Instant::now() + limit;
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(line));
            }
            let runtime = self.runtime.clone();
            let said =
                runtime.block_on(async { tokio::time::timeout_at(end, self.heard.recv()).await });
            match said {
                Ok(Some(said)) => self.take(said),
                Ok(None) => return Err(self.ended()),
                Err(_) => return Ok(None),
            }
        }
    }
}
