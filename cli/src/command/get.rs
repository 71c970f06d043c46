use crate::failure::Failure;
use crate::held::{Held, State};
use crate::output::{Output, spoken};
use crate::server::Server;
use crate::value;
use sea_orm_autocache::__private::RawEntry;
use sea_orm_autocache::sea_orm::Value;
use sea_orm_autocache::store::{Slot, decode_slot};
use serde_json::{Value as Json, json};
use std::process::ExitCode;

/// Longer values are cut in a table.
const SHOWN_CHARS_MAX: usize = 200;

pub async fn get(
    server: &Server,
    out: &Output,
    key: &[String],
    names: &[String],
) -> Result<ExitCode, Failure> {
    let key = match key {
        [whole] => whole.clone(),
        [app, model, pk] => format!("{app}:{model}:{pk}"),
        _ => return Err(Failure::Usage("get takes a KEY, or APP MODEL PK".into())),
    };
    let Some((held, bytes)) = server.read(&key).await? else {
        let key = [&server.prefix, &*key].concat();
        if out.json {
            out.json(&json!({ "key": key, "state": "absent" }))?;
        } else {
            out.line(&format!("{key}: absent"))?;
        }
        return Ok(ExitCode::FAILURE);
    };
    let values = RawEntry::of(&bytes).and_then(|entry| entry.values).unwrap_or_default();
    // The first value of a list is a mark that tells lists apart which share a key by mistake.
    let skipped = usize::from(held.state == State::List);
    let columns: Vec<(String, &Value)> = values
        .iter()
        .skip(skipped)
        .enumerate()
        .map(|(place, value)| (name_of(names, place), value))
        .collect();
    let writers = match held.state {
        State::Intent { .. } => writers(&bytes, server.now_ms().await?),
        _ => Vec::new(),
    };
    if out.json {
        out.json(&as_json(&held, &columns, &writers)?)?;
    } else {
        as_tables(out, &held, &columns, &writers)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An entry does not hold the names of its columns.
fn name_of(names: &[String], place: usize) -> String {
    names.get(place).cloned().unwrap_or_else(|| format!("#{}", place + 1))
}

fn as_json(held: &Held, columns: &[(String, &Value)], writers: &[Option<u64>]) -> Result<Json, Failure> {
    let mut json = serde_json::to_value(held).map_err(std::io::Error::from)?;
    let column = |(name, value): &(String, &Value)| json!({ "column": name, "type": value::kind(value), "value": value::json(value) });
    match held.state {
        State::Row | State::List => json["values"] = columns.iter().map(column).collect(),
        State::Intent { .. } => json["writers_left_ms"] = json!(writers),
        _ => {}
    }
    Ok(json)
}

fn as_tables(
    out: &Output,
    held: &Held,
    columns: &[(String, &Value)],
    writers: &[Option<u64>],
) -> Result<(), Failure> {
    let mut rows = vec![
        ("key", held.key.clone()),
        ("state", held.state.to_string()),
        ("bytes", held.bytes.to_string()),
        ("expires in", spoken(held.ttl_ms)),
    ];
    rows.extend(held.fingerprint.iter().map(|fingerprint| ("fingerprint", fingerprint.clone())));
    rows.extend(writers.iter().map(|left| match left {
        Some(left) => ("writer", format!("has {} left", spoken(Some(*left)))),
        None => ("writer", "is past its deadline".to_owned()),
    }));
    out.table(&[], rows.into_iter().map(|(name, text)| vec![name.to_owned(), text]))?;
    if columns.is_empty() {
        return Ok(());
    }
    let row =
        |(name, value): &(String, &Value)| vec![name.clone(), value::kind(value), cut(value::text(value))];
    out.table(&["column", "type", "value"], columns.iter().map(row))
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes; --json shows all)", &text[..end], text.len()),
        None => text,
    }
}

/// For how long each writer of an intent may go on; none: it is past its deadline.
fn writers(bytes: &[u8], now_ms: u64) -> Vec<Option<u64>> {
    match decode_slot(bytes, |_| ()) {
        Slot::Intent(intents) => {
            let left = |deadline_ms: u64| deadline_ms.checked_sub(now_ms).filter(|left| *left > 0);
            intents.holders.iter().map(|holder| left(holder.deadline_ms)).collect()
        }
        _ => Vec::new(),
    }
}
