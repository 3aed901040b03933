//! Dumps that want more than the one schema.

use crate::archives::{file, gzip, tar};
use crate::hostile::ground::Ground;

/// A snapshot of nothing but this dump, and what the application needs.
fn with_dump(text: &str) -> Vec<u8> {
    let whole = format!("{text}\n-- Dump completed on 2026-01-01 00:00:00\n");
    gzip(&tar(&[
        file("./data/settings.json", b"{}"),
        file("./db.sql.gz", &gzip(whole.as_bytes())),
    ]))
}

pub fn reach_for_more(ground: &Ground) {
    let dumps = [
        "USE mysql;",
        "USE kor_other;",
        "/*M!100100 USE kor_other */;",
        "DELIMITER //\nUSE kor_other//\nDROP TABLE users//\nDELIMITER ;",
        "CREATE DATABASE kct;",
        "/*!32312 CREATE DATABASE IF NOT EXISTS `kct` */;",
        "DROP DATABASE kor_main;",
        "/*!50000 DROP TABLE `kor_other`.`users` */;",
        "INSERT INTO kor_other.tags (name) VALUES ('x');",
        "CREATE TABLE a AS SELECT * FROM kor_other.users;",
        "CREATE VIEW a AS SELECT * FROM mysql.global_priv;",
        "RENAME TABLE kor_other.users TO users;",
        "CREATE TABLE a (id INT, FOREIGN KEY (id) REFERENCES kor_other.users (id));",
        "EXECUTE IMMEDIATE 'DROP TABLE kor_other.users';",
        "GRANT ALL ON *.* TO CURRENT_USER();",
        "/*!50000 GRANT ALL ON *.* TO kor_main */;",
        "SET PASSWORD FOR root@localhost = PASSWORD('kct');",
        "SET GLOBAL general_log_file = '/tmp/kct', GLOBAL general_log = 1;",
        "SET SESSION sql_log_bin = 0;",
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE a;",
        "CREATE TABLE a (t TEXT); LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE a;",
        "SELECT 'x' INTO OUTFILE '/var/lib/mysql/kct';",
        "SELECT 'x' INTO DUMPFILE '/var/lib/mysql/kct';",
        "CREATE FUNCTION kct RETURNS STRING SONAME 'kct.so';",
        "CREATE EVENT kor_other.kct ON SCHEDULE EVERY 1 SECOND DO SELECT 1;",
        "FLUSH TABLES WITH READ LOCK;",
        // Definers where no dump program writes them, so that nobody takes them out.
        "create definer=root@localhost procedure p() select 1;",
        "CREATE\nDEFINER=`root`@`localhost`\nPROCEDURE p() SELECT 1;",
        "/*!50003 create definer=`root`@`%` view a as select 1 */;",
        "SELECT 1; CREATE DEFINER=`root`@`localhost` VIEW a AS SELECT 1;",
        "CREATE TABLE a (b INT);\n-- '\nCREATE /* x */ DEFINER=root@localhost TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1;",
    ];
    for dump in dumps {
        ground.refuses(dump, "tar.gz", &with_dump(dump), &["cannot be loaded"]);
    }
    // One that is cut inside its last statement, one that brings nothing, one that takes it back.
    let cut = gzip(&tar(&[file(
        "./db.sql.gz",
        &gzip(b"CREATE TABLE a (b INT);\nINSERT INTO a VALUES ("),
    )]));
    ground.refuses(
        "a dump that is cut off",
        "tar.gz",
        &cut,
        &["Dump completed"],
    );
    ground.refuses("an empty dump", "tar.gz", &with_dump(""), &["no table"]);
}

pub fn command_the_client(ground: &Ground) {
    for command in [
        "\\! touch /tmp/kct",
        "system touch /tmp/kct",
        "SELECT 1 \\! touch /tmp/kct",
        "SELECT 1; \\! touch /tmp/kct",
        "source /etc/passwd",
        "\\. /etc/passwd",
        "tee /tmp/kct",
        "\\T /tmp/kct",
        "pager touch /tmp/kct",
        "\\u kor_other",
        "\\r kor_other localhost",
        "edit",
        "DELIMITER ;;\n\\! touch /tmp/kct ;;\n",
        "/*!50000 \\! touch /tmp/kct */;",
    ] {
        let dump = format!("{command}\n;");
        ground.refuses(command, "tar.gz", &with_dump(&dump), &["cannot be loaded"]);
    }
}
