//! The sample application as a browser and a script see it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Cluster;

/// An instance's site.
pub struct Site {
    base: String,
    /// The header that says who asks.
    login: (&'static str, String),
    agent: ureq::Agent,
}

pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub body: String,
}

impl Site {
    /// With the administrator's key.
    pub fn of(cluster: &Cluster, instance: &str, port: u16) -> Self {
        let key = cluster
            .instance(
                instance,
                ["db", "select api_key from users where name = 'admin'"],
            )
            .ok();
        let key = key.text().lines().last().unwrap().to_owned();
        Site::with(port, ("api_key", key))
    }

    /// With a session of the administrator's: the oldest era has no keys.
    pub fn logged_in(cluster: &Cluster, instance: &str, port: u16) -> Self {
        let file = cluster.instance_root(instance).join("admin_password");
        let drawn = std::fs::read_to_string(file).unwrap();
        let cookie = [drawn.trim(), "admin"]
            .iter()
            .find_map(|password| {
                let site = Site::with(port, ("cookie", String::new()));
                let form = format!("username=admin&password={password}");
                let answer = site
                    .agent
                    .post(format!("{}/login", site.base))
                    .content_type("application/x-www-form-urlencoded")
                    .send(form.as_bytes())
                    .unwrap();
                let cookie = answer.headers().get("set-cookie")?.to_str().unwrap();
                (answer.status() == 200).then(|| cookie.split(';').next().unwrap().to_owned())
            })
            .expect("the administrator can log in");
        Site::with(port, ("cookie", cookie))
    }

    fn with(port: u16, login: (&'static str, String)) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Site {
            base: format!("http://127.0.0.1:{port}"),
            login,
            agent,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header(self.login.0, &self.login.1)
            .call()
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        Answer {
            status: answer.status().as_u16(),
            kind: answer
                .headers()
                .get("content-type")
                .map_or(String::new(), |v| v.to_str().unwrap().to_owned()),
            body: answer.body_mut().read_to_string().unwrap(),
        }
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    fn post(&self, kind: &str, body: &[u8]) {
        let (status, text) = self.posted(kind, body);
        assert_eq!(status, 200, "{text}");
    }

    fn posted(&self, kind: &str, body: &[u8]) -> (u16, String) {
        let mut answer = self
            .agent
            .post(format!("{}/entities", self.base))
            .header(self.login.0, &self.login.1)
            .content_type(kind)
            .send(body)
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.body_mut().read_to_string().unwrap())
    }

    fn collection(&self) -> u64 {
        self.json("/collections")["records"][0]["id"]
            .as_u64()
            .unwrap()
    }

    /// The ids of the kind of pictures, and of another one.
    fn kinds(&self) -> (u64, u64) {
        let kinds = self.json("/kinds");
        let records = kinds["records"].as_array().unwrap();
        let id = |medium: bool| {
            let name = |kind: &Value| kind["name"].as_str().unwrap().to_lowercase();
            records
                .iter()
                .find(|kind| (name(kind) == "medium") == medium)
                .and_then(|kind| kind["id"].as_u64())
        };
        let medium = id(true).unwrap();
        (medium, id(false).unwrap_or(medium))
    }

    /// Makes an entity with a name.
    pub fn make(&self, name: &str) {
        self.post("application/json", self.entity(name).as_bytes());
    }

    /// The same where it may fail: the status.
    pub fn tries_to_make(&self, name: &str) -> u16 {
        let entity = self.entity(name);
        self.posted("application/json", entity.as_bytes()).0
    }

    fn entity(&self, name: &str) -> String {
        let (_, kind) = self.kinds();
        let entity = serde_json::json!({"entity": {
            "name": name,
            "no_name_statement": "enter_name",
            "kind_id": kind,
            "collection_id": self.collection(),
        }});
        entity.to_string()
    }

    /// Makes entities with names, and says of each whether that was acknowledged: where it was not,
    /// nobody knows.
    pub fn maker(&self) -> impl Fn(&str) -> bool {
        let (_, kind) = self.kinds();
        let collection = self.collection();
        move |name| {
            let body = serde_json::json!({"entity": {
                "name": name,
                "no_name_statement": "enter_name",
                "kind_id": kind,
                "collection_id": collection,
            }});
            self.agent
                .post(format!("{}/entities", self.base))
                .header(self.login.0, &self.login.1)
                .content_type("application/json")
                .send(body.to_string().as_bytes())
                .is_ok_and(|answer| answer.status() == 200)
        }
    }

    /// Whether it answers out of the database.
    pub fn answers(&self) -> bool {
        self.answers_at("/info")
    }

    /// The same, at an address that every era has.
    pub fn answers_at(&self, path: &str) -> bool {
        let answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header(self.login.0, &self.login.1)
            .call();
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Makes an entity like the first one; whether that was acknowledged.
    pub fn is_made(&self, name: &str) -> bool {
        let body = serde_json::json!({"entity": {
            "name": name,
            "no_name_statement": "enter_name",
            "kind_id": 2,
            "collection_id": 1,
        }});
        let answer = self
            .agent
            .post(format!("{}/entities", self.base))
            .header(self.login.0, &self.login.1)
            .content_type("application/json")
            .send(body.to_string().as_bytes());
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Uploads a picture that nobody uploaded before.
    pub fn upload(&self) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (kind, _) = self.kinds();
        let collection = self.collection();
        let line = "----kct";
        let mut body = Vec::new();
        for (key, value) in [("kind_id", kind), ("collection_id", collection)] {
            body.extend(
                format!("--{line}\r\nContent-Disposition: form-data; name=\"entity[{key}]\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        body.extend(
            format!(
                "--{line}\r\nContent-Disposition: form-data; \
                 name=\"entity[medium_attributes][image]\"; filename=\"p{number}.bmp\"\r\n\
                 Content-Type: image/bmp\r\n\r\n"
            )
            .bytes(),
        );
        body.extend(picture(number));
        body.extend(format!("\r\n--{line}--\r\n").bytes());
        self.post(&format!("multipart/form-data; boundary={line}"), &body);
    }

    /// How many entities a search finds.
    pub fn found(&self, terms: &str) -> u64 {
        let answer = self.json(&format!("/entities?terms={terms}"));
        assert_eq!(answer["engine"], "elastic");
        answer["total"].as_u64().unwrap()
    }
}

/// A bitmap of 16 by 16 pixels whose colours are a number's.
fn picture(number: u32) -> Vec<u8> {
    let pixels = 16 * 16 * 3;
    let mut bytes = b"BM".to_vec();
    for word in [
        54 + pixels,
        0,
        54,
        40,
        16,
        16,
        1 | 24 << 16,
        0,
        pixels,
        2835,
        2835,
        0,
        0,
    ] {
        bytes.extend(u32::to_le_bytes(word));
    }
    let salt = number.wrapping_add(std::process::id() << 8).to_le_bytes();
    bytes.extend((0..pixels as usize).map(|at| salt[at % 4].wrapping_add((at % 251) as u8)));
    bytes
}
