//! What comes out of one program and goes into another one, through this process.

use std::io::{self, Read, Write};

use crate::error::{Error, Result};
use crate::steps::World;

/// How much is passed on at once, in bytes.
const PIECE: usize = 128 << 10;

/// Passes all of it on, and shows each piece to `see`. A program in a container does not end by
/// itself at an interruption: this does.
///
/// # Errors
/// Exit 1 at an interruption, or where one of the two ends breaks off.
pub fn relay(
    world: &World<'_>,
    what: &str,
    from: &mut impl Read,
    into: &mut impl Write,
    mut see: impl FnMut(&[u8]),
) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        world.interrupt.check(&format!("{what} was stopped"))?;
        let count = from.read(&mut buffer).map_err(|e| broke_off(what, e))?;
        if count == 0 {
            return Ok(());
        }
        see(&buffer[..count]);
        into.write_all(&buffer[..count])
            .map_err(|e| broke_off(what, e))?;
    }
}

/// The error of an end that broke off.
pub fn broke_off(what: &str, error: io::Error) -> Error {
    Error::failed(format!("{what} broke off")).why(error)
}
