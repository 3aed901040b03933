//! Random names, passwords and keys, from the operating system's generator.

use rand::distr::{Alphanumeric, SampleString, slice::Choose};
use rand::prelude::Distribution;

use crate::model::secret::Secret;

/// A password: 20 letters and digits (119 bits), as the original drew them. No character of it
/// needs quoting in a URL, a shell or a file.
pub fn password() -> Secret {
    Secret::new(Alphanumeric.sample_string(&mut rand::rng(), 20))
}

/// A key that sessions are signed with: 128 letters and digits.
pub fn signing_key() -> Secret {
    Secret::new(Alphanumeric.sample_string(&mut rand::rng(), 128))
}

/// Six lower case letters and digits: the name of what nobody named, as the original drew it,
/// and the tag of containers for one command.
pub fn tag() -> String {
    const LETTERS: &[char] = &[
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u',
        'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
    ];
    match Choose::new(LETTERS) {
        Ok(letters) => letters.sample_iter(rand::rng()).take(6).collect(),
        Err(_) => unreachable!("the letters are not empty"),
    }
}
