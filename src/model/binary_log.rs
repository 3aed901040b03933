//! What a range of the database's binary log holds, told from what `mariadb-binlog` prints of it:
//! whether it can be replayed on a copy of one schema. `docs/architecture.md` has why it is asked.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the binary log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The name of the log's file.
    pub file: String,
    /// In bytes, behind an event.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

impl Position {
    /// What a dump says of the place that it is of, in a line of its head.
    pub fn of_dump_line(line: &str) -> Option<Self> {
        let rest = line
            .trim_start_matches("-- ")
            .strip_prefix("CHANGE MASTER TO MASTER_LOG_FILE='")?;
        let (file, rest) = rest.split_once("', MASTER_LOG_POS=")?;
        Some(Position {
            file: file.to_owned(),
            offset: rest.trim_end_matches(';').trim().parse().ok()?,
        })
    }
}

/// How a statement ends in the output.
const END: &str = "/*!*/;";

/// How a line of a statement that rows came of begins: a remark, and an author's text.
const ANNOTATION: &str = "#Q>";

/// How statements begin that only begin and end transactions.
const CONTROL: [&str; 7] = [
    "START TRANSACTION",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "XA ",
    "SAVEPOINT",
    "DELIMITER",
];

/// How settings begin that the program puts before statements.
const SETTINGS: [&str; 8] = [
    "SET @@session.",
    "SET @@SESSION.",
    "SET TIMESTAMP=",
    "SET INSERT_ID=",
    "SET LAST_INSERT_ID=",
    "SET @OLD_COMPLETION_TYPE=",
    "SET COMPLETION_TYPE=",
    "\\C ",
];

/// Reads what `mariadb-binlog --base64-output=decode-rows` prints, line by line.
#[derive(Debug)]
pub struct Scan<'a> {
    schema: &'a str,
    safe: &'a [String],
    default: String,
    statement: String,
    touched: BTreeSet<String>,
    held: Held,
}

/// What a range holds of the schema's.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Why the range cannot be replayed.
    pub objection: Option<String>,
    /// The tables that rows were written to.
    pub tables: BTreeSet<String>,
    /// Whether there are statements, which may concern any of its tables.
    pub statements: bool,
}

impl Held {
    /// Whether nothing in the range concerns a table.
    pub fn spares(&self, table: &str) -> bool {
        self.objection.is_none() && !self.statements && !self.tables.contains(table)
    }
}

impl<'a> Scan<'a> {
    /// Of a schema; statements that begin like one of `safe` are known to do no harm.
    pub fn new(schema: &'a str, safe: &'a [String]) -> Self {
        Scan {
            schema,
            safe,
            default: String::new(),
            statement: String::new(),
            touched: BTreeSet::new(),
            held: Held::default(),
        }
    }

    /// The next line, without its end.
    pub fn line(&mut self, line: &str) {
        if line.starts_with(ANNOTATION) {
            return;
        }
        if line.starts_with('#') && self.statement.is_empty() {
            self.event(line);
            return;
        }
        if !self.statement.is_empty() {
            self.statement.push('\n');
        }
        match line.strip_suffix(END) {
            None => self.statement.push_str(line),
            Some(last) => {
                self.statement.push_str(last);
                let statement = std::mem::take(&mut self.statement);
                self.judge(statement.trim());
            }
        }
    }

    /// What the range holds.
    pub fn finish(self) -> Held {
        self.held
    }

    fn event(&mut self, line: &str) {
        if let Some((_, map)) = line.split_once("\tTable_map: `") {
            let (schema, rest) = map.split_once("`.`").unwrap_or((map, ""));
            self.touched.insert(schema.to_owned());
            if schema == self.schema {
                let table = rest
                    .rsplit_once("` mapped to")
                    .map_or(rest, |(name, _)| name);
                self.held.tables.insert(table.to_owned());
            }
        } else if line.contains("flags: STMT_END_F") {
            if self.touched.len() > 1 && self.touched.contains(self.schema) {
                let all: Vec<&str> = self.touched.iter().map(String::as_str).collect();
                let all = all.join(", ");
                self.object(format!("one statement wrote to several schemas: {all}"));
            }
            self.touched.clear();
        } else if line.contains("\tIncident") {
            self.object("the log says that something is missing in it".to_owned());
        }
    }

    fn judge(&mut self, statement: &str) {
        if statement.is_empty() || is_setting(statement) || is_control(statement) {
            return;
        }
        if let Some(name) = statement.strip_prefix("use `") {
            self.default = name.trim_end_matches('`').replace("``", "`");
            return;
        }
        let own = self.default == self.schema;
        self.held.statements |= own;
        let first = statement.lines().next().unwrap_or_default();
        let shown: String = first.chars().take(120).collect();
        if own && !self.is_safe(statement) {
            self.object(format!("a statement in the schema: {shown}"));
        } else if !own && mentions(statement, self.schema) {
            self.object(format!("a statement that names the schema: {shown}"));
        }
    }

    /// A statement that is known, and that names nothing of another schema's.
    fn is_safe(&self, statement: &str) -> bool {
        let known = self.safe.iter().any(|safe| statement.starts_with(safe));
        known && !statement.contains('.') && !statement.contains(';')
    }

    fn object(&mut self, why: String) {
        self.held.objection.get_or_insert(why);
    }
}

fn is_setting(statement: &str) -> bool {
    let bare = match statement
        .strip_prefix("/*M!")
        .or_else(|| statement.strip_prefix("/*!"))
    {
        Some(code) => code
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start(),
        None => statement,
    };
    SETTINGS.iter().any(|setting| bare.starts_with(setting))
}

fn is_control(statement: &str) -> bool {
    CONTROL.iter().any(|word| {
        statement
            .get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    })
}

/// Whether a text has a name in it that is not just a part of a longer one.
fn mentions(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_of_name) && !after.is_some_and(is_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str) -> Held {
        let safe = ["ALTER TABLE tags MODIFY name ".to_owned()];
        let mut scan = Scan::new("kor_a", &safe);
        text.lines().for_each(|line| scan.line(line));
        scan.finish()
    }

    /// Rows as the program prints them, of these schemas in one statement.
    fn rows(schemas: &[&str]) -> String {
        let mut text = "START TRANSACTION\n/*!*/;\n".to_owned();
        for schema in schemas {
            text.push_str(&format!(
                "#261125  9:57:25 server id 1  end_log_pos 1275 CRC32 0x0 \tTable_map: `{schema}`.`t` mapped to number 18\n"
            ));
        }
        text.push_str("#Q> insert into x values ('\tTable_map: `kor_z`.`t`')\n");
        text.push_str("#261125  9:57:25 server id 1  end_log_pos 1315 CRC32 0x0 \tWrite_rows: table id 18 flags: STMT_END_F\n");
        text.push_str("COMMIT/*!*/;\n");
        text
    }

    fn statement(schema: &str, text: &str) -> String {
        format!(
            "#261125  9:57:25 server id 1  end_log_pos 1514 CRC32 0x0 \tQuery\tthread_id=6\n\
             use `{schema}`/*!*/;\nSET TIMESTAMP=1795600645/*!*/;\n\
             /*!\\C latin1 *//*!*/;\n/*M!100001 SET @@session.gtid_seq_no=7*//*!*/;\n{text}\n/*!*/;\n"
        )
    }

    #[test]
    fn rows_of_one_schema_are_replayed() {
        let of_t = Held {
            tables: BTreeSet::from(["t".to_owned()]),
            ..Held::default()
        };
        assert!(of_t.spares("u") && !of_t.spares("t"));
        assert_eq!(scanned(&rows(&["kor_a"])), of_t);
        assert_eq!(scanned(&rows(&["kor_b"])), Held::default());
        let both = rows(&["kor_a"]) + &rows(&["kor_b"]);
        assert_eq!(scanned(&both), of_t);
    }

    #[test]
    fn what_covers_two_schemas_at_once_is_not() {
        let held = scanned(&rows(&["kor_a", "kor_b"]));
        assert!(!held.spares("u"));
        assert!(held.objection.unwrap().contains("kor_a, kor_b"));
        assert_eq!(scanned(&rows(&["kor_b", "kor_c"])), Held::default());
    }

    #[test]
    fn statements_are_told_by_where_they_are_and_whom_they_name() {
        for (schema, text, is_fine) in [
            ("kor_a", "ALTER TABLE tags MODIFY name varchar(255)", true),
            (
                "kor_a",
                "ALTER TABLE tags MODIFY name int, RENAME kor_b.x",
                false,
            ),
            ("kor_a", "create table x (id int)", false),
            ("kor_a", "DROP TABLE `x` /* generated by server */", false),
            ("kor_a", "/*!40000 ALTER TABLE t DISABLE KEYS */", false),
            ("kor_a", "create user foo identified by 'x'", false),
            ("kor_a", "SET PASSWORD FOR x='y'", false),
            ("kor_b", "truncate table kor_a.tags", false),
            ("kor_b", "DROP DATABASE `kor_a`", false),
            (
                "kor_b",
                "create table x (id int)\n-- of kor_a_b and my_kor_a",
                true,
            ),
            ("kor_a__tag", "ALTER TABLE tags ADD x int", true),
            ("kor_b", "create table y (\n# kor_a\nid int)", false),
        ] {
            let why = scanned(&statement(schema, text)).objection;
            assert_eq!(why.is_none(), is_fine, "{schema}: {text}: {why:?}");
        }
    }

    #[test]
    fn the_default_schema_holds_until_the_next() {
        let text = statement("kor_b", "create table x (id int)")
            + "DROP TABLE `x`\n/*!*/;\n"
            + &statement("kor_a", "ALTER TABLE tags MODIFY name int");
        let known = scanned(&text);
        assert_eq!(known.objection, None);
        assert!(!known.spares("tags"), "a statement may concern any table");
        let held = scanned(&(text + "TRUNCATE TABLE tags\n/*!*/;\n"));
        assert!(held.objection.unwrap().contains("TRUNCATE"));
    }

    #[test]
    fn a_dump_says_where_it_begins() {
        let line = "-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000002', MASTER_LOG_POS=342;";
        let position = Position::of_dump_line(line).unwrap();
        assert_eq!(position.to_string(), "binlog.000002:342");
        assert_eq!(Position::of_dump_line("-- CHANGE MASTER TO x"), None);
    }
}
