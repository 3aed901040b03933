//! The documents of an index, page by page. The fake server knows only how many there are.

use std::collections::BTreeMap;

use serde_json::json;

use super::documents::{id, source};

use crate::engine::Request;

/// What stands between the index and the position in the id of a scroll.
const AT: &str = "@";

/// The status and the body for a request that has to do with a scroll.
pub fn answer(indices: &BTreeMap<String, u64>, request: &Request<'_>) -> Option<(u16, String)> {
    let path = request.path.split('?').next()?.trim_start_matches('/');
    match (request.method, path.split_once('/')?) {
        ("POST", ("_search", "scroll")) => {
            let body: serde_json::Value = serde_json::from_str(request.body?).ok()?;
            let (index, from) = body["scroll_id"].as_str()?.split_once(AT)?;
            Some(page(indices, index, from.parse().ok()?))
        }
        ("DELETE", ("_search", _)) => Some((200, "{}".to_owned())),
        ("POST", (index, "_search")) => Some(page(indices, index, 0)),
        ("POST", (index, "_refresh")) if indices.contains_key(index) => {
            Some((200, "{}".to_owned()))
        }
        _ => None,
    }
}

/// Two documents at a time, so that there are several pages.
fn page(indices: &BTreeMap<String, u64>, index: &str, from: u64) -> (u16, String) {
    let Some(total) = indices.get(index) else {
        return (404, "{}".to_owned());
    };
    let to = total.min(&(from + 2)).to_owned();
    let hits: Vec<_> = (from..to)
        .map(|n| json!({"_id": id(n), "_type": "entities", "_version": 1, "_source": source(n)}))
        .collect();
    let body = json!({
        "_scroll_id": format!("{index}{AT}{to}"),
        "timed_out": false,
        "_shards": {"failed": 0},
        "hits": {"total": total, "hits": hits},
    });
    (200, body.to_string())
}
