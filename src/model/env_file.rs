//! `.env`: the environment file that the application reads (v4 on), by the rules of the Ruby
//! library dotenv: single quotes are literal, everything else is expanded, and `$(…)` is *run*.
//! (Read off `lib/dotenv/parser.rb` of dotenv 2.x.) Lines that nobody here knows are kept.

use std::fmt;

use crate::error::{Error, Result};

/// One entry or one line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Other(String),
    Pair {
        prefix: String,
        key: String,
        raw: String,
    },
}

/// A parsed environment file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvFile {
    lines: Vec<Line>,
}

/// A value that the application's reader would run or expand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The line in the file, from 1.
    pub line: usize,
    /// Its key.
    pub key: String,
    /// Whether it would be run as a command (else a variable is put in).
    pub runs: bool,
}

impl EnvFile {
    /// Parses any text: what is no `KEY=value` is kept as it stands, as the reader skips it.
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let all: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = all.get(at) {
            at += 1;
            let Some((prefix, key, value)) = split(line) else {
                lines.push(Line::Other((*line).to_owned()));
                continue;
            };
            let more = if is_open(value) {
                lines_to_the_quote(value, &all[at..])
            } else {
                0
            };
            let mut raw = value.to_owned();
            for line in &all[at..at + more] {
                raw.push('\n');
                raw.push_str(line);
            }
            at += more;
            lines.push(Line::Pair {
                prefix: prefix.to_owned(),
                key: key.to_owned(),
                raw,
            });
        }
        EnvFile { lines }
    }

    /// The value as the application gets it, expansions left as they are written.
    pub fn get(&self, key: &str) -> Option<String> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Pair { key: k, raw, .. } if k == key => Some(decode(raw)),
            _ => None,
        })
    }

    /// Sets a key so that the reader gets exactly this value.
    ///
    /// # Errors
    /// Exit 2 where no spelling of it survives the reader: control characters, or a single quote
    /// together with a backslash; exit 6 where the old value goes over several lines.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if !is_key(key) {
            return Err(Error::usage(format!("{key:?} is no name of a setting")));
        }
        self.check_one_line(key)?;
        let text = encode(key, value)?;
        let old = self.lines.iter_mut().rev().find_map(|line| match line {
            Line::Pair { key: k, raw, .. } if k == key => Some(raw),
            _ => None,
        });
        match old {
            Some(raw) => *raw = text,
            None => self.lines.push(Line::Pair {
                prefix: String::new(),
                key: key.to_owned(),
                raw: text,
            }),
        }
        Ok(())
    }

    /// Takes every line of a key out; whether there was one.
    ///
    /// # Errors
    /// Exit 6 where its value goes over several lines.
    pub fn unset(&mut self, key: &str) -> Result<bool> {
        self.check_one_line(key)?;
        let before = self.lines.len();
        self.lines
            .retain(|line| !matches!(line, Line::Pair { key: k, .. } if k == key));
        Ok(before != self.lines.len())
    }

    /// What goes over several lines may be a quote that somebody forgot to close, and then the
    /// settings behind it are in it.
    fn check_one_line(&self, key: &str) -> Result<()> {
        let long = self.lines.iter().any(
            |line| matches!(line, Line::Pair { key: k, raw, .. } if k == key && raw.contains('\n')),
        );
        if !long {
            return Ok(());
        }
        Err(Error::refused(format!(
            "the value of {key} in .env goes over several lines"
        ))
        .why("it may be a quote that is not closed, with other settings behind it")
        .next("look at the file and change it by hand"))
    }

    /// The keys in their order.
    pub fn keys(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter_map(|line| match line {
                Line::Pair { key, .. } => Some(key.as_str()),
                Line::Other(_) => None,
            })
            .collect()
    }

    /// What the application's reader would run or expand.
    pub fn expansions(&self) -> Vec<Expansion> {
        let mut found = Vec::new();
        let mut number = 1;
        for line in &self.lines {
            let (Line::Other(text) | Line::Pair { raw: text, .. }) = line;
            if let Line::Pair { key, raw, .. } = line
                && let Some(runs) = expands(raw)
            {
                found.push(Expansion {
                    line: number,
                    key: key.clone(),
                    runs,
                });
            }
            number += 1 + text.matches('\n').count();
        }
        found
    }
}

impl fmt::Display for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match line {
                Line::Other(text) => writeln!(f, "{text}")?,
                Line::Pair { prefix, key, raw } => writeln!(f, "{prefix}{key}={raw}")?,
            }
        }
        Ok(())
    }
}

/// What stands before a key, the key, and the value as it is written.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (before, value) = line.split_once('=')?;
    let key = before.rsplit([' ', '\t']).next()?;
    let prefix = before.strip_suffix(key)?;
    (is_key(key) && matches!(prefix.trim(), "" | "export")).then_some((prefix, key, value))
}

/// How many more lines a quoted value takes. A quote that is never closed is none to the reader,
/// and the value is the one line.
fn lines_to_the_quote(value: &str, rest: &[&str]) -> usize {
    let mut raw = value.to_owned();
    for (index, line) in rest.iter().enumerate() {
        raw.push('\n');
        raw.push_str(line);
        if !is_open(&raw) {
            return index + 1;
        }
    }
    0
}

fn is_key(text: &str) -> bool {
    crate::model::key_values::is_key(text)
}

/// Whether a quoted value goes on in the next line.
fn is_open(raw: &str) -> bool {
    let bare = raw.trim_start();
    match bare.chars().next() {
        Some(quote @ ('\'' | '"')) => closing(bare, quote).is_none(),
        _ => false,
    }
}

/// Where the closing quote of a text that starts with `quote` is.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn decode(raw: &str) -> String {
    let bare = raw.trim();
    match bare.chars().next() {
        Some('\'') => match closing(bare, '\'') {
            Some(end) => bare[1..end].to_owned(),
            None => bare.to_owned(),
        },
        Some('"') => match closing(bare, '"') {
            Some(end) => unescape(&bare[1..end].replace("\\n", "\n")),
            None => bare.to_owned(),
        },
        _ => unescape(bare.split('#').next().unwrap_or_default().trim()),
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    out
}

fn encode(key: &str, value: &str) -> Result<String> {
    let cannot =
        |why: &str| Error::usage(format!("the value of {key} cannot be written to .env")).why(why);
    if value.chars().any(char::is_control) {
        return Err(cannot("it has a line break or another control character"));
    }
    // A backslash before the closing quote would keep the quote open.
    if !value.contains('\'') && !value.ends_with('\\') {
        return Ok(format!("'{value}'"));
    }
    if value.contains('\\') {
        return Err(cannot(
            "the application's reader cannot have a backslash in it here",
        ));
    }
    let escaped = value.replace('"', "\\\"").replace('$', "\\$");
    Ok(format!("\"{escaped}\""))
}

/// Whether the reader would run (`true`) or expand (`false`) something in it.
fn expands(raw: &str) -> Option<bool> {
    let bare = raw.trim();
    if bare.starts_with('\'') && closing(bare, '\'').is_some() {
        return None;
    }
    let mut found = None;
    let mut before = ' ';
    let mut chars = bare.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '$' && before != '\\' {
            match chars.peek() {
                Some('(') => return Some(true),
                Some(next) if next.is_ascii_alphanumeric() || matches!(next, '_' | '{') => {
                    found = Some(false);
                }
                _ => {}
            }
        }
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_the_reader_would_run_is_found_with_its_line() {
        let file = EnvFile::parse("A='$(id)'\n# c\nB=\"$(id)\"\nC=$HOME\nD=\"\\$HOME\"\nE=5$\n");
        assert_eq!(
            file.expansions(),
            [
                Expansion {
                    line: 3,
                    key: "B".into(),
                    runs: true
                },
                Expansion {
                    line: 4,
                    key: "C".into(),
                    runs: false
                },
            ]
        );
    }

    #[test]
    fn unknown_lines_and_long_values_are_kept() {
        let text = "# mine\nnot a pair\nKEY='two\nlines'\nLAST=x\n";
        let mut file = EnvFile::parse(text);
        assert_eq!(file.to_string(), text);
        assert_eq!(file.get("KEY").as_deref(), Some("two\nlines"));
        file.set("LAST", "it's 5$").unwrap();
        assert_eq!(
            file.to_string(),
            "# mine\nnot a pair\nKEY='two\nlines'\nLAST=\"it's 5\\$\"\n"
        );
        assert_eq!(file.get("LAST").as_deref(), Some("it's 5$"));
    }

    #[test]
    fn a_quote_that_is_not_closed_takes_no_other_setting_with_it() {
        let text = "FOO=\"abc\nDATABASE_URL='x'\n";
        let mut file = EnvFile::parse(text);
        file.set("FOO", "abc").unwrap();
        assert_eq!(file.to_string(), "FOO='abc'\nDATABASE_URL='x'\n");

        let mut file = EnvFile::parse("FOO='abc\nDATABASE_URL='x'\nexport BAR=1\n");
        assert_eq!(file.set("FOO", "abc").unwrap_err().exit_code(), 6);
        assert_eq!(file.unset("FOO").unwrap_err().exit_code(), 6);
        file.set("BAR", "2").unwrap();
        assert!(file.to_string().ends_with("x'\nexport BAR='2'\n"), "{file}");
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_back_and_never_expanded(value in "[^\\p{Cc}]{0,40}") {
            let mut file = EnvFile::default();
            if file.set("KEY", &value).is_ok() {
                let again = EnvFile::parse(&file.to_string());
                prop_assert_eq!(again.get("KEY"), Some(value));
                prop_assert!(again.expansions().is_empty());
            }
        }

        #[test]
        fn any_text_survives(text in "([^\r]*\n){0,6}") {
            let parsed = EnvFile::parse(&text);
            prop_assert_eq!(EnvFile::parse(&parsed.to_string()), parsed);
        }
    }
}
