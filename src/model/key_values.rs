//! `config.sh`: `KEY=value` text that a shell can read. It is parsed and never run; lines that
//! nobody here knows are kept as they stand.

use std::fmt;

use crate::error::{Error, Result};

/// One line of the file, with its end as it stands there: what is not set stays byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// A comment or a blank line.
    Other(String),
    /// `KEY=value`
    Pair {
        text: String,
        prefix: String,
        key: String,
        raw: String,
    },
}

impl Line {
    fn text(&self) -> &str {
        match self {
            Line::Other(text) | Line::Pair { text, .. } => text,
        }
    }

    /// A pair with a new value; a line that ended as on Windows goes on doing so.
    fn pair(before: &str, prefix: &str, key: &str, raw: String) -> Self {
        let end = if before.ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        Line::Pair {
            text: format!("{prefix}{key}={raw}{end}"),
            prefix: prefix.to_owned(),
            key: key.to_owned(),
            raw,
        }
    }
}

/// A parsed `config.sh`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyValues {
    lines: Vec<Line>,
}

/// A value that a shell would have run or expanded; here it is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCode {
    /// The line in the file, from 1.
    pub line: usize,
    /// Its key.
    pub key: String,
}

impl KeyValues {
    /// Parses the text of a file; `file` is for the message alone.
    ///
    /// # Errors
    /// Exit 1 with file and line where a line is neither blank, nor a comment, nor `KEY=value`.
    pub fn parse(text: &str, file: impl fmt::Display) -> Result<Self> {
        let mut lines = Vec::new();
        for (index, text) in text.split_inclusive('\n').enumerate() {
            let line = text.trim_end_matches(['\r', '\n']);
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                lines.push(Line::Other(text.to_owned()));
                continue;
            }
            let pair = bare.strip_prefix("export ").unwrap_or(bare).trim_start();
            match pair.split_once('=') {
                Some((key, raw)) if is_key(key) => lines.push(Line::Pair {
                    text: text.to_owned(),
                    prefix: line.split(key).next().unwrap_or_default().to_owned(),
                    key: key.to_owned(),
                    raw: raw.to_owned(),
                }),
                _ => {
                    return Err(Error::failed(format!(
                        "{file}, line {} is not KEY=value",
                        index + 1
                    ))
                    .why(format!("it says {line:?}"))
                    .next("mend that line, then run the command again"));
                }
            }
        }
        Ok(KeyValues { lines })
    }

    /// The value of a key; the last line that has it counts, as in a shell.
    pub fn get(&self, key: &str) -> Option<String> {
        self.raw(key).map(|raw| decode(raw).text)
    }

    /// Sets a key, in its place where it stands already, else at the end.
    ///
    /// # Errors
    /// Exit 2 where the value has a control character.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if !is_key(key) {
            return Err(Error::usage(format!("{key:?} is no key")));
        }
        if value.chars().any(char::is_control) {
            return Err(
                Error::usage(format!("the value of {key} cannot be written"))
                    .why("it has a line break or another control character"),
            );
        }
        let raw = encode(value);
        let old = self
            .lines
            .iter_mut()
            .rev()
            .find(|line| matches!(line, Line::Pair { key: k, .. } if k == key));
        match old {
            Some(line) => {
                let prefix = match line {
                    Line::Pair { prefix, .. } => prefix.clone(),
                    Line::Other(_) => String::new(),
                };
                *line = Line::pair(line.text(), &prefix, key, raw);
            }
            None => {
                self.end_last_line();
                self.lines.push(Line::pair("", "", key, raw));
            }
        }
        Ok(())
    }

    /// Takes every line of a key out; whether there was one.
    pub fn unset(&mut self, key: &str) -> bool {
        let before = self.lines.len();
        self.lines
            .retain(|line| !matches!(line, Line::Pair { key: k, .. } if k == key));
        before != self.lines.len()
    }

    /// The keys in their order, each once.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        for line in &self.lines {
            if let Line::Pair { key, .. } = line
                && !keys.contains(&key.as_str())
            {
                keys.push(key.as_str());
            }
        }
        keys
    }

    /// The values that a shell would have run or expanded.
    pub fn shell_code(&self) -> Vec<ShellCode> {
        self.lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| match line {
                Line::Pair { key, raw, .. } if decode(raw).shell_code => Some(ShellCode {
                    line: index + 1,
                    key: key.clone(),
                }),
                _ => None,
            })
            .collect()
    }

    /// The original leaves its last line without an end; what is added begins on its own.
    fn end_last_line(&mut self) {
        if let Some(Line::Other(text) | Line::Pair { text, .. }) = self.lines.last_mut()
            && !text.ends_with('\n')
        {
            text.push('\n');
        }
    }

    fn raw(&self, key: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Pair { key: k, raw, .. } if k == key => Some(raw.as_str()),
            _ => None,
        })
    }
}

impl fmt::Display for KeyValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| f.write_str(line.text()))
    }
}

/// Whether a text can be a key: a shell variable's name.
pub fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

struct Decoded {
    text: String,
    shell_code: bool,
}

/// Takes the quotes off as a shell does, and nothing else: what would be run stays text.
fn decode(raw: &str) -> Decoded {
    let mut text = String::new();
    let mut shell_code = false;
    let mut chars = raw.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => text.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                while let Some(inner) = chars.next() {
                    match inner {
                        '"' => break,
                        '\\' if matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) => {
                            text.extend(chars.next());
                        }
                        '$' | '`' => {
                            shell_code = true;
                            text.push(inner);
                        }
                        other => text.push(other),
                    }
                }
            }
            '\\' => text.extend(chars.next()),
            // A comment behind the value.
            '#' if text.ends_with([' ', '\t']) => {
                text.truncate(text.trim_end().len());
                break;
            }
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                shell_code = true;
                text.push(c);
            }
            ' ' | '\t' => {
                let comment = chars.clone().find(|c| !c.is_whitespace()) == Some('#');
                shell_code |= !comment;
                text.push(c);
            }
            other => text.push(other),
        }
    }
    Decoded { text, shell_code }
}

/// The value as a shell reads it back, without quotes where it needs none.
fn encode(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_original_s_files_are_read_and_kept() {
        let text = "# made by hand\nCLUSTER_NAME=abc\nexport X=1\n\nUNKNOWN=keep me\nPORT=8001";
        let mut parsed = KeyValues::parse(text, "config.sh").unwrap();
        assert_eq!(parsed.get("PORT").as_deref(), Some("8001"));
        assert_eq!(parsed.get("X").as_deref(), Some("1"));
        parsed.set("PORT", "8002").unwrap();
        assert_eq!(
            parsed.to_string(),
            "# made by hand\nCLUSTER_NAME=abc\nexport X=1\n\nUNKNOWN=keep me\nPORT=8002\n"
        );
    }

    #[test]
    fn what_is_not_set_stays_byte_for_byte() {
        let text = "A=1  \r\n  export B = x\nB='two'   # why\r\n\tC=3";
        let parsed = KeyValues::parse(text, "f");
        assert!(parsed.is_err(), "a blank before = is no assignment");
        let text = "A=1  \r\nB='two'   # why\r\n\tC=3";
        let mut parsed = KeyValues::parse(text, "f").unwrap();
        assert_eq!(parsed.to_string(), text);
        parsed.set("NEW", "x").unwrap();
        assert_eq!(parsed.to_string(), format!("{text}\nNEW=x\n"));
        parsed.set("B", "3").unwrap();
        assert!(parsed.to_string().starts_with("A=1  \r\nB=3\r\n\tC=3\n"));
    }

    #[test]
    fn shell_code_is_text_and_reported() {
        let parsed =
            KeyValues::parse("A=$(rm -rf /)\nB='$x'\nC=\"`id`\"\nD=1 # note\n", "f").unwrap();
        assert_eq!(parsed.get("A").as_deref(), Some("$(rm -rf /)"));
        assert_eq!(parsed.get("B").as_deref(), Some("$x"));
        assert_eq!(parsed.get("D").as_deref(), Some("1"));
        let keys: Vec<_> = parsed.shell_code().into_iter().map(|c| c.key).collect();
        assert_eq!(keys, ["A", "C"]);
    }

    #[test]
    fn a_line_without_equals_names_file_and_line() {
        let error = KeyValues::parse("A=1\nrm -rf /\n", "/x/config.sh").unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.what.contains("/x/config.sh, line 2"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_back(value in "[^\\p{Cc}]{0,40}") {
            let mut file = KeyValues::default();
            file.set("KEY", &value).unwrap();
            let again = KeyValues::parse(&file.to_string(), "f").unwrap();
            prop_assert_eq!(again.get("KEY"), Some(value));
            prop_assert!(again.shell_code().is_empty());
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*(\n\\PC*){0,5}") {
            if let Ok(parsed) = KeyValues::parse(&text, "f") {
                let again = KeyValues::parse(&parsed.to_string(), "f").unwrap();
                prop_assert_eq!(again, parsed);
            }
        }
    }
}
