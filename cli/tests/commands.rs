//! The program against servers of its own, filled by the library.

mod support;

use sea_orm_autocache::Store;
use sea_orm_autocache::store::{Answer, Lifetime, Step};
use serde_json::json;
use support::{Scene, book, step, token};

#[tokio::test]
async fn a_row_is_shown_with_its_values() {
    let scene = Scene::new().await;
    let table = scene.run(&["get", "shop:book:1"]);
    assert_eq!(table.code, 0, "{table:?}");
    for text in ["row", "BigInt", "Emma", "expires in", "min", "#2"] {
        assert!(table.out.contains(text), "{text}: {table:?}");
    }
    let named = scene.run(&["get", "shop", "book", "1", "--columns", "id,title"]);
    assert!(named.out.contains("title") && named.out.contains("#3"), "{named:?}");
    let json = scene.run(&["get", "shop:book:1", "--json"]).json();
    assert_eq!(json["state"], "row");
    assert_eq!(json["values"][1], json!({ "column": "#2", "type": "String", "value": "Emma" }));
    assert_eq!(json["values"][2]["value"], json!(null));
    assert!(json["ttl_ms"].as_u64().unwrap() > 1_000 && json["fingerprint"].as_str().unwrap().len() == 17);
}

#[tokio::test]
async fn an_absent_key_is_an_exit_code_of_its_own() {
    let scene = Scene::new().await;
    let answer = scene.run(&["get", "shop:book:77"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, "shop:book:77: absent\n"));
    assert_eq!(scene.run(&["get", "shop:book:77", "--json"]).json()["state"], "absent");
}

#[tokio::test]
async fn each_state_is_shown_as_the_library_has_it() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    for (pk, state) in [
        ("2", "tombstone"),
        ("lease", "lease"),
        ("one", "intent"),
        ("two", "intent"),
        ("older", "other-format"),
        ("else", "unknown"),
        ("hash", "other-type"),
    ] {
        let json = scene.run(&["get", "shop", "book", pk, "--json"]).json();
        assert_eq!(json["state"], state, "{pk}: {json}");
    }
    let two = scene.run(&["get", "shop", "book", "two", "--json"]).json();
    assert_eq!((&two["writers"], &two["dirty"]), (&json!(2), &json!(true)), "{two}");
    assert_eq!(two["writers_left_ms"].as_array().unwrap().len(), 2, "{two}");
    let list = scene.run(&["get", "shop:book:@title=Emma", "--json"]).json();
    assert_eq!((&list["state"], &list["values"][0]["value"]), (&json!("list"), &json!(1)), "{list}");
}

#[tokio::test]
async fn the_keys_of_one_entity_are_listed_and_no_others() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    let keys = scene.run(&["keys", "shop", "book", "--json"]).json();
    let mut names: Vec<&str> =
        keys.as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap()).collect();
    names.sort_unstable();
    let of_book = ["1", "2", "@", "@title=Emma", "else", "hash", "lease", "older", "one", "two"];
    assert_eq!(names, of_book.map(|pk| format!("shop:book:{pk}")));
    let some = scene.run(&["keys", "shop", "book", "--limit", "3"]);
    assert_eq!(some.out.matches("shop:book:").count(), 3, "{some:?}");
    assert!(some.err.contains("more than 3"), "{some:?}");
    assert_eq!(scene.run(&["keys", "sho*", "book", "--json"]).json(), json!([]), "a label is no pattern");
}

#[tokio::test]
async fn stats_count_the_keys_of_each_state() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    let json = scene.run(&["stats", "shop", "book", "--json"]).json();
    for (state, keys) in [
        ("row", 1),
        ("list", 1),
        ("tombstone", 1),
        ("fence", 1),
        ("lease", 1),
        ("intent", 2),
        ("other format", 1),
        ("unknown bytes", 1),
        ("other Redis type", 1),
    ] {
        assert_eq!(json["states"][state]["keys"], keys, "{state}: {json}");
    }
    assert_eq!(
        (&json["dirty_intents"], &json["states"]["intent"]["bytes"]),
        (&json!(1), &json!(2 + 29 + 2 + 58))
    );
    assert_eq!(json["states"]["unknown bytes"]["never_expire"], 1);
    let table = scene.run(&["stats", "shop", "book"]);
    assert!(table.out.contains("tombstone") && table.out.contains("have overlapped: 1\n"), "{table:?}");
}

/// I2 and I4 of the protocol, which a `DEL` would break.
#[tokio::test]
async fn a_clear_keeps_intents_and_refuses_fills_that_began_before() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    let answer = scene.run(&["clear", "shop", "book", "--yes"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, "9 keys cleared\n"), "{answer:?}");
    let left = scene.run(&["keys", "shop", "book", "--json"]).json();
    let left: Vec<_> = left.as_array().unwrap().iter().map(|key| (&key["state"], &key["dirty"])).collect();
    assert_eq!(left, [(&json!("intent"), &json!(true)), (&json!("intent"), &json!(true))]);
    let fill = Step::Fill { token: token(1), entry: "V".into(), lifetime: Lifetime::Forever };
    assert_eq!(step(&scene.store, "shop:book:lease", fill).await, Answer::Refused);
    assert_eq!(scene.run(&["keys", "shop", "page", "--json"]).json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_clear_without_a_terminal_asks_for_yes() {
    let scene = Scene::new().await;
    let answer = scene.run(&["clear", "shop", "book"]);
    assert!(answer.code == 2 && answer.err.contains("--yes"), "{answer:?}");
    assert!(scene.autocache.cache::<book::Entity>().contains(1).await.unwrap());
}

#[tokio::test]
async fn a_watch_prints_a_line_for_each_round() {
    let scene = Scene::new().await;
    scene.plant_every_state().await;
    let watch = ["watch", "shop", "book", "--rounds", "2", "--interval", "1"];
    let lines = scene.run(&watch);
    assert_eq!(lines.out.lines().count(), 2, "{lines:?}");
    assert!(lines.out.contains("10 keys (+0), "), "{lines:?}");
    let sampled = scene.run(&[&watch[..], &["--json", "--sample", "4"]].concat());
    let last = serde_json::from_str::<serde_json::Value>(sampled.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["keys"], &last["summary"]["is_sample"]), (&json!(4), &json!(true)));
}

#[tokio::test]
async fn the_prefix_of_the_store_is_before_every_key() {
    let scene = Scene::new().await;
    let insert = Step::Insert { entry: "V".into(), lifetime: Lifetime::Forever };
    step(&scene.store, "p:shop:book:9", insert).await;
    let keys = scene.run(&["keys", "shop", "book", "--prefix", "p:", "--json"]).json();
    assert_eq!(keys[0]["key"], "p:shop:book:9");
    assert_eq!(scene.run(&["get", "shop:book:9", "--prefix", "p:", "--json"]).json()["key"], "p:shop:book:9");
    assert_eq!(scene.run(&["clear", "shop", "book", "--prefix", "p:", "--yes"]).out, "1 keys cleared\n");
    assert!(scene.store.get("shop:book:1").await.is_ok());
    assert_eq!(scene.run(&["get", "shop:book:1"]).code, 0);
}
