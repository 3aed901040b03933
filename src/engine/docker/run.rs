//! Commands: in a container of their own, or in one that runs already.

use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error as ApiError;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, ResizeContainerTTYOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::DockerEngine;
use super::containers::pass_on;
use crate::engine::terminal::{self, RawTerminal};
use crate::engine::{Channel, Input, Output, Sink};
use crate::error::{Error, Result};
use crate::model::container::ContainerSpec;

/// How often the terminal's size is looked at.
const RESIZE: Duration = Duration::from_millis(300);

impl DockerEngine {
    pub(super) fn run_container(
        &self,
        spec: &ContainerSpec,
        input: Input<'_>,
        sink: Sink<'_>,
        limit: Option<Duration>,
    ) -> Result<i64> {
        self.create_container(spec, input)?;
        let client = self.client()?;
        let what = format!("the command in the container {} did not end", spec.name);
        let raw = matches!(input, Input::Standard { terminal: true })
            .then(RawTerminal::enter)
            .flatten();
        let ended = self.work(limit, &what, attached(client, &spec.name, input, sink));
        drop(raw);
        let code = ended.and_then(|()| {
            let ended = self.inspect_container(&spec.name)?;
            ended.and_then(|c| c.exit_code).ok_or_else(|| {
                Error::failed(format!("the container {} is gone", spec.name))
                    .why("somebody removed it while it ran")
            })
        });
        if code.is_err() {
            // The error counts; what is left of the container goes with the removal below.
            let _ = self.stop_container(&spec.name, spec.stop_seconds);
        }
        let removed = self.remove_container(&spec.name);
        code.and_then(|code| removed.map(|()| code))
    }

    pub(super) fn exec_in_container(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output> {
        let client = self.client()?;
        let what = format!("a command in the container {container} did not end");
        self.work(Some(limit), &what, async {
            let id = client
                .create_exec(container, attached_to(command))
                .await?
                .id;
            let mut output = Output::default();
            if let StartExecResults::Attached {
                output: pieces,
                input: stdin,
            } = client.start_exec(&id, None).await?
            {
                let mut sink = |channel: Channel, piece: &[u8]| match channel {
                    Channel::Out => output.out.extend_from_slice(piece),
                    Channel::Err => output.err.extend_from_slice(piece),
                };
                pump(pieces, stdin, Source::Bytes(input), &mut sink).await?;
            }
            // A stream that broke off looks like one that ended: only the exit code tells.
            output.code = client.inspect_exec(&id).await?.exit_code.unwrap_or(-1);
            Ok(output)
        })
    }
}

/// A command with its three streams attached.
pub(super) fn attached_to(command: &[&str]) -> CreateExecOptions<String> {
    CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
        ..Default::default()
    }
}

async fn attached(
    client: &Docker,
    name: &str,
    input: Input<'_>,
    sink: Sink<'_>,
) -> Result<(), ApiError> {
    let options = AttachContainerOptionsBuilder::new()
        .stream(true)
        .stdin(!matches!(input, Input::Nothing))
        .stdout(true)
        .stderr(true)
        .build();
    let AttachContainerResults {
        output,
        input: stdin,
    } = client.attach_container(name, Some(options)).await?;
    client.start_container(name, None).await?;
    let terminal = matches!(input, Input::Standard { terminal: true });
    let source = match input {
        Input::Nothing => Source::Bytes(&[]),
        Input::Bytes(bytes) => Source::Bytes(bytes),
        Input::Standard { .. } => Source::Channel(standard_input()),
    };
    tokio::select! {
        done = pump(output, stdin, source, sink) => done?,
        () = keep_size(client, name), if terminal => {}
    }
    // A command can close its output and go on. (An exit code other than 0 is an error to this
    // client; it is read from the container.)
    let options = WaitContainerOptionsBuilder::new()
        .condition("not-running")
        .build();
    let _ = client.wait_container(name, Some(options)).next().await;
    Ok(())
}

/// Where a command's input comes from.
enum Source<'a> {
    Bytes(&'a [u8]),
    Channel(tokio::sync::mpsc::Receiver<Vec<u8>>),
}

/// Feeds the input and passes the output on until the output ends.
async fn pump(
    mut pieces: Pin<Box<dyn Stream<Item = Result<LogOutput, ApiError>> + Send>>,
    mut stdin: Pin<Box<dyn AsyncWrite + Send>>,
    source: Source<'_>,
    sink: Sink<'_>,
) -> Result<(), ApiError> {
    // A command that ends without reading everything is no error of ours.
    let feed = async {
        match source {
            Source::Bytes(bytes) => drop(stdin.write_all(bytes).await),
            Source::Channel(mut receiver) => {
                while let Some(bytes) = receiver.recv().await {
                    if stdin.write_all(&bytes).await.is_err() || stdin.flush().await.is_err() {
                        break;
                    }
                }
            }
        }
        let _ = stdin.shutdown().await;
        std::future::pending::<()>().await;
    };
    let read = async {
        while let Some(piece) = pieces.next().await {
            pass_on(&piece?, sink);
        }
        Ok(())
    };
    tokio::select! {
        done = read => done,
        () = feed => Ok(()),
    }
}

/// The standard input of this process, read in a thread of its own: a read that blocks cannot be
/// ended, and must not hold anything else up.
fn standard_input() -> tokio::sync::mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = std::io::stdin().read(&mut buffer) {
            if count == 0 || sender.blocking_send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Tells the container the size of the terminal whenever that changes.
async fn keep_size(client: &Docker, name: &str) {
    let mut told = None;
    loop {
        let size = terminal::size();
        if let Some((rows, columns)) = size
            && size != told
        {
            let options = ResizeContainerTTYOptionsBuilder::new()
                .h(i32::from(rows))
                .w(i32::from(columns))
                .build();
            if client.resize_container_tty(name, options).await.is_ok() {
                told = size;
            }
        }
        tokio::time::sleep(RESIZE).await;
    }
}
