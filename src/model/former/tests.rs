use serde_json::json;

use super::*;

fn of(yaml: &str) -> Carried {
    with(FormerFiles {
        settings: vec![("kor.yml".to_owned(), yaml.to_owned())],
        ..FormerFiles::default()
    })
}

fn with(files: FormerFiles) -> Carried {
    Carried::of(&files).unwrap()
}

fn env(carried: &Carried) -> Vec<String> {
    let line = |(key, value): &(String, Secret)| format!("{key}={}", value.reveal());
    carried.env.iter().map(line).collect()
}

fn of_fate(carried: &Carried, fate: Fate) -> Vec<&str> {
    let remarks = carried.remarks.iter();
    remarks
        .filter(|remark| remark.fate == fate)
        .map(|remark| remark.setting.as_str())
        .collect()
}

fn left(carried: &Carried) -> Vec<&str> {
    of_fate(carried, Fate::LeftBehind)
}

#[test]
fn an_address_has_a_port_where_it_is_not_the_usual_one() {
    for (host, address) in [
        ("{host: kor.example.org}", "http://kor.example.org"),
        ("{host: a.b, port: 80}", "http://a.b"),
        ("{host: a.b, protocol: https, port: '443'}", "https://a.b"),
        ("{host: a.b, protocol: https, port: 80}", "https://a.b:80"),
        ("{host: a.b, port: 8001}", "http://a.b:8001"),
    ] {
        let carried = of(&format!("all: {{host: {host}}}\n"));
        assert_eq!(env(&carried), [format!("ROOT_URL={address}")]);
    }
    assert!(env(&of("all: {host: {port: 80}}\n")).is_empty());
}

#[test]
fn what_the_application_keeps_itself_is_of_the_kind_that_it_wants() {
    let carried = of("production:
  app: {welcome_text: 7, max_results_per_request: '100', max_file_upload_size: 12,
    gallery: {primary_relations: [shows], secondary_relations: one}}
  auth: {session_lifetime: 2:00:00, publishment_lifetime: never, default_groups: []}
  limits: {max_file_upload_size: 30, max_download_group_size: 80.5}
  maintainer: {legal_text: }
");
    assert_eq!(
        Value::from(carried.settings.clone()),
        json!({
            "welcome_text": "7", "max_results_per_request": 100, "max_file_upload_size": 12,
            "primary_relations": ["shows"], "secondary_relations": ["one"],
            "session_lifetime": 7200, "default_groups": [], "max_download_group_size": 80.5,
        })
    );
    assert_eq!(
        left(&carried),
        ["limits.max_file_upload_size", "auth.publishment_lifetime"]
    );
    assert!(carried.remarks[0].why.contains("app.max_file_upload_size"));
}

#[test]
fn texts_in_files_of_their_own_count_where_the_settings_have_none() {
    let files = |yaml: &str| FormerFiles {
        settings: vec![("kor.yml".to_owned(), yaml.to_owned())],
        legal: Some("law\n".to_owned()),
        about: Some("\n".to_owned()),
        help: Some("# nothing\n".to_owned()),
        signing_key: Some(Secret::new("key\n")),
        ..FormerFiles::default()
    };
    let carried = with(files(""));
    assert_eq!(
        Value::from(carried.settings.clone()),
        json!({"legal_text": "law"})
    );
    assert_eq!(env(&carried), ["SECRET_KEY_BASE=key"]);
    assert!(carried.remarks.is_empty());
    let carried = with(files("all: {maintainer: {legal_text: other}}"));
    assert_eq!(carried.settings["legal_text"], "other");
    assert_eq!(carried.remarks[0].file, LEGAL);
}

#[test]
fn what_has_no_place_is_named_and_what_says_nothing_is_not() {
    let carried = with(FormerFiles {
        settings: vec![
            (
                "kor.yml".to_owned(),
                "all: {piwik: {url: u, id: '1'}, custom_css_file: data/custom.css, \
                 app: {current_history_length: 5, use_blaze: true}}"
                    .to_owned(),
            ),
            (
                "kor.app.yml".to_owned(),
                "production: {help: {a: }}".to_owned(),
            ),
        ],
        help: Some("de: {help: {}}".to_owned()),
        has_custom_css: true,
        ..FormerFiles::default()
    });
    let remarks = carried.remarks.iter();
    let files: Vec<&str> = remarks.map(|remark| remark.file.as_str()).collect();
    assert_eq!(files, ["kor.yml", "kor.yml", "kor.yml", CUSTOM_CSS, HELP]);
    // With all other content.
    assert_eq!(of_fate(&carried, Fate::LeftInPlace), ["all of it"]);
    assert_eq!(
        left(&carried)[..3],
        ["app.use_blaze", "piwik.id", "piwik.url"]
    );
    assert!(carried.env.is_empty() && carried.settings.is_empty());
}

#[test]
fn sources_get_names_of_letters() {
    let carried = of("all:
  auth:
    sources:
      remote_user: {type: env, user: [REMOTE_USER, X], domain: [a.b], splitter: '[,;]+', more: 1}
      remoteuser: {type: env}
      ldap: {script: /opt/ldap, map_to: [a]}
      '1': {type: env}
");
    assert_eq!(
        env(&carried),
        [
            "AUTH_SOURCE_LDAP_SCRIPT=/opt/ldap",
            "AUTH_SOURCE_REMOTEUSER_DOMAIN=a.b",
            "AUTH_SOURCE_REMOTEUSER_SPLITTER=[,;]+",
            "AUTH_SOURCE_REMOTEUSER_TYPE=env",
            "AUTH_SOURCE_REMOTEUSER_USER=REMOTE_USER X",
            "AUTH_SOURCES=ldap remoteuser",
        ]
    );
    let whole = |name: &str| format!("auth.sources.{name}");
    assert_eq!(
        left(&carried),
        [
            "1.type",
            "ldap.map_to",
            "remote_user.more",
            "remoteuser.type"
        ]
        .map(whole)
    );
    let to_check = of_fate(&carried, Fate::ToCheck);
    assert_eq!(to_check, [whole("ldap.script")]);
}

#[test]
fn mail_leaves_by_what_it_left_by() {
    let ssmtp = "mailhub=mail.example.org:587\nAuthUser=kor\nAuthPass=\"a=b\"\nUseSTARTTLS=YES\n\
                 FromLineOverride=YES\nrewriteDomain=example.org\n# hostname=x\n";
    let files = |yaml: &str| FormerFiles {
        settings: vec![("kor.yml".to_owned(), yaml.to_owned())],
        ssmtp: Some(ssmtp.to_owned()),
        revaliases: Some("root:a@b:mail\n".to_owned()),
        ..FormerFiles::default()
    };
    let by_ssmtp = [
        "MAIL_DELIVERY_METHOD=smtp",
        "MAIL_SMTP_ADDRESS=mail.example.org",
        "MAIL_SMTP_PORT=587",
        "MAIL_SMTP_USER_NAME=kor",
        "MAIL_SMTP_PASSWORD=a=b",
        "MAIL_SMTP_AUTHENTICATION=login",
        "MAIL_SMTP_ENABLE_STARTTLS_AUTO=true",
    ];
    for yaml in [
        "",
        "production: {mail: {delivery_method: sendmail}}",
        "all: {mail_delivery_method: sendmail}",
    ] {
        let carried = with(files(yaml));
        assert_eq!(env(&carried), by_ssmtp);
        // Others may be there who send by it.
        let stays = of_fate(&carried, Fate::LeftInPlace);
        assert_eq!(stays, ["rewriteDomain", "all of it"]);
        assert_eq!(carried.remarks.len(), 2);
    }
    let carried = with(files(
        "production: {mail: {delivery_method: smtp, smtp_settings: {address: a, port: 25, \
         authentication: :plain, tls: true}, sendmail_settings: {location: x}}}",
    ));
    assert_eq!(
        env(&carried),
        [
            "MAIL_DELIVERY_METHOD=smtp",
            "MAIL_SMTP_ADDRESS=a",
            "MAIL_SMTP_PORT=25",
            "MAIL_SMTP_AUTHENTICATION=plain",
        ]
    );
    assert_eq!(
        left(&carried),
        ["mail.smtp_settings.tls", "mail.sendmail_settings.location"]
    );
    // As it stood in v1; and off, as in a clone.
    let old = with(files(
        "all: {mail_delivery_method: smtp, mail: {address: a, domain: b}}",
    ));
    assert_eq!(
        env(&old)[1..],
        ["MAIL_SMTP_ADDRESS=a", "MAIL_SMTP_DOMAIN=b"]
    );
    let off = with(files("all: {mail: {delivery_method: test}}"));
    assert_eq!(env(&off), ["MAIL_DELIVERY_METHOD=test"]);
    // Nobody took mail before: what the cluster says counts then.
    let none = of("all: {mail: {delivery_method: sendmail}}");
    assert!(!none.says_mail && none.env.is_empty());
    let odd = of("all: {mail: {delivery_method: file}}");
    assert_eq!(left(&odd), ["mail.delivery_method"]);
}

#[test]
fn encrypted_from_the_first_byte_is_no_way_of_the_new_one() {
    let carried = with(FormerFiles {
        ssmtp: Some("mailhub=mail.example.org\nUseTLS=YES\n".to_owned()),
        ..FormerFiles::default()
    });
    assert!(env(&carried).contains(&"MAIL_SMTP_PORT=465".to_owned()));
    assert_eq!(of_fate(&carried, Fate::ToCheck), ["UseTLS"]);
}

#[test]
fn encryption_that_was_off_is_named_for_nothing_turns_it_off_any_more() {
    let smtp = |switch: &str| {
        of(&format!(
            "production: {{mail: {{delivery_method: smtp, smtp_settings: {{address: a, \
             enable_starttls_auto: {switch}}}}}}}"
        ))
    };
    let key = "MAIL_SMTP_ENABLE_STARTTLS_AUTO";
    for switch in ["false", "no", "off"] {
        let carried = smtp(switch);
        assert!(!env(&carried).iter().any(|line| line.starts_with(key)));
        assert_eq!(
            left(&carried),
            ["mail.smtp_settings.enable_starttls_auto"],
            "{switch}"
        );
    }
    for switch in ["true", "yes"] {
        let carried = smtp(switch);
        assert!(env(&carried).contains(&format!("{key}=true")), "{switch}");
        assert!(carried.remarks.is_empty());
    }
    for ssmtp in ["", "UseSTARTTLS=NO\n"] {
        let carried = with(FormerFiles {
            ssmtp: Some(format!("mailhub=mail.example.org\n{ssmtp}")),
            ..FormerFiles::default()
        });
        assert!(!env(&carried).iter().any(|line| line.starts_with(key)));
        assert_eq!(of_fate(&carried, Fate::ToCheck), ["UseSTARTTLS"]);
    }
}
