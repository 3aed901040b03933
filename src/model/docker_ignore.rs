//! `.dockerignore`: which files of a directory are not part of what an image is built from.

use std::path::Path;

use glob::{MatchOptions, Pattern};

use crate::error::{Error, Result};

/// The patterns of a `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub struct DockerIgnore {
    patterns: Vec<(Pattern, bool)>,
}

/// `*` ends at a slash, as with the engine's own client.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl DockerIgnore {
    /// The patterns of a file: one a line, `!` in front for an exception, `#` for a comment.
    ///
    /// # Errors
    /// Exit 1 with the line that is no pattern.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let mut patterns = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (text, excepted) = match line.strip_prefix('!') {
                Some(rest) => (rest.trim(), true),
                None => (line, false),
            };
            let pattern = Pattern::new(&translated(text)).map_err(|error| {
                Error::failed(format!(
                    "{file}, line {}: {line:?} is no pattern",
                    number + 1
                ))
                .why(error)
                .next("mend that line")
            })?;
            patterns.push((pattern, excepted));
        }
        Ok(DockerIgnore { patterns })
    }

    /// Whether a path below the directory is left out: the last pattern that fits it, or a
    /// directory above it, decides.
    pub fn excludes(&self, path: &Path) -> bool {
        let fits = |pattern: &Pattern| {
            path.ancestors()
                .filter(|p| !p.as_os_str().is_empty())
                .any(|p| pattern.matches_path_with(p, OPTIONS))
        };
        let decides = self.patterns.iter().rfind(|(pattern, _)| fits(pattern));
        decides.is_some_and(|(_, excepted)| !excepted)
    }

    /// Whether something below a directory that is left out may be taken nevertheless.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, excepted)| *excepted)
    }
}

/// The pattern as the matcher writes it: from the directory on, `[!…]` for `[^…]`, and a bracket
/// around what a backslash escapes.
fn translated(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(special @ ('*' | '?' | '[' | ']')) => out.extend(['[', special, ']']),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            '[' if chars.next_if_eq(&'^').is_some() => out.push_str("[!"),
            _ => out.push(c),
        }
    }
    let parts: Vec<&str> = out
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left_out(patterns: &str, path: &str) -> bool {
        let ignore = DockerIgnore::parse(patterns, ".dockerignore").unwrap();
        ignore.excludes(Path::new(path))
    }

    #[test]
    fn patterns_begin_at_the_directory_and_mean_what_is_below_them_too() {
        assert!(left_out("node_modules", "node_modules/a/b.js"));
        assert!(!left_out("node_modules", "web/node_modules/a"));
        assert!(left_out("**/node_modules", "web/node_modules/a"));
        assert!(left_out("**/node_modules", "node_modules"));
        assert!(left_out("/tmp/", "tmp/x"));
        assert!(left_out("./tmp", "tmp/x"));
        assert!(left_out("*.log", "a.log"));
        assert!(!left_out("*.log", "log/a.log"));
        assert!(left_out("log/**", "log/a/b.log"));
        assert!(left_out("*/temp*", "a/temporary.txt"));
        assert!(left_out("temp?", "tempa"));
        assert!(left_out("[^a]b", "cb"));
        assert!(left_out("\\*", "*"));
        assert!(!left_out("\\*", "a"));
        assert!(!left_out("# a\n\n", "a"));
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        assert!(!left_out("*.md\n!README.md", "README.md"));
        assert!(left_out(
            "*.md\n!README*.md\nREADME-secret.md",
            "README-secret.md"
        ));
        assert!(!left_out("data\n!data/keep", "data/keep/x"));
        assert!(left_out("data\n!data/keep", "data/other"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        let error = DockerIgnore::parse("a\nb[", "x/.dockerignore").unwrap_err();
        assert!(error.what.contains("line 2"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,60}", path in "[a-z./*]{1,20}") {
            if let Ok(ignore) = DockerIgnore::parse(&text, "x") {
                ignore.excludes(Path::new(&path));
            }
        }

        #[test]
        fn a_plain_name_means_itself_and_all_below(name in "[a-z][a-z0-9_-]{0,9}", below in "[a-z]{1,5}") {
            prop_assert!(left_out(&name, &name));
            let path = format!("{name}/{below}");
            prop_assert!(left_out(&name, &path));
            let other = format!("x{name}");
            prop_assert!(!left_out(&name, &other));
        }
    }
}
