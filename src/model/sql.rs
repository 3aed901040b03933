//! Quoting for statements that go to the database's own client on standard input.

/// An identifier in backticks.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A schema's name as `GRANT … ON` wants it: `_` and `%` are wildcards there and must be escaped,
/// else the user of `kor_a_b` reaches `kor_axb`.
pub fn grant_pattern(schema: &str) -> String {
    let escaped = schema
        .replace('\\', "\\\\")
        .replace('_', "\\_")
        .replace('%', "\\%");
    identifier(&escaped)
}

/// A string literal.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\x1a' => quoted.push_str("\\Z"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// `'user'@'%'`: accounts may come from any container of the cluster's own network.
pub fn account(user: &str) -> String {
    format!("{}@'%'", literal(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_a_grant_are_escaped() {
        assert_eq!(grant_pattern("kor_a_b"), "`kor\\_a\\_b`");
        assert_eq!(grant_pattern("a%"), "`a\\%`");
    }

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(literal("a'b\\"), "'a''b\\\\'");
    }
}
