//! Logins at registries, as the docker client keeps them: in `$DOCKER_CONFIG/config.json`, else
//! `~/.docker/config.json`, or with a helper that is named there. Nothing is ever written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::host::files;
use crate::model::credentials::Credentials;
use crate::model::secret::Secret;

/// What the client calls the default registry.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

/// What a helper says where it has no login; that is no failure.
const NOT_KEPT: &str = "credentials not found";

/// The name with which a helper says that the secret is a token.
const TOKEN: &str = "<token>";

/// The client's configuration, as far as it is about logins.
#[derive(Default, Deserialize)]
pub struct Logins {
    #[serde(default)]
    auths: BTreeMap<String, Kept>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

/// A login in the file itself. No `Debug`: it is a secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    auth: Option<Secret>,
    identitytoken: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
}

/// What a helper prints.
#[derive(Deserialize)]
struct Given {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: Option<Secret>,
}

impl Logins {
    /// Reads them; a file that is not there has none.
    ///
    /// # Errors
    /// Exit 1 where the file is no configuration of the client's, 6 where it may not be read.
    pub fn load() -> Result<Self> {
        let Some(path) = config_file() else {
            return Ok(Logins::default());
        };
        match files::read_if_there(&path)? {
            None => Ok(Logins::default()),
            Some(text) => Self::parse(&text, &path.display().to_string()),
        }
    }

    /// Reads the text of such a file. What is wrong with it is said by its place alone: the text
    /// has secrets in it.
    fn parse(text: &str, file: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Logins::default());
        }
        serde_json::from_str(text).map_err(|error| {
            Error::failed(format!("{file} is no configuration of the docker client"))
                .why(format!("line {}, column {}", error.line(), error.column()))
                .next("mend it, or log in anew: docker login")
        })
    }

    /// The login at a registry; without one the default registry is meant.
    ///
    /// # Errors
    /// Exit 1 where a helper fails or a login cannot be read.
    pub fn at(&self, registry: Option<&str>) -> Result<Option<Credentials>> {
        let registry = match registry {
            None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io") => {
                DEFAULT_REGISTRY
            }
            Some(registry) => registry,
        };
        let host = host_of(registry);
        let same = |key: &&String| host_of(key) == host;
        if let Some(key) = self.helpers.keys().find(same) {
            return ask_helper(&self.helpers[key], key);
        }
        let kept = self.auths.iter().find(|(key, _)| same(key));
        if let Some(store) = self.store.as_deref().filter(|store| !store.is_empty()) {
            let key = kept.map_or(registry, |(key, _)| key);
            return ask_helper(store, key);
        }
        match kept {
            Some((key, kept)) => kept.credentials(key),
            None => Ok(None),
        }
    }

    /// The logins at all registries that the file names, and what went wrong with the others.
    pub fn all(&self) -> (Vec<Credentials>, Vec<Error>) {
        let keys: BTreeSet<&String> = self.auths.keys().chain(self.helpers.keys()).collect();
        let (mut there, mut failed) = (Vec::new(), Vec::new());
        for key in keys {
            match self.at(Some(key)) {
                Ok(login) => there.extend(login),
                Err(error) => failed.push(error),
            }
        }
        (there, failed)
    }
}

impl Kept {
    fn credentials(&self, server: &str) -> Result<Option<Credentials>> {
        let unreadable = || {
            Error::failed(format!("the login at {server} cannot be read"))
                .why("it is not NAME:PASSWORD in base64")
                .next(format!("log in anew: docker login {server}"))
        };
        let login = match (&self.auth, &self.username, &self.password) {
            (Some(auth), _, _) if !auth.reveal().is_empty() => {
                let bytes = STANDARD.decode(auth.reveal()).map_err(|_| unreadable())?;
                let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
                let (name, password) = text.split_once(':').ok_or_else(unreadable)?;
                // The client once ended passwords with zeros.
                let password = Secret::new(password.trim_end_matches('\0'));
                Some((name.to_owned(), password))
            }
            (_, Some(name), Some(password)) => Some((name.clone(), password.clone())),
            _ => None,
        };
        let identity_token = self
            .identitytoken
            .clone()
            .filter(|t| !t.reveal().is_empty());
        Ok(
            (login.is_some() || identity_token.is_some()).then(|| Credentials {
                server: server.to_owned(),
                login,
                identity_token,
            }),
        )
    }
}

fn config_file() -> Option<PathBuf> {
    let named = |key: &str| {
        std::env::var_os(key)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let directory = named("DOCKER_CONFIG").or_else(|| Some(named("HOME")?.join(".docker")))?;
    Some(directory.join("config.json"))
}

/// Keys are hosts, or addresses with `https://` and a path, by the client that wrote them.
fn host_of(key: &str) -> &str {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    bare.split('/').next().unwrap_or(bare)
}

/// Asks `docker-credential-NAME get`, which reads the registry and prints an object.
fn ask_helper(name: &str, server: &str) -> Result<Option<Credentials>> {
    let program = format!("docker-credential-{name}");
    let failed = |why: String| {
        Error::failed(format!("{program} gives no login at {server}"))
            .why(why)
            .next("look at credsStore and credHelpers in the docker client's config.json")
    };
    if name.contains('/') {
        return Err(failed("that is no name of a helper".to_owned()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read what it is asked says so by its end.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|e| failed(e.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let words = format!("{said} {}", String::from_utf8_lossy(&output.stderr));
        return match words.contains(NOT_KEPT) {
            true => Ok(None),
            false => Err(failed(words.trim().to_owned())),
        };
    }
    let given: Given =
        serde_json::from_str(&said).map_err(|_| failed("it printed no login".to_owned()))?;
    let Some(secret) = given.secret else {
        return Ok(None);
    };
    let token = given.username == TOKEN;
    Ok(Some(Credentials {
        server: server.to_owned(),
        identity_token: token.then(|| secret.clone()),
        login: (!token).then_some((given.username, secret)),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(file: &str, registry: Option<&str>) -> Option<(String, String)> {
        let found = Logins::parse(file, "config.json")
            .unwrap()
            .at(registry)
            .unwrap()?;
        found
            .login
            .map(|(name, password)| (name, password.reveal().to_owned()))
    }

    #[test]
    fn a_login_is_found_under_a_host_or_an_address() {
        let pair = Some(("me".to_owned(), "a:b".to_owned()));
        // me:a:b
        let file = |key: &str| format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6YTpi"}}}},"x":1}}"#);
        assert_eq!(login(&file("h.org:5000"), Some("h.org:5000")), pair);
        assert_eq!(login(&file("https://h.org/v2/"), Some("h.org")), pair);
        assert_eq!(login(&file("https://index.docker.io/v1/"), None), pair);
        assert_eq!(
            login(&file("https://index.docker.io/v1/"), Some("docker.io")),
            pair
        );
        assert_eq!(login(&file("h.org"), Some("h.org:5000")), None);
        assert_eq!(login(&file("h.org"), None), None);
        assert_eq!(login(r#"{"auths":{"h.org":{}}}"#, Some("h.org")), None);
        assert_eq!(login("", Some("h.org")), None);
        assert_eq!(login("{}", None), None);
    }

    #[test]
    fn a_token_takes_the_place_of_a_password() {
        let file = r#"{"auths":{"h.org":{"auth":"PHRva2VuPjo=","identitytoken":"abc"}}}"#;
        let logins = Logins::parse(file, "config.json").unwrap();
        let found = logins.at(Some("h.org")).unwrap().unwrap();
        assert_eq!(found.identity_token.unwrap().reveal(), "abc");
    }

    #[test]
    fn a_broken_file_is_said_without_its_text() {
        let broken = r#"{"auths":{"h.org":{"auth":"c2VjcmV0"}"#;
        let error = Logins::parse(broken, "/x/config.json").err().unwrap();
        assert!(error.what.contains("/x/config.json"));
        let wrong = Logins::parse(r#"{"auths":{"h.org":{"auth":"!!secret"}}}"#, "x").unwrap();
        let unreadable = wrong.at(Some("h.org")).unwrap_err();
        for error in [error, unreadable] {
            let text = format!("{error:?}");
            assert!(!text.contains("c2Vj") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_helper_that_is_not_there_is_named() {
        let file = r#"{"credHelpers":{"h.org":"no-such-helper"}}"#;
        let logins = Logins::parse(file, "config.json").unwrap();
        let error = logins.at(Some("h.org")).unwrap_err();
        assert!(
            error.what.contains("docker-credential-no-such-helper"),
            "{error}"
        );
        assert!(logins.at(Some("other.org")).unwrap().is_none());
        assert_eq!(logins.all().1.len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,80}") {
            if let Ok(logins) = Logins::parse(&text, "x") {
                let _ = logins.auths.len();
            }
        }

        #[test]
        fn what_was_kept_is_found(name in "[a-z]{1,8}", password in "[ -~]{1,20}") {
            let auth = STANDARD.encode(format!("{name}:{password}"));
            let file = format!(r#"{{"auths":{{"h.org:5000":{{"auth":"{auth}"}}}}}}"#);
            prop_assert_eq!(login(&file, Some("h.org:5000")), Some((name, password)));
        }
    }
}
