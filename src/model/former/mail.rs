//! How mail left: by the application's own settings, or by ssmtp with the cluster's `ssmtp.conf`.

use serde_json::Value;

use super::settings::{Setting, Settings, in_words, switch};
use super::{Carried, Fate, FormerFiles};

/// The file that ssmtp reads.
const SSMTP: &str = "ssmtp/ssmtp.conf";

/// Settings of the application's mail library, and their names in an environment file.
const BY_SMTP: [(&str, &str); 8] = [
    ("address", "MAIL_SMTP_ADDRESS"),
    ("port", "MAIL_SMTP_PORT"),
    ("domain", "MAIL_SMTP_DOMAIN"),
    ("user_name", "MAIL_SMTP_USER_NAME"),
    ("password", "MAIL_SMTP_PASSWORD"),
    ("authentication", "MAIL_SMTP_AUTHENTICATION"),
    ("enable_starttls_auto", STARTTLS),
    ("openssl_verify_mode", "MAIL_SMTP_OPENSSL_VERIFY_MODE"),
];

/// Whether a connection is encrypted where the mail server offers it.
const STARTTLS: &str = "MAIL_SMTP_ENABLE_STARTTLS_AUTO";

/// The new version misreads its own setting for that, so that nothing turns it off.
const ALWAYS: &str = "the new version encrypts wherever the mail server offers it, and wants a \
                      certificate that it can verify (MAIL_SMTP_OPENSSL_VERIFY_MODE)";

/// What becomes of it.
pub fn carry(settings: &mut Settings, files: &FormerFiles, carried: &mut Carried) {
    let method = settings
        .take("mail.delivery_method")
        .or_else(|| settings.take("mail_delivery_method"));
    let way = method.as_ref().and_then(|method| in_words(&method.value));
    match (way.as_deref(), &method) {
        (Some("smtp"), _) => by_smtp(settings, carried),
        (Some("test"), _) => carried.say_mail("MAIL_DELIVERY_METHOD", "test"),
        (None | Some("sendmail"), _) => by_ssmtp(files, carried),
        (Some(_), Some(method)) => carried.leave(
            &method.file,
            "mail.delivery_method",
            "it sends by SMTP, by sendmail, or not at all",
        ),
        (Some(_), None) => {}
    }
    for (path, setting) in settings.take_below("mail") {
        let path = format!("mail.{path}");
        carried.leave(&setting.file, &path, "it belongs to another way of sending");
    }
}

fn by_smtp(settings: &mut Settings, carried: &mut Carried) {
    carried.say_mail("MAIL_DELIVERY_METHOD", "smtp");
    let mut said = Vec::new();
    // In v1 they stand in `mail` itself.
    for place in ["mail.smtp_settings", "mail"] {
        for (key, name) in BY_SMTP {
            let path = format!("{place}.{key}");
            let Some(Setting { value, file }) = settings.take(&path) else {
                continue;
            };
            match in_words(&value) {
                // What stands where the application looks counts.
                _ if said.contains(&name) => {
                    carried.leave(
                        &file,
                        &path,
                        "mail.smtp_settings has another one, which counts",
                    );
                }
                _ if name == STARTTLS => {
                    said.push(name);
                    starttls(&value, &file, &path, carried);
                }
                Some(text) => {
                    said.push(name);
                    carried.say_mail(name, plain(key, &text));
                }
                None => carried.leave(&file, &path, "it is no text"),
            }
        }
    }
    for (key, setting) in settings.take_below("mail.smtp_settings") {
        let path = format!("mail.smtp_settings.{key}");
        carried.leave(&setting.file, &path, "the new version has no such setting");
    }
}

fn starttls(value: &Value, file: &str, path: &str, carried: &mut Carried) {
    match switch(value) {
        Some(true) => carried.say_mail(STARTTLS, "true"),
        Some(false) => carried.leave(file, path, ALWAYS),
        None => carried.leave(file, path, "it is no switch"),
    }
}

/// A symbol of Ruby's is written with a colon; a password may begin with one.
fn plain<'a>(key: &str, text: &'a str) -> &'a str {
    match key {
        "authentication" | "openssl_verify_mode" => text.strip_prefix(':').unwrap_or(text),
        _ => text,
    }
}

fn by_ssmtp(files: &FormerFiles, carried: &mut Carried) {
    let text = files.ssmtp.as_deref().unwrap_or_default();
    let lines: Vec<(String, String)> = text.lines().filter_map(line).collect();
    let get = |key: &str| {
        let found = lines
            .iter()
            .rev()
            .find(|(k, _)| k.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    };
    let on = |key: &str| get(key).and_then(|text| switch(&Value::from(text)));
    let Some(hub) = get("mailhub") else {
        return;
    };
    let tls = on("UseTLS") == Some(true) && on("UseSTARTTLS") != Some(true);
    let (host, port) = match hub.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port),
        _ => (hub, if tls { "465" } else { "25" }),
    };
    carried.say_mail("MAIL_DELIVERY_METHOD", "smtp");
    carried.say_mail("MAIL_SMTP_ADDRESS", host);
    carried.say_mail("MAIL_SMTP_PORT", port);
    for (key, name) in [
        ("hostname", "MAIL_SMTP_DOMAIN"),
        ("AuthUser", "MAIL_SMTP_USER_NAME"),
        ("AuthPass", "MAIL_SMTP_PASSWORD"),
    ] {
        if let Some(value) = get(key) {
            carried.say_mail(name, value);
        }
    }
    if get("AuthUser").is_some() {
        let way = get("AuthMethod").unwrap_or("login").to_lowercase();
        carried.say_mail("MAIL_SMTP_AUTHENTICATION", &way.replace('-', "_"));
    }
    if on("UseSTARTTLS") == Some(true) {
        carried.say_mail(STARTTLS, "true");
    } else if !tls {
        // Also where nothing is said: ssmtp does not encrypt by itself.
        carried.remark(Fate::ToCheck, SSMTP, "UseSTARTTLS", ALWAYS);
    }
    leave_of_ssmtp(&lines, tls, carried);
    if files
        .revaliases
        .as_deref()
        .is_some_and(|text| text.lines().any(|l| line_of(l).is_some()))
    {
        let why = "senders are not rewritten any more";
        carried.remark(Fate::LeftInPlace, "ssmtp/revaliases", "all of it", why);
    }
}

/// The file is the cluster's, and stays there for others.
fn leave_of_ssmtp(lines: &[(String, String)], tls: bool, carried: &mut Carried) {
    for (key, value) in lines {
        let (fate, why) = match key.to_lowercase().as_str() {
            "mailhub" | "authuser" | "authpass" | "authmethod" | "usestarttls" | "hostname" => {
                continue;
            }
            "usetls" if !tls => continue,
            "usetls" => (Fate::ToCheck, "the new version only knows STARTTLS"),
            // The sender that the application gives is the one that counts anyway.
            "fromlineoverride" if switch(&Value::from(value.as_str())) == Some(true) => continue,
            _ => (
                Fate::LeftInPlace,
                "the new version sends by itself, without ssmtp",
            ),
        };
        carried.remark(fate, SSMTP, key, why);
    }
}

/// A line's key and value, comments left out.
fn line(text: &str) -> Option<(String, String)> {
    let (key, value) = line_of(text)?.split_once('=')?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then(|| (key.trim().to_owned(), value.to_owned()))
}

fn line_of(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && !text.starts_with('#')).then_some(text)
}
