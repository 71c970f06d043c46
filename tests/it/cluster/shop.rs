//! Two processes of a program that read and write while a test does something to their servers.

use super::{SOON, database, process, warm};
use crate::entities::book;
use crate::laws::cold_books;
use crate::outage::until;
use crate::support::World;
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use std::time::Instant;

/// The processes, and the books that they have cached: the first half is written, the rest stays as it is.
pub struct Shop {
    pub both: [Autocache; 2],
    pub written: Vec<book::Model>,
    pub kept: Vec<book::Model>,
    pub world: World,
}

impl Shop {
    pub async fn open(url: &str, level: Consistency, books: i64) -> Result<Self, DbErr> {
        let world = database().await;
        let both = [process(&world, url, level).await, process(&world, url, level).await];
        let mut written = cold_books(&world, 1..=books).await?;
        warm(&both[0], &written).await?;
        let kept = written.split_off(written.len() / 2);
        Ok(Self { both, written, kept, world })
    }

    /// Waits until these are hits again, which are right at every instant; the others are hits all the while.
    pub async fn until_hits(&self, lost: &[book::Model], others: &[book::Model]) {
        let begun = Instant::now();
        for autocache in &self.both {
            let cache = autocache.cache::<book::Entity>();
            until(SOON, "hits", || async {
                for book in others {
                    assert!(cache.contains(book.id).await.expect("an answer"), "a miss on another node");
                }
                let mut all = true;
                for book in lost {
                    assert_eq!(cache.get(book.id).await.expect("a row"), *book);
                    all &= cache.contains(book.id).await.expect("an answer");
                }
                all
            })
            .await;
        }
        println!("hits came after {:?}", begun.elapsed());
    }
}

/// Changes a book's title, as this process does it.
pub async fn retitled(autocache: &Autocache, book: &book::Model, title: &str) -> Result<book::Model, DbErr> {
    use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change.update(&autocache.connection()).await
}
