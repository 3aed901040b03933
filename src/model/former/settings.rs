//! What the YAML files of an instance say, the later ones over the earlier, as the application merges
//! them: of each file the part `all`, then that of the environment in use.

use std::collections::BTreeMap;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::error::{Error, Result};

/// The parts of a file that count, the later over the earlier.
const PARTS: [&str; 2] = ["all", "production"];

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its value: a text, a number, a switch, or a list of those.
    pub value: Value,
    /// The file that has the last word on it.
    pub file: String,
}

/// Settings by their path, such as `app.default_locale`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    all: BTreeMap<String, Setting>,
}

impl Settings {
    /// Lays a file's settings over those that are there.
    ///
    /// # Errors
    /// Exit 6 where it is no YAML that the application could have read.
    pub fn lay_over(&mut self, text: &str, file: &str) -> Result<()> {
        let refused = |why: String| {
            Error::refused(format!("{file} cannot be read"))
                .why(why)
                .next("mend it first: what it says is going to be carried over")
        };
        let documents =
            YamlLoader::load_from_str(text).map_err(|error| refused(error.to_string()))?;
        let Some(document) = documents.first() else {
            return Ok(());
        };
        for part in PARTS {
            match &document[part] {
                Yaml::BadValue | Yaml::Null => {}
                Yaml::Hash(_) => self.put("", &document[part], file),
                _ => return Err(refused(format!("its part {part} has no settings in it"))),
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &str, value: &Yaml, file: &str) {
        if let Yaml::Hash(entries) = value {
            for (key, value) in entries {
                let Some(key) = plain(key).as_ref().and_then(in_words) else {
                    continue;
                };
                match (key.as_str(), path) {
                    // What is merged in counts less than what stands behind it.
                    ("<<", _) => match value {
                        Yaml::Array(several) => {
                            several.iter().for_each(|one| self.put(path, one, file));
                        }
                        one => self.put(path, one, file),
                    },
                    (_, "") => self.put(&key, value, file),
                    _ => self.put(&format!("{path}.{key}"), value, file),
                }
            }
            return;
        }
        let Some(value) = plain(value) else { return };
        let below = format!("{path}.");
        self.all.retain(|other, _| {
            !other.starts_with(&below) && !path.starts_with(&format!("{other}."))
        });
        let file = file.to_owned();
        self.all.insert(path.to_owned(), Setting { value, file });
    }

    /// Takes one out; one without a value counts as none.
    pub fn take(&mut self, path: &str) -> Option<Setting> {
        self.all.remove(path).filter(|found| !found.value.is_null())
    }

    /// Takes all out whose path begins so, with the rest of their paths.
    pub fn take_below(&mut self, path: &str) -> BTreeMap<String, Setting> {
        let below = format!("{path}.");
        let keys: Vec<String> = self
            .all
            .keys()
            .filter(|key| key.starts_with(&below))
            .cloned()
            .collect();
        keys.iter()
            .filter_map(|key| Some((key[below.len()..].to_owned(), self.take(key)?)))
            .collect()
    }

    /// What nobody took.
    pub fn rest(self) -> impl Iterator<Item = (String, Setting)> {
        let said = |(_, setting): &(String, Setting)| !setting.value.is_null();
        self.all.into_iter().filter(said)
    }
}

fn plain(value: &Yaml) -> Option<Value> {
    Some(match value {
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Integer(number) => Value::from(*number),
        Yaml::Real(text) => text
            .parse()
            .map_or(Value::from(text.as_str()), |n: f64| Value::from(n)),
        Yaml::Boolean(switch) => Value::from(*switch),
        Yaml::Array(values) => values.iter().filter_map(plain).collect(),
        Yaml::Null => Value::Null,
        Yaml::Hash(_) | Yaml::Alias(_) | Yaml::BadValue => return None,
    })
}

/// A value as a text; a list has none.
pub fn in_words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The texts of a list; a single one stands for a list of it.
pub fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(in_words).collect(),
        one => in_words(one).into_iter().collect(),
    }
}

/// A switch as the application's YAML library reads it.
pub fn switch(value: &Value) -> Option<bool> {
    match in_words(value)?.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A number.
pub fn number(value: &Value) -> Option<Value> {
    let text = in_words(value)?;
    match text.parse::<i64>() {
        Ok(whole) => Some(Value::from(whole)),
        Err(_) => text.parse::<f64>().ok().map(Value::from),
    }
}

/// A span of time in seconds; `2:00:00` is a number to the application's YAML library.
pub fn seconds(value: &Value) -> Option<Value> {
    let mut sum: i64 = 0;
    for part in in_words(value)?.split(':') {
        sum = sum.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    Some(Value::from(sum))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_later_file_wins_and_production_wins_over_all() {
        let mut settings = Settings::default();
        settings
            .lay_over(
                "all:\n  app: &a {x: 1, y: 2}\n  mail: {host: a}\nproduction:\n  app: {y: 3}\n  \
                 more:\n    <<: *a\ntest:\n  app: {z: 1}\n",
                "kor.yml",
            )
            .unwrap();
        settings
            .lay_over(
                "production:\n  app: {x: [a, 1]}\n  mail: off\n",
                "kor.app.yml",
            )
            .unwrap();
        settings.lay_over("", "kor.app.yml").unwrap();
        let taken = settings.take("app.x").unwrap();
        assert_eq!(
            (taken.value, taken.file.as_str()),
            (json!(["a", 1]), "kor.app.yml")
        );
        assert_eq!(settings.take("app.y").unwrap().value, json!(3));
        assert_eq!(settings.take("app.z"), None);
        assert_eq!(settings.take_below("more").len(), 2);
        let rest: Vec<_> = settings.rest().map(|(path, _)| path).collect();
        assert_eq!(rest, ["mail"]);
    }

    #[test]
    fn values_are_read_as_ruby_reads_them() {
        assert_eq!(seconds(&json!("2:00:00")), Some(json!(7200)));
        assert_eq!(seconds(&json!(90)), Some(json!(90)));
        assert_eq!(seconds(&json!("soon")), None);
        assert_eq!(number(&json!("100")), Some(json!(100)));
        assert_eq!(number(&json!("1.5")), Some(json!(1.5)));
        assert_eq!(number(&json!("many")), None);
        assert_eq!(switch(&json!("yes")), Some(true));
        assert_eq!(switch(&json!(false)), Some(false));
        assert_eq!(words(&json!("one")), ["one"]);
    }

    #[test]
    fn what_is_no_settings_is_refused() {
        for text in ["all: [", "production: 1\n"] {
            let error = Settings::default().lay_over(text, "kor.yml").unwrap_err();
            assert_eq!(error.exit_code(), 6);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(all|production|a|-|:|\n| |[|]|\\{|\\}|&|\\*|<<){0,40}") {
            let _ = Settings::default().lay_over(&text, "f");
        }
    }
}
