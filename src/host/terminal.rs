//! The operator's answer to a question.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Result};
use crate::host::interrupt::{Interrupt, LOOK};

/// One line of standard input, without its end; an empty one where there is no more.
///
/// # Errors
/// Exit 1 at Ctrl-C, which a plain read would not end at, and where it cannot be read.
pub fn read_line(interrupt: &Interrupt) -> Result<String> {
    let stdin = std::io::stdin();
    let pause = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(LOOK.subsec_nanos()),
    };
    loop {
        interrupt.check("waiting for an answer was stopped")?;
        let mut waited_for = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waited_for, Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(Error::failed("cannot wait for an answer").why(error)),
        }
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|e| Error::failed("cannot read the answer").why(e))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
