//! A TCP port that an instance is published on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The first port that `new` tries when none is given.
pub const FIRST: u16 = 8001;

/// A TCP port from 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(u16);

impl Port {
    /// The port that the text says.
    ///
    /// # Errors
    /// Exit 2 where it is no number from 1 to 65535.
    pub fn parse(text: &str) -> Result<Self> {
        match text.parse::<u16>() {
            Ok(number) if number > 0 => Ok(Port(number)),
            _ => Err(Error::usage(format!("{text:?} is no port"))
                .why("a port is a number from 1 to 65535")),
        }
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// This port and all above it.
    pub fn onwards(first: u16) -> impl Iterator<Item = Port> {
        (first.max(1)..=u16::MAX).map(Port)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
