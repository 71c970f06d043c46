//! What a clear reaches.

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, step};
use super::steps::{DIRTY, HELD, LIFE, entry, fill, insert, intent, lease, publish, writers};
use crate::coherence::{Answer, Step};
use crate::store::{Command, Store, Sweep};

/// More than a server hands out in one page.
const MANY: usize = 1_500;

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law {
            name: "a clear touches all keys with its prefix, and no others",
            check: |store| Box::pin(prefix(store)),
        },
        Law { name: "a clear ends leases", check: |store| Box::pin(leases(store)) },
        Law { name: "a clear makes intents dirty and leaves them", check: |store| Box::pin(intents(store)) },
        Law { name: "a clear reaches all of many keys", check: |store| Box::pin(many(store)) },
        Law {
            name: "a clear of one entity touches its entries and markers, and no others",
            check: |store| Box::pin(entity(store)),
        },
    ]
}

async fn clear(store: &dyn Store, sweep: &Sweep) -> Result<u64, String> {
    store.clear(sweep).await.map_err(|error| format!("a clear failed: {error}"))
}

async fn prefix(store: &dyn Store) -> Verdict {
    // What patterns are made of is text here.
    let base = fresh_key("sweep[*]?");
    let (own, exact) = (format!("{base}:a"), format!("{base}:"));
    let others = [format!("{base}x:a"), format!("x{base}:a"), base.replace('*', "y") + ":a"];
    for key in others.iter().chain([&own, &exact]) {
        step(store, key, insert("Va")).await?;
    }
    let touched = clear(store, &Sweep::of_prefix(format!("{base}:"))).await?;
    same("how many keys it has touched", &touched, &2)?;
    same("what a key of the prefix holds", &shape(store, &own).await?, &Shape::Empty)?;
    same("what the key that is the prefix holds", &shape(store, &exact).await?, &Shape::Empty)?;
    for key in &others {
        same(&format!("what {key:?} holds"), &shape(store, key).await?, &entry("Va"))?;
    }
    same("how many keys the next one touches", &clear(store, &Sweep::of_prefix(exact)).await?, &0)
}

async fn leases(store: &dyn Store) -> Verdict {
    let key = fresh_key("sweep");
    step(store, &key, lease(1)).await?;
    same("how many keys it has touched", &clear(store, &Sweep::of_prefix(key.clone())).await?, &1)?;
    same("the answer to the fill", &step(store, &key, fill(1, "Va")).await?, &Answer::Refused)
}

async fn intents(store: &dyn Store) -> Verdict {
    let key = fresh_key("sweep");
    same("the answer to an intent", &step(store, &key, intent(1)).await?, &HELD)?;
    same("how many keys it has touched", &clear(store, &Sweep::of_prefix(key.clone())).await?, &1)?;
    same("what the key holds", &shape(store, &key).await?, &writers(true, &[1]))?;
    same("the answer to the next intent", &step(store, &key, intent(2)).await?, &DIRTY)?;
    same("the answer to a finish", &step(store, &key, publish(1, "Va")).await?, &Answer::Shared)
}

async fn many(store: &dyn Store) -> Verdict {
    let prefix = format!("{}:", fresh_key("sweep"));
    let keys: Vec<String> = (0..MANY).map(|number| format!("{prefix}{number}")).collect();
    for page in keys.chunks(100) {
        store.run(page.iter().map(|key| Command::new(key.clone(), insert("Va"))).collect()).await;
    }
    let touched = clear(store, &Sweep::of_prefix(prefix)).await?;
    same("how many keys it has touched", &touched, &(MANY as u64))?;
    let found = store.get_many(&keys).await.map_err(|error| format!("a read failed: {error}"))?;
    let left = found.iter().filter(|found| !matches!(found, crate::store::Found::Nothing)).count();
    same("how many keys it has left", &left, &0)
}

async fn entity(store: &dyn Store) -> Verdict {
    let prefix = format!("{}:", fresh_key("sweep"));
    let key = |name: &str| format!("{prefix}{name}");
    let owned = ["V\u{2}ownsrest", "T\u{2}owns", "V\u{9}ownsof another format"];
    let foreign = ["V\u{2}theyrest", "T\u{2}they", "no entry", "V", "V\u{2}own"];
    for (number, text) in owned.iter().chain(&foreign).enumerate() {
        let entry = bytes::Bytes::from_static(text.as_bytes());
        step(store, &key(&number.to_string()), Step::Insert { entry, lifetime: LIFE }).await?;
    }
    step(store, &key("lease"), lease(1)).await?;
    step(store, &key("intent"), intent(1)).await?;
    let mut sweep = Sweep::of_prefix(prefix.clone());
    sweep.entity = Some(*b"owns");
    same("how many keys it has touched", &clear(store, &sweep).await?, &5)?;
    for (number, text) in owned.iter().chain(&foreign).enumerate() {
        let left = if number < owned.len() { Shape::Empty } else { entry_of(text) };
        let held = shape(store, &key(&number.to_string())).await?;
        same(&format!("what the key of {text:?} holds"), &held, &left)?;
    }
    same("what the leased key holds", &shape(store, &key("lease")).await?, &Shape::Empty)?;
    same("what the writer's key holds", &shape(store, &key("intent")).await?, &writers(true, &[1]))
}

fn entry_of(text: &'static str) -> Shape {
    entry(text)
}
