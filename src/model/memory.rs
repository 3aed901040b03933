//! Amounts of memory or disk as operators write them: `512m`, `1g`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const UNITS: [(&str, u64); 4] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("", 1)];

/// An amount in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The amount that a text such as `512m` or `1g` says (powers of 1024; a trailing `b` or `ib`
    /// is understood).
    ///
    /// # Errors
    /// Exit 2 where it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let lower = text.to_ascii_lowercase();
        let bare = lower.trim_end_matches("ib").trim_end_matches('b');
        UNITS
            .iter()
            .find(|(unit, _)| bare.ends_with(unit))
            .and_then(|(unit, factor)| {
                let number: u64 = bare.strip_suffix(unit)?.parse().ok()?;
                number.checked_mul(*factor).map(Bytes)
            })
            .filter(|bytes| bytes.0 > 0)
            .ok_or_else(|| {
                Error::usage(format!("{text:?} is no amount")).why("write it as 512m or 2g")
            })
    }

    /// Whole mebibytes.
    pub fn mebibytes(self) -> u64 {
        self.0 >> 20
    }
}

impl fmt::Display for Bytes {
    /// `512m`: the shortest form that `parse` reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .iter()
            .find(|(_, factor)| self.0.is_multiple_of(*factor))
            .unwrap_or(&UNITS[3]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// For people: `1.4 GiB`.
pub fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_back() {
        for (text, bytes) in [
            ("512m", 512 << 20),
            ("2g", 2 << 30),
            ("1GiB", 1 << 30),
            ("7", 7),
        ] {
            let parsed = Bytes::parse(text).unwrap();
            assert_eq!(parsed.0, bytes);
            assert_eq!(Bytes::parse(&parsed.to_string()).unwrap(), parsed);
        }
        for bad in ["", "x", "-1m", "0", "1.5g", "99999999999999999999g"] {
            assert!(Bytes::parse(bad).is_err(), "{bad:?}");
        }
    }
}
