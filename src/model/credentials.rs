//! A login at a registry.

use crate::model::secret::Secret;

/// A login at a registry: a name with a password, or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The registry, as the login is kept under.
    pub server: String,
    /// The name and the password.
    pub login: Option<(String, Secret)>,
    /// What a registry gave in exchange for a login.
    pub identity_token: Option<Secret>,
}
