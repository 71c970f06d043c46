//! Many commands or keys in one call.

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, shape_of, step};
use super::steps::{HELD, entry, fill, insert, intent, lease, leased, publish, writers};
use crate::coherence::Answer;
use crate::store::{Command, Store};

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law {
            name: "a call answers each command once, in their order",
            check: |store| Box::pin(replies_in_order(store)),
        },
        Law {
            name: "the commands of one call on one key see each other",
            check: |store| Box::pin(commands_in_order(store)),
        },
        Law {
            name: "a read of many keys answers each once, in their order",
            check: |store| Box::pin(reads_in_order(store)),
        },
        Law { name: "a call of nothing answers nothing", check: |store| Box::pin(nothing(store)) },
    ]
}

async fn replies_in_order(store: &dyn Store) -> Verdict {
    let keys: Vec<String> = (0..4).map(|_| fresh_key("batch")).collect();
    step(store, &keys[1], insert("Vb")).await?;
    step(store, &keys[2], intent(9)).await?;
    let steps = [insert("Va"), lease(1), lease(2), intent(3)];
    let commands = keys.iter().cloned().zip(steps).map(|(key, step)| Command::new(key, step)).collect();
    let expected = vec![Ok(Answer::Published), Ok(Answer::Found("Vb".into())), Ok(Answer::Writing), Ok(HELD)];
    same("the list of replies", &store.run(commands).await, &expected)?;
    same("what the last key holds", &shape(store, &keys[3]).await?, &writers(false, &[3]))
}

async fn commands_in_order(store: &dyn Store) -> Verdict {
    if !store.keeps_order() {
        return Ok(());
    }
    let key = fresh_key("batch");
    let steps = [lease(1), fill(1, "Va"), lease(2), intent(3), publish(3, "Vb")];
    let commands = steps.into_iter().map(|step| Command::new(key.clone(), step)).collect();
    let found = Ok(Answer::Found("Va".into()));
    let expected = vec![Ok(Answer::Granted), Ok(Answer::Filled), found, Ok(HELD), Ok(Answer::Published)];
    same("the list of replies", &store.run(commands).await, &expected)?;
    same("what the key holds", &shape(store, &key).await?, &entry("Vb"))
}

async fn reads_in_order(store: &dyn Store) -> Verdict {
    let mut keys: Vec<String> = (0..6).map(|_| fresh_key("batch")).collect();
    step(store, &keys[1], insert("Va")).await?;
    step(store, &keys[2], lease(1)).await?;
    step(store, &keys[3], insert("Vb")).await?;
    step(store, &keys[5], intent(2)).await?;
    // Once more, in another order.
    keys.extend([keys[3].clone(), keys[0].clone(), keys[1].clone()]);
    let found = store.get_many(&keys).await.map_err(|error| format!("a read failed: {error}"))?;
    let shapes = found.into_iter().map(shape_of).collect::<Result<Vec<_>, _>>()?;
    let (a, b) = (entry("Va"), entry("Vb"));
    let first = [Shape::Empty, a.clone(), leased(1), b.clone(), Shape::Empty, writers(false, &[2])];
    same("what was found", &shapes, &first.into_iter().chain([b, Shape::Empty, a]).collect())
}

async fn nothing(store: &dyn Store) -> Verdict {
    same("the number of replies", &store.run(Vec::new()).await.len(), &0)?;
    same("the answer to a read", &store.get_many(&[]).await.map(|found| found.len()), &Ok(0))
}
