//! What a clear costs on a server that others use, too.

use crate::entities::keyed::{hashed, word};
use crate::support::{Database, Redis, World, redis_client};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::InfoKind;
use sea_orm::{ActiveModelTrait, EntityTrait, Set};

/// The bytes that the server has sent.
async fn sent(client: &Client) -> u64 {
    let text: String = client.info(Some(InfoKind::Stats)).await.unwrap();
    let sent = text.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    sent.unwrap().trim().parse().unwrap()
}

/// Others' keys, each with a value of so many bytes.
async fn occupy(client: &Client, keys: usize, bytes: usize) {
    let value = vec![b'x'; bytes];
    for page in (0..keys).collect::<Vec<_>>().chunks(100) {
        let pairs: Vec<_> = page.iter().map(|n| (format!("others:{n}"), value.as_slice())).collect();
        let _: () = client.mset(pairs).await.unwrap();
    }
}

#[tokio::test]
async fn a_clear_reads_no_values() {
    let (world, redis): (World, Redis) = World::apart(Database::Sqlite).await;
    world.create_table(word::Entity).await;
    world.create_table(hashed::Entity).await;
    let client = redis_client(&redis.url()).await;
    occupy(&client, 20_000, 1_000).await;
    occupy(&client, 50, 2_000_000).await;
    let words = world.autocache.cache::<word::Entity>();
    let long = "x".repeat(600);
    for id in ["a", "b", &long] {
        word::ActiveModel { id: Set(id.to_owned()), note: Set("n".repeat(10_000)) }
            .insert(&world.db)
            .await
            .unwrap();
        assert!(words.contains(id.to_owned()).await.unwrap());
    }
    let note = hashed::ActiveModel { note: Set("n".repeat(10_000)), ..Default::default() };
    let row = note.insert(&world.db).await.unwrap();
    let hashes = world.autocache.cache::<hashed::Entity>();
    hashes.get(row.id).await.unwrap();
    assert!(hashes.contains(row.id).await.unwrap());
    let before = sent(&client).await;
    word::Entity::update_many().exec(&world.db).await.ok();
    word::Entity::delete_many().exec(&world.db).await.unwrap();
    let of_words = sent(&client).await - before;
    for id in ["a", "b", &long] {
        assert!(!words.contains(id.to_owned()).await.unwrap(), "{id}");
    }
    assert!(hashes.contains(row.id).await.unwrap());
    let before = sent(&client).await;
    hashed::Entity::delete_many().exec(&world.db).await.unwrap();
    let of_hashed = sent(&client).await - before;
    assert!(!hashes.contains(row.id).await.unwrap());
    println!("{of_words} bytes for keys with a prefix, {of_hashed} for keys of the entity's own making");
    // Nothing of others, and of itself no values: pages without keys, and counts.
    assert!(of_words < 20_000, "{of_words} bytes");
    // The names of all keys.
    assert!(of_hashed < 20_050 * 30, "{of_hashed} bytes");
    assert_eq!(world.stats().backends[0].trips, 0);
    let others: u64 = client.exists(vec!["others:0", "others:19999"]).await.unwrap();
    assert_eq!(others, 2);
}
