//! P2: when all is quiet, what a newcomer is told is what the database holds.

use crate::checker::{Commit, Report, RowId};
use crate::entities::{Rows, born, slot};
use crate::families::{self, CHILDREN, PARENTS, Way, child};
use crate::faults::{Fault, Property};
use crate::naive;
use crate::nemesis::Nemesis;
use crate::stage::Stage;
use crate::worker::SLOTS;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use sea_orm::EntityTrait;
use sea_orm_autocache::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Keys beyond those that came into use.
const AHEAD: i64 = 20;

/// A newcomer, and what it has found.
struct Newcomer<'a> {
    autocache: Autocache,
    redis: Client,
    stage: &'a Stage,
    /// The cache that is kept by hand has no one to ask but Redis.
    naive: bool,
    standing: BTreeMap<char, usize>,
    /// Whether every write has come to its end: else a list that only the database knows the members of may lack one.
    whole: bool,
}

/// Compares every row and every list. Returns what stands in Redis under their keys, by kind.
pub async fn compare(
    nemesis: &Nemesis,
    stage: &Stage,
    commits: &[Commit],
    report: &mut Report,
) -> BTreeMap<char, usize> {
    let url = nemesis.redis_url();
    let store = RedisStore::connect(&url).await.expect("a store");
    let builder = Autocache::builder(stage.db.clone()).app("torture").backend("default", store);
    let autocache = builder.consistency(nemesis.set.consistency).build().expect("an Autocache");
    let redis = naive::connect(&url).await;
    let naive = nemesis.set.naive;
    let whole = !naive && !nemesis.set.cancels && !nemesis.set.faults.contains(&Fault::Kill);
    let mut newcomer = Newcomer { autocache, redis, stage, naive, standing: BTreeMap::new(), whole };
    for parent in 1..=PARENTS {
        newcomer.list(parent, report).await;
    }
    for ((table, id), logged) in last(commits) {
        match table {
            's' => newcomer.row::<slot::Entity>(id, logged, report).await,
            'b' => newcomer.row::<born::Entity>(id, logged, report).await,
            _ => newcomer.row::<child::Entity>(id, logged, report).await,
        }
    }
    newcomer.redis.quit().await.expect("a closed connection");
    newcomer.standing
}

/// The last revision of each row.
fn last(commits: &[Commit]) -> BTreeMap<RowId, Option<i64>> {
    let slots = (1..=SLOTS).map(|id| (('s', id), None));
    let children = (1..=CHILDREN).map(|id| (('c', id), None));
    let mut last: BTreeMap<RowId, Option<i64>> = slots.chain(children).collect();
    for commit in commits {
        last.insert(commit.row, (commit.kind != 'D').then_some(commit.rev));
    }
    let born: BTreeSet<i64> = last.keys().filter(|(table, _)| *table == 'b').map(|(_, id)| *id).collect();
    let newest = born.last().copied().unwrap_or(0);
    // Keys that were asked for and never came into use.
    last.extend((newest + 1..newest + AHEAD).map(|id| (('b', id), None)));
    last
}

impl Newcomer<'_> {
    async fn row<E>(&mut self, id: i64, logged: Option<i64>, report: &mut Report)
    where
        E: Rows + EntityTrait<PrimaryKey: sea_orm::PrimaryKeyTrait<ValueType = i64>>,
    {
        let table = E::TABLE;
        let bytes = self.stands(&self.autocache.cache::<E>().make_key(id).unwrap()).await;
        let stored = rev_of::<E>(E::find_by_id(id).one(&self.stage.db).await.expect("a row"));
        let told = rev_of::<E>(E::row(&self.autocache, id).await.expect("a row"));
        assert_eq!(stored, logged.map(Some), "the triggers have missed a commit of {table}{id}");
        let by_hand = |bytes: Vec<u8>| Some(String::from_utf8_lossy(&bytes).parse().ok());
        let told = if self.naive { bytes.map_or(stored, by_hand) } else { told };
        if stored != told {
            report.find(Property::P2, format!("{table}{id} is {stored:?}, and the cache says {told:?}"));
        }
    }

    async fn list(&mut self, parent: i64, report: &mut Report) {
        let by_hand = self.stands(&naive::list_key(parent)).await;
        let _ = self.stands(&format!("torture:child:@parent_id={parent}")).await;
        let mut stored = families::stored(&self.stage.db, parent).await.expect("a list");
        stored.sort_unstable_by_key(|child| child.id);
        let generated = families::lists(&self.autocache, Way::Generated, &[parent]).await.expect("a list");
        if self.whole && stored != generated[0] {
            let text =
                format!("list {parent} is {stored:?}, and the cache says {generated:?} of the generated one");
            report.find_in_list(Property::P2, text);
        }
        let told = families::lists(&self.autocache, Way::By, &[parent]).await.expect("a list");
        let (stored, told) = (naive::text_of(&stored), naive::text_of(&told[0]));
        let by_hand = by_hand.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let told = if self.naive { by_hand.unwrap_or_else(|| stored.clone()) } else { told };
        if stored != told {
            report
                .find_in_list(Property::P2, format!("list {parent} is {stored}, and the cache says {told}"));
        }
    }

    /// What stands under a key.
    async fn stands(&mut self, key: &str) -> Option<Vec<u8>> {
        let bytes: Option<Vec<u8>> = self.redis.get(key).await.expect("a key");
        if let Some(kind) = bytes.as_ref().and_then(|bytes| bytes.first()) {
            *self.standing.entry(char::from(*kind)).or_default() += 1;
        }
        bytes
    }
}

fn rev_of<E: Rows>(found: Option<E::Model>) -> Option<Option<i64>> {
    found.map(|model| E::rev(&model))
}
