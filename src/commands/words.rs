//! What was typed, as `history` and whoever names an interrupted operation say it: the verb, and
//! what tells it from others of its kind. Instances stand beside it, and nothing secret is in it.

use std::fmt::Display;

use clap::ValueEnum;

/// Words as they are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// These words, the verb first.
    pub fn of(words: &str) -> Self {
        Words(words.to_owned())
    }

    /// With another one behind them, such as a version or a file.
    pub fn word(mut self, word: impl Display) -> Self {
        self.0.push(' ');
        self.0.push_str(&quoted(&word.to_string()));
        self
    }

    /// With a flag, where it was given.
    pub fn flag(self, flag: &str, given: bool) -> Self {
        match given {
            true => self.word(flag),
            false => self,
        }
    }

    /// With a flag and its value, where it was given.
    pub fn value(self, flag: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.word(flag).word(value),
            None => self,
        }
    }

    /// With a flag and one of its few values, where that is another than by itself.
    pub fn choice<T: ValueEnum + PartialEq>(self, flag: &str, value: &T, default: &T) -> Self {
        let other = value.to_possible_value().filter(|_| value != default);
        self.value(flag, other.map(|value| value.get_name().to_owned()))
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0
    }
}

/// In quotes where a shell wants them. It stands in one line, whatever a file is called.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let shown = word.replace(|c: char| c.is_control(), "?");
    format!("'{}'", shown.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_one_could_type() {
        let words = Words::of("import")
            .word("snapshots/a.tar.zst")
            .flag("--undo", false)
            .flag("--forget", true)
            .value("--version", Some("v5.1.0"))
            .value("--search", None::<&str>);
        assert_eq!(
            String::from(words),
            "import snapshots/a.tar.zst --forget --version v5.1.0"
        );
        for (word, shown) in [
            ("my file", "'my file'"),
            ("it's", r"'it'\''s'"),
            ("a\nb\x1b[2J", "'a?b?[2J'"),
            ("$(id)", "'$(id)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
