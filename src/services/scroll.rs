//! The documents of a search index as they were in one moment, read page by page: what the search
//! server calls a scroll. It sees nothing that is written after it was opened.

use std::io::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Answer, Endpoint, Engine, Request};
use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::services::search::PORT;

/// How long opening may take: an answer that comes later is of no use, for nobody is held longer.
const OPENING: Duration = Duration::from_secs(2);

/// How long a page may take.
const PAGE: Duration = Duration::from_secs(60);

/// How many documents are asked for at a time; a page is held in memory.
const DOCUMENTS: u32 = 100;

/// The same where only one field of each is asked for.
const FIELDS: u32 = 2000;

/// How long the server keeps it between two pages.
const KEPT: &str = "10m";

/// Why a scroll cannot be gone on with.
const BROKEN: &str = "the documents of the search index cannot be read";

/// An open scroll. The server forgets it when this is dropped, or after ten minutes.
pub struct Scroll<'a> {
    engine: &'a dyn Engine,
    endpoint: Endpoint,
    page: Page,
}

/// A document of an index.
#[derive(Debug, Deserialize)]
pub struct Hit {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its type.
    #[serde(rename = "_type")]
    pub kind: String,
    /// How often it was written, where that was asked for.
    #[serde(rename = "_version", default)]
    pub version: u64,
    /// What of its text was asked for.
    #[serde(rename = "_source", default)]
    pub source: Value,
}

/// A document as it stands in a snapshot, one to a line.
#[derive(Debug, PartialEq, Serialize)]
struct Document<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a Value,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "_scroll_id")]
    id: String,
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    total: u64,
    hits: Vec<Hit>,
}

/// Makes visible what was written to an index until now, so that a scroll sees it.
///
/// # Errors
/// Exit 1 where the server does not do it.
pub fn refresh(engine: &dyn Engine, container: &str, index: &str) -> Result<()> {
    refresh_within(engine, container, index, OPENING)
}

fn refresh_within(
    engine: &dyn Engine,
    container: &str,
    index: &str,
    limit: Duration,
) -> Result<()> {
    let endpoint = endpoint(engine, container)?;
    let path = format!("/{index}/_refresh");
    ask(engine, &endpoint, &path, "", limit).map(drop)
}

impl<'a> Scroll<'a> {
    /// Opens a scroll over an index, be it a plain one or what is behind an alias.
    ///
    /// # Errors
    /// Exit 1 where the server does not run or does not answer at once, or has no such index.
    pub fn open(engine: &'a dyn Engine, container: &str, index: &str) -> Result<Self> {
        // In the order in which they lie there, which costs the server nothing.
        let body = json!({"size": DOCUMENTS, "sort": ["_doc"]});
        Self::begin(engine, container, index, &body, OPENING)
    }

    /// The same with no more of each document than one field and its version, for who has more time.
    ///
    /// # Errors
    /// As [`Scroll::open`].
    pub fn of_field(
        engine: &'a dyn Engine,
        container: &str,
        index: &str,
        field: &str,
    ) -> Result<Self> {
        let body = json!({"size": FIELDS, "sort": ["_doc"], "_source": [field], "version": true});
        Self::begin(engine, container, index, &body, PAGE)
    }

    fn begin(
        engine: &'a dyn Engine,
        container: &str,
        index: &str,
        body: &Value,
        limit: Duration,
    ) -> Result<Self> {
        refresh_within(engine, container, index, limit)?;
        let endpoint = endpoint(engine, container)?;
        let path = format!("/{index}/_search?scroll={KEPT}");
        let page = page(&ask(engine, &endpoint, &path, &body.to_string(), limit)?)?;
        Ok(Scroll {
            engine,
            endpoint,
            page,
        })
    }

    /// Writes all documents, one JSON object a line; how many they are.
    ///
    /// # Errors
    /// As [`Scroll::each`], and where `out` fails: then what was written is not whole.
    pub fn write_to(self, out: &mut dyn Write, interrupt: &Interrupt) -> Result<u64> {
        self.each(interrupt, |hit| {
            write_line(out, hit).map_err(|e| Error::failed(BROKEN).why(e))
        })
    }

    /// Does something with each document; how many they are.
    ///
    /// # Errors
    /// Exit 1 where one is missing at the end, where the server or `work` fails, or at an
    /// interruption.
    pub fn each(
        mut self,
        interrupt: &Interrupt,
        mut work: impl FnMut(&Hit) -> Result<()>,
    ) -> Result<u64> {
        let mut count = 0;
        while !self.page.hits.hits.is_empty() {
            interrupt.check("reading the search index was stopped")?;
            for hit in &self.page.hits.hits {
                work(hit)?;
                count += 1;
            }
            let body = json!({"scroll": KEPT, "scroll_id": self.page.id}).to_string();
            let path = "/_search/scroll";
            self.page = page(&ask(self.engine, &self.endpoint, path, &body, PAGE)?)?;
        }
        let total = self.page.hits.total;
        match count == total {
            true => Ok(count),
            false => Err(Error::failed(BROKEN).why(format!("{count} came of {total}"))),
        }
    }
}

impl Drop for Scroll<'_> {
    fn drop(&mut self) {
        let path = format!("/_search/scroll/{}", self.page.id);
        let request = Request {
            method: "DELETE",
            ..Request::get(&path, OPENING)
        };
        // One that stays costs the server a little for some minutes.
        let _ = self.engine.http(&self.endpoint, &request);
    }
}

fn write_line(out: &mut dyn Write, hit: &Hit) -> std::io::Result<()> {
    let document = Document {
        id: &hit.id,
        kind: &hit.kind,
        source: &hit.source,
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn endpoint(engine: &dyn Engine, container: &str) -> Result<Endpoint> {
    let found = engine.container(container)?;
    let found = found.ok_or_else(|| Error::failed("the search server does not run"))?;
    Endpoint::inside(&found, PORT)
}

fn ask(
    engine: &dyn Engine,
    endpoint: &Endpoint,
    path: &str,
    body: &str,
    limit: Duration,
) -> Result<Answer> {
    let request = Request {
        method: "POST",
        body: Some(body),
        ..Request::get(path, limit)
    };
    let answer = engine
        .http(endpoint, &request)
        .map_err(|e| Error::failed("the search server does not answer").why(e))?;
    match answer.status {
        200 => Ok(answer),
        status => {
            let body: String = answer.body.chars().take(300).collect();
            Err(Error::failed(BROKEN).why(format!("the server answered {status}: {body}")))
        }
    }
}

/// A page that is whole: one without the part of a shard would look like a smaller index.
fn page(answer: &Answer) -> Result<Page> {
    let page: Page =
        serde_json::from_str(&answer.body).map_err(|e| Error::failed(BROKEN).why(e))?;
    match page.timed_out || page.shards.failed > 0 {
        true => Err(Error::failed(BROKEN).why("a part of the index does not answer")),
        false => Ok(page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_document_is_a_line_and_a_page_that_lacks_a_shard_is_none() {
        let whole = r#"{"_scroll_id":"x","timed_out":false,"_shards":{"total":1,"failed":0},
            "hits":{"total":1,"hits":[{"_index":"i","_id":"a","_type":"entities",
            "_source":{"name":"two\nlines","weight":1.0}}]}}"#;
        let found = page(&answer(whole)).unwrap();
        let mut line = Vec::new();
        write_line(&mut line, &found.hits.hits[0]).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"id\":\"a\",\"type\":\"entities\",\"source\":{\"name\":\"two\\nlines\",\"weight\":1.0}}\n"
        );
        for broken in [
            whole.replace("\"failed\":0", "\"failed\":1"),
            whole.replace("\"timed_out\":false", "\"timed_out\":true"),
            whole[..whole.len() - 9].to_owned(),
        ] {
            assert!(page(&answer(&broken)).is_err(), "{broken}");
        }
    }
}
