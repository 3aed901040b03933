//! The configuration of an instance that is configured by files, as one with an environment file has
//! it: what has a place there is carried over, all else is named.

mod mail;
mod settings;
mod sources;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::model::secret::Secret;
use settings::{Settings, in_words, number, seconds, switch, words};

/// The files with settings; the later wins.
pub const SETTINGS: [&str; 2] = ["kor.yml", "kor.app.yml"];

/// The legal notice.
pub const LEGAL: &str = "legal.txt";

/// Who is behind it.
pub const ABOUT: &str = "contact.txt";

/// Texts of pages that are gone.
pub const HELP: &str = "help.yml";

/// What sessions are signed with.
pub const SIGNING_KEY: &str = "secret_key_base";

/// An operator's own style sheet, below the instance's directory, where nothing else is said.
pub const CUSTOM_CSS: &str = "data/custom.css";

/// The texts of such an instance's files, as far as they are there.
#[derive(Debug, Clone, Default)]
pub struct FormerFiles {
    /// Those of [`SETTINGS`], with their names.
    pub settings: Vec<(String, String)>,
    /// [`LEGAL`]
    pub legal: Option<String>,
    /// [`ABOUT`]
    pub about: Option<String>,
    /// [`HELP`]
    pub help: Option<String>,
    /// [`SIGNING_KEY`]
    pub signing_key: Option<Secret>,
    /// The cluster's `ssmtp.conf`.
    pub ssmtp: Option<String>,
    /// The cluster's `revaliases`.
    pub revaliases: Option<String>,
    /// Whether there is a [`CUSTOM_CSS`].
    pub has_custom_css: bool,
}

/// What becomes of a setting that is not simply carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has no place on the other side, and goes with its file.
    LeftBehind,
    /// It stays where it is.
    LeftInPlace,
    /// It may not do there what it did, so that somebody should look at it.
    ToCheck,
}

/// A setting that an operator should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// What becomes of it.
    #[serde(skip)]
    pub fate: Fate,
    /// The file that it stands in.
    pub file: String,
    /// Its path in that.
    pub setting: String,
    /// Why.
    pub why: String,
}

/// What becomes of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// Lines of the environment file.
    pub env: Vec<(String, Secret)>,
    /// Whether those say how mail leaves.
    pub says_mail: bool,
    /// What the application keeps itself.
    pub settings: Map<String, Value>,
    /// What is not simply carried over.
    pub remarks: Vec<Remark>,
}

/// How a value is written on the other side.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Seconds,
    List,
}

/// What the application keeps itself: where it stood, what it is called, and how it is written. Of
/// two with one name the first one counts.
const KEPT: [(&str, &str, Kind); 27] = [
    ("app.default_locale", "default_locale", Kind::Text),
    ("app.welcome_title", "welcome_title", Kind::Text),
    ("app.welcome_text", "welcome_text", Kind::Text),
    (
        "app.max_foreground_group_download_size",
        "max_foreground_group_download_size",
        Kind::Number,
    ),
    // The second one was read by nobody, but is where some wrote it.
    (
        "app.max_file_upload_size",
        "max_file_upload_size",
        Kind::Number,
    ),
    (
        "limits.max_file_upload_size",
        "max_file_upload_size",
        Kind::Number,
    ),
    (
        "app.max_results_per_request",
        "max_results_per_request",
        Kind::Number,
    ),
    (
        "app.max_included_results_per_result",
        "max_included_results_per_result",
        Kind::Number,
    ),
    ("app.sources.release", "sources_release", Kind::Text),
    ("app.sources.pre_release", "sources_pre_release", Kind::Text),
    ("app.sources.default", "sources_default", Kind::Text),
    (
        "app.gallery.primary_relations",
        "primary_relations",
        Kind::List,
    ),
    (
        "app.gallery.secondary_relations",
        "secondary_relations",
        Kind::List,
    ),
    ("maintainer.name", "maintainer_name", Kind::Text),
    ("maintainer.mail", "maintainer_mail", Kind::Text),
    ("maintainer.legal_text", "legal_text", Kind::Text),
    ("maintainer.about_text", "about_text", Kind::Text),
    ("maintainer.repository_uuid", "repository_uuid", Kind::Text),
    ("auth.session_lifetime", "session_lifetime", Kind::Seconds),
    (
        "auth.publishment_lifetime",
        "publishment_lifetime",
        Kind::Number,
    ),
    ("auth.default_groups", "default_groups", Kind::List),
    (
        "auth.env_auth_button_label",
        "env_auth_button_label",
        Kind::Text,
    ),
    (
        "limits.max_download_group_size",
        "max_download_group_size",
        Kind::Number,
    ),
    (
        "kind_settings.defaults.dating_label",
        "kind_dating_label",
        Kind::Text,
    ),
    (
        "kind_settings.defaults.name_label",
        "kind_name_label",
        Kind::Text,
    ),
    (
        "kind_settings.defaults.distinct_name_label",
        "kind_distinct_name_label",
        Kind::Text,
    ),
    ("search.entity_name", "search_entity_name", Kind::Text),
];

/// The application writes all that it knows into its own file one day. These it knew by itself, and
/// they say nothing.
const DEFAULTS: [(&str, &str); 2] = [
    ("app.current_history_length", "5"),
    ("custom_css_file", CUSTOM_CSS),
];

impl Carried {
    /// What becomes of these files.
    ///
    /// # Errors
    /// Exit 6 where one of them cannot be read.
    pub fn of(files: &FormerFiles) -> Result<Self> {
        let mut settings = Settings::default();
        for (name, text) in &files.settings {
            settings.lay_over(text, name)?;
        }
        let mut carried = Carried::default();
        carried.address(&mut settings);
        carried.kept(&mut settings);
        carried.text(LEGAL, files.legal.as_deref(), "legal_text");
        carried.text(ABOUT, files.about.as_deref(), "about_text");
        if let Some(origins) = settings.take("allowed_origins") {
            carried.say("CORS_ALLOWED_ORIGINS", &words(&origins.value).join(" "));
        }
        if let Some(found) = settings.take("auth.fail_on_update_errors") {
            match switch(&found.value) {
                Some(on) => carried.say("AUTH_FAIL_ON_UPDATE_ERRORS", &on.to_string()),
                None => carried.leave(&found.file, "auth.fail_on_update_errors", "it is no switch"),
            }
        }
        sources::carry(&mut settings, &mut carried);
        mail::carry(&mut settings, files, &mut carried);
        if let Some(key) = &files.signing_key {
            carried.say("SECRET_KEY_BASE", key.reveal().trim());
        }
        carried.rest(settings, files);
        Ok(carried)
    }

    fn say(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.env.push((key.to_owned(), Secret::new(value)));
        }
    }

    fn say_mail(&mut self, key: &str, value: &str) {
        self.says_mail = true;
        self.say(key, value);
    }

    fn leave(&mut self, file: &str, setting: &str, why: &str) {
        self.remark(Fate::LeftBehind, file, setting, why);
    }

    fn remark(&mut self, fate: Fate, file: &str, setting: &str, why: &str) {
        self.remarks.push(Remark {
            fate,
            file: file.to_owned(),
            setting: setting.to_owned(),
            why: why.to_owned(),
        });
    }

    fn address(&mut self, settings: &mut Settings) {
        let mut said = |key| settings.take(key).and_then(|found| in_words(&found.value));
        let protocol = said("host.protocol").unwrap_or_else(|| "http".to_owned());
        let (host, port) = (said("host.host"), said("host.port"));
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return;
        };
        let usual = if protocol == "https" { "443" } else { "80" };
        let port = port.filter(|port| port != usual && !port.is_empty());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        self.say("ROOT_URL", &format!("{protocol}://{host}{port}"));
    }

    fn kept(&mut self, settings: &mut Settings) {
        for (path, name, kind) in KEPT {
            let Some(found) = settings.take(path) else {
                continue;
            };
            let value = match kind {
                Kind::Text => in_words(&found.value).map(Value::from),
                Kind::Number => number(&found.value),
                Kind::Seconds => seconds(&found.value),
                Kind::List => Some(Value::from(words(&found.value))),
            };
            match value {
                None => self.leave(&found.file, path, "its value cannot be used there"),
                Some(value) if self.settings.get(name).is_some_and(|there| *there != value) => {
                    let other = KEPT.iter().find(|(_, same, _)| *same == name);
                    let other = other.map_or(name, |(other, ..)| *other);
                    self.leave(
                        &found.file,
                        path,
                        &format!("{other} is the one that counts"),
                    );
                }
                Some(value) => drop(self.settings.insert(name.to_owned(), value)),
            }
        }
    }

    /// A text in a file of its own, where the settings have none.
    fn text(&mut self, file: &str, text: Option<&str>, name: &str) {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return;
        };
        match self.settings.get(name) {
            None => drop(self.settings.insert(name.to_owned(), Value::from(text))),
            Some(there) if there.as_str().map(str::trim) == Some(text) => {}
            Some(_) => {
                let why = format!("maintainer.{name} is the one that counts");
                self.leave(file, "all of it", &why);
            }
        }
    }

    fn rest(&mut self, settings: Settings, files: &FormerFiles) {
        for (path, found) in settings.rest() {
            let default = DEFAULTS.iter().find(|(known, _)| *known == path);
            if default.is_some_and(|(_, value)| in_words(&found.value).as_deref() == Some(value)) {
                continue;
            }
            let why = match path.split('.').next() {
                Some("piwik" | "google_analytics") => "its pages know no analytics",
                Some("custom_css_file") => "it takes an address, and no file",
                _ => "the new version has no such setting",
            };
            self.leave(&found.file, &path, why);
        }
        if files.has_custom_css {
            let why = "the new version takes an address, and no file";
            self.remark(Fate::LeftInPlace, CUSTOM_CSS, "all of it", why);
        }
        let said = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        if files
            .help
            .as_deref()
            .is_some_and(|text| text.lines().any(said))
        {
            self.leave(HELP, "all of it", "the pages that it is about are gone");
        }
    }
}

#[cfg(test)]
mod tests;
