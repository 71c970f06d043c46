//! Keys and entries are any text and any bytes.

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, step};
use super::steps::LIFE;
use crate::coherence::{Answer, Step};
use crate::store::Store;
use bytes::Bytes;

/// As many as an entry may have unless an Autocache is told otherwise.
const LARGEST: usize = 1024 * 1024;
/// Keys of 500 bytes and more occur where primary keys are texts.
const LONG_KEY: usize = 600;

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law { name: "an entry comes back byte by byte", check: |store| Box::pin(entries(store)) },
        Law { name: "any text is a key of its own", check: |store| Box::pin(keys(store)) },
    ]
}

async fn entries(store: &dyn Store) -> Verdict {
    let every_byte: Vec<u8> = std::iter::once(b'V').chain(0..=255).collect();
    let large = vec![b'V'; LARGEST];
    // The last ones begin as markers do, and are none.
    for bytes in [&every_byte[..], &large, b"T", b"L", b"W0x", b"\r\n\0"] {
        let (key, entry) = (fresh_key("bytes"), Bytes::copy_from_slice(bytes));
        step(store, &key, Step::Insert { entry: entry.clone(), lifetime: LIFE }).await?;
        if shape(store, &key).await? != Shape::Entry(entry.clone()) {
            let first = &bytes[..bytes.len().min(8)];
            return Err(format!("{} bytes that begin with {first:?} come back otherwise", bytes.len()));
        }
        let lease = Step::Lease { token: super::steps::token(1), ttl: super::steps::LONG, unusable: None };
        if step(store, &key, lease).await? != Answer::Found(entry) {
            return Err(format!("a lease does not answer with the entry of {} bytes", bytes.len()));
        }
    }
    Ok(())
}

async fn keys(store: &dyn Store) -> Verdict {
    let base = fresh_key("key");
    let long = "x".repeat(LONG_KEY);
    let endings = [
        "",
        "a",
        "A",
        "a ",
        " a",
        "a*",
        "a?",
        "[a]",
        "a\\",
        "ä",
        "\u{1f4d6}",
        "a\nb",
        "a\0b",
        "{a}",
        "a:b",
        &long,
    ];
    let key = |ending: &str| format!("{base}:{ending}");
    let entry = |ending: &str| Bytes::from(format!("V{ending}"));
    for ending in endings {
        let answer = step(store, &key(ending), Step::Insert { entry: entry(ending), lifetime: LIFE }).await?;
        same(&format!("the answer to an insert under {:?}", key(ending)), &answer, &Answer::Published)?;
    }
    for ending in endings {
        let held = shape(store, &key(ending)).await?;
        same(&format!("what {:?} holds", key(ending)), &held, &Shape::Entry(entry(ending)))?;
    }
    Ok(())
}
