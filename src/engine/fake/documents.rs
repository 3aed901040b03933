//! What is in the search indices of the fake engine: of each only how many documents it has, which
//! are those of the first rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The id of a document, which is the UUID of its row.
pub fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A document.
pub fn source(number: u64) -> Value {
    json!({"uuid": id(number), "updated_at": number})
}

/// The rows that the documents are of, as the client in batch mode prints them.
pub fn rows(count: u64) -> String {
    (0..count)
        .map(|number| format!("{}\t{number}\n", id(number)))
        .collect()
}

/// Those of an index that were asked for.
pub fn wanted(count: u64, body: &str) -> Value {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let ids = asked["ids"].as_array().into_iter().flatten();
    let documents = ids.map(|wanted| {
        let found = (0..count).find(|number| wanted == &id(*number));
        match found {
            Some(number) => json!({"_id": wanted, "_version": 1, "_source": source(number)}),
            None => json!({"_id": wanted}),
        }
    });
    json!({"docs": documents.collect::<Vec<_>>()})
}

/// Takes those that are sent into an index, and deletes others.
pub fn take(indices: &mut BTreeMap<String, u64>, index: &str, body: &str) -> Value {
    let of = |action: &str| body.lines().filter(|line| line.starts_with(action)).count() as u64;
    let count = indices.entry(index.to_owned()).or_default();
    *count = (*count + of(r#"{"index":"#)).saturating_sub(of(r#"{"delete":"#));
    json!({"errors": false})
}
