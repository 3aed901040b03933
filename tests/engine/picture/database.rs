//! Schemas by their tables' shapes, rows and sums; users and their rights.

use std::path::Path;

use super::Picture;
use super::running::PATIENCE;
use crate::call::Ran;
use crate::docker::docker;
use crate::harness::until;

const NAMES: &str = "\
    select 'schema', schema_name from information_schema.schemata where schema_name like 'kor%'; \
    select 'user', concat(user, '@', host) from mysql.global_priv; \
    select 'table', concat(table_schema, '.', table_name), \
        md5(group_concat(column_name, ' ', column_type, ' ', is_nullable order by ordinal_position)) \
        from information_schema.columns where table_schema like 'kor%' \
        group by table_schema, table_name;";

pub fn add(picture: &mut Picture, name: &str, root: &Path) {
    let container = format!("{name}_mysql");
    let login = login(&container, root);
    until("the database answers", PATIENCE, || {
        ask(&container, &login, "select 1").code == 0
    });
    let names = ask(&container, &login, NAMES).ok();
    let mut more = vec!["set @a = 1".to_owned()];
    for line in names.text().lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["table", table, shape] => {
                picture.add(format!("shape {table}"), shape);
                more.push(format!("checksum table {table}"));
                more.push(format!("select 'rows', '{table}', count(*) from {table}"));
            }
            ["user", user] => {
                picture.add(format!("user {user}"), "there");
                let account = user.replacen('@', "'@'", 1);
                more.push(format!("show grants for '{account}'"));
            }
            [kind, name] => picture.add(format!("{kind} {name}"), "there"),
            _ => panic!("{line}"),
        }
    }
    let said = ask(&container, &login, &more.join("; ")).ok();
    for line in said.text().lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["rows", table, count] => picture.add(format!("rows {table}"), count),
            [table, sum] => picture.add(format!("sum {table}"), sum),
            [grant] => {
                let grant = grant.replace('\\', "");
                // Passwords are drawn: that they fit is seen by who logs in.
                let grant = grant.split(" IDENTIFIED BY").next().unwrap();
                let (rights, user) = grant.split_once(" TO ").unwrap();
                picture.add(format!("rights of {user}"), rights);
            }
            _ => panic!("{line}"),
        }
    }
}

fn ask(container: &str, login: &[String], statement: &str) -> Ran {
    let mut words = vec!["exec", container, "mariadb"];
    words.extend(login.iter().map(String::as_str));
    words.extend(["--host=localhost", "-BNe", statement]);
    docker(&words)
}

/// The administrator's, also of a cluster that nobody took over yet.
fn login(container: &str, root: &Path) -> Vec<String> {
    let ours = "/etc/kor-cluster/client.cnf";
    if docker(&["exec", container, "test", "-e", ours]).code == 0 {
        return vec![format!("--defaults-extra-file={ours}")];
    }
    let config = std::fs::read_to_string(root.join("config.sh")).unwrap();
    let password = config
        .lines()
        .find_map(|line| line.strip_prefix("DB_PASSWORD="));
    vec!["-uroot".to_owned(), format!("-p{}", password.unwrap())]
}
