//! What a person sees on the page, in a real browser.

mod support;

use fantoccini::Locator;
use sea_orm_autocache_axum::{Cache, Options};
use serde_json::{Value, json};
use std::time::Duration;
use support::Visit;
use tokio::time::sleep;

fn redis() -> Options {
    Options { cache: Cache::OwnRedis, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_read_of_a_row_is_a_miss_and_the_next_a_hit() {
    let visit = Visit::start(Options::default()).await;
    visit.press("Read", "A miss").await;
    visit.press("Read", "A hit").await;
    assert_eq!((visit.count("posts", "misses", 1).await, visit.count("posts", "hits", 1).await), (1, 1));
    visit.see("#of-posts .percent", "50").await;
    visit.see("#log li:first-child", "hit").await;
    visit.see("#log li:last-child", "miss").await;
    let bars = visit.run("return [...document.querySelectorAll('#bars span')].map(b => b.className)", vec![]);
    assert_eq!(bars.await, json!(["miss", "hit"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_row_is_read_from_the_cache() {
    let visit = Visit::start(redis()).await;
    visit.press("Read", "A miss").await;
    visit.write("#text", "  On tombstones  ").await;
    visit.press("Save", "Saved").await;
    visit.count("posts", "publishes", 1).await;
    visit.write("#text", "something else").await;
    visit.press("Read", "A hit").await;
    let text = visit.client.find(Locator::Css("#text")).await.expect("a field").prop("value").await;
    assert_eq!(text.expect("a value").as_deref(), Some("On tombstones"), "trimmed by the entity's own hook");
    visit.write("#text", " ").await;
    visit.press("Save", "422: a post needs a title").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_row_is_a_tombstone_and_not_found() {
    let visit = Visit::start(redis()).await;
    visit.press("Delete", "Deleted").await;
    let answer = visit.press("Read", "A tombstone").await;
    assert!(answer.starts_with("404"), "{answer}");
    assert_eq!(visit.count("posts", "tombstone_hits", 1).await, 1);
    visit.press("Create", "Created").await;
    visit.press("Read", "A hit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_readers_of_an_empty_key_share_one_database_read() {
    let visit = Visit::start(redis()).await;
    let coalesced = herd(&visit, 1).await;
    assert!(coalesced > 0, "none of {HERDS_MAX} herds was coalesced");
    visit.see("#log", "coalesced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_rolls_back_leaves_the_entry() {
    let visit = Visit::start(Options::default()).await;
    visit.press("Read", "A miss").await;
    visit.press("Save and roll back", "422: it refers to a row that does not exist. Rolled back").await;
    visit.press("Read", "A hit").await;
    let text = visit.client.find(Locator::Css("#text")).await.expect("a field").prop("value").await;
    assert!(text.expect("a value").is_some_and(|title| title.contains("part 7")), "the title of before");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_job_has_changed_in_bulk_are_hits_afterwards() {
    let visit = Visit::start(redis()).await;
    visit.press("Like all posts", "120 rows changed").await;
    visit.write("#id", "77").await;
    visit.press("Read", "A hit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_database_answers_and_afterwards_nothing_is_stale() {
    let visit = Visit::start(redis()).await;
    visit.write("#id", "8").await;
    visit.press("Read", "A miss").await;
    visit.write("#id", "7").await;
    visit.press("Read", "A miss").await;
    visit.press("Read", "A hit").await;
    visit.click("Stop Redis").await;
    visit.see("#redis", "Start Redis").await;
    visit.press("Read", "A bypass").await;
    visit.see("#state", "Out of reach").await;
    visit.see("#stores", "breaker open").await;
    visit.write("#text", "Written without Redis").await;
    visit.press("Save", "the invalidation is queued").await;
    visit.see("#news", "The invalidations of your writes are queued").await;

    // The server comes back with the entry it had: an old row, were its invalidation not queued.
    visit.click("Start Redis").await;
    visit.see("#stores li:first-child", "breaker closed").await;
    visit.see("#stores li:first-child", "0 invalidations queued").await;
    visit.write("#text", "").await;
    visit.press("Read", "A miss").await;
    let text = visit.client.find(Locator::Css("#text")).await.expect("a field").prop("value").await;
    assert_eq!(text.expect("a value").as_deref(), Some("Written without Redis"));
    visit.write("#id", "8").await;
    visit.press("Read", "A hit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_nothing_is_cut_off() {
    let visit = Visit::start(redis()).await;
    visit.size(360, 740).await;
    visit.press("Read", "A miss").await;
    visit.press("Read 100 at once", "100 readers").await;
    visit.press("Like all posts", "rows").await;
    let script = "
        const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > 361);
        return [document.documentElement.scrollWidth, wide.filter(e => !e.closest('.skip')).map(e => e.outerHTML)]";
    assert_eq!(visit.run(script, vec![]).await, json!([360, []]));
    let small = "return [...document.querySelectorAll('button, input, select')]
        .filter(e => e.offsetParent && e.getBoundingClientRect().height < 40).length";
    assert_eq!(visit.run(small, vec![]).await, json!(0), "a finger needs some room");
}

/// Contrast of each text with what is behind it, by the formula of WCAG 2; those below 4.5.
const FAINT: &str = r"
    // A cell that has just changed shines for a second.
    document.getAnimations().forEach((animation) => animation.finish());
    const light = (color) => {
        const [r, g, b] = color.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;
            if (!/, 0\)$/.test(color)) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.offsetParent) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push([texts.currentNode.data, contrast]);
    }
    return [faint, getComputedStyle(document.body).backgroundColor];";

#[tokio::test(flavor = "multi_thread")]
async fn all_text_is_legible_by_day_and_by_night() {
    let visit = Visit::start(redis()).await;
    visit.press("Read", "A miss").await;
    let mut papers = Vec::new();
    for dark in [false, true] {
        visit.dark(dark).await;
        let answer = visit.run(FAINT, vec![]).await;
        assert_eq!(answer[0], json!([]), "dark: {dark}");
        papers.push(answer[1].clone());
    }
    assert_ne!(papers[0], papers[1], "the night has another paper");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_control_is_reached_by_keyboard_and_has_a_name() {
    let visit = Visit::start(redis()).await;
    let mut names = Vec::new();
    for _ in 0..14 {
        tab(&visit).await;
        let ring = "return getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(visit.run(ring, vec![]).await, json!("solid"), "the focus is seen, after {names:?}");
        names.push(visit.name_of_focused().await);
    }
    let expected = [
        "To the row",
        "Entity",
        "Id",
        "Title",
        "Read",
        "Read 100 at once",
        "Save",
        "Delete",
        "Create",
        "Save and roll back",
        "Like all posts",
        "Stop Redis",
        "/metrics",
        "/health",
    ];
    assert_eq!(names, expected);
    // Enter in the title saves.
    visit.write("#text", "By keyboard\u{e007}").await;
    visit.see("#answer", "Saved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_reader_hears_answers_and_sees_tables_and_charts() {
    let visit = Visit::start(Options::default()).await;
    visit.press("Read", "A miss").await;
    let script = "
        const live = [...document.querySelectorAll('[role=status], [aria-live]')].map(e => e.id);
        const heading = [...document.querySelectorAll('h1, h2, h3')].map(e => e.tagName);
        const lang = document.documentElement.lang;
        return [live, heading, lang, document.querySelectorAll('main').length]";
    let expected = json!([["answer", "news"], ["H1", "H2", "H3", "H2", "H2", "H2"], "en", 1]);
    assert_eq!(visit.run(script, vec![]).await, expected);
    visit.see("#figures", "1 read").await;
    let chart = visit.run("return document.querySelector('#bars').ariaLabel", vec![]).await;
    assert!(chart.as_str().is_some_and(|label| label.starts_with("1 read: median")), "{chart}");
}

/// `LIVE_PICTURE=1` makes docs/images/live.png.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_be_pictured() {
    let visit = Visit::start(redis()).await;
    for (entity, rows) in [("tags", 2), ("users", 4), ("posts", 7)] {
        visit.choose(entity).await;
        for id in 1..=rows {
            visit.write("#id", &id.to_string()).await;
            visit.press("Read", "A miss").await;
            visit.press("Read", "A hit").await;
            visit.press("Read", "A hit").await;
        }
    }
    herd(&visit, 60).await;
    visit.press("Save", "Saved").await;
    visit.press("Delete", "Deleted").await;
    visit.press("Read", "A tombstone").await;
    visit.press("Create", "Created").await;
    visit.press("Read", "A hit").await;
    // Until no cell shines any more.
    sleep(Duration::from_secs(2)).await;
    let height = visit.run("return document.documentElement.scrollHeight", vec![]).await;
    visit.size(1200, height.as_u64().and_then(|height| u32::try_from(height).ok()).unwrap_or(900)).await;
    let picture = visit.client.screenshot().await.expect("a picture");
    assert!(picture.len() < 250_000, "{} bytes", picture.len());
    if std::env::var_os("LIVE_PICTURE").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images");
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(format!("{folder}/live.png"), picture).expect("a file");
    }
}

const HERDS_MAX: u64 = 10;
/// By then the page has the numbers of what is over.
const NEWS: Duration = Duration::from_millis(600);

/// Sends a hundred readers, again if fewer than this many were coalesced: on a busy machine most come when the row
/// is there. Answers with how many were.
async fn herd(visit: &Visit, at_least: u64) -> u64 {
    let mut coalesced = 0;
    // Until the numbers of what was before have come.
    sleep(NEWS).await;
    for _ in 0..HERDS_MAX {
        let hits = visit.count("posts", "hits", 0).await;
        let answer = visit.press("Read 100 at once", "100 readers").await;
        // A reader that comes while the row is on its way to Redis may have to read it itself.
        assert!(answer.contains("1 database read.") || answer.contains("2 database reads."), "{answer}");
        sleep(NEWS).await;
        let before = coalesced;
        coalesced = visit.count("posts", "coalesced", 0).await;
        let spared = coalesced - before + visit.count("posts", "hits", 0).await - hits;
        assert!((95..100).contains(&spared), "{spared} readers were spared");
        if coalesced - before >= at_least {
            break;
        }
    }
    coalesced
}

async fn tab(visit: &Visit) {
    let focused = visit.client.active_element().await.expect("a focus");
    focused.send_keys("\u{e004}").await.expect("a key");
}

/// The page asks for nothing from elsewhere, and its script has no error.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_the_page_needs_comes_from_the_service() {
    let visit = Visit::start(Options::default()).await;
    visit.press("Read", "A miss").await;
    let script = "return performance.getEntriesByType('resource').map(r => new URL(r.name).origin)
        .filter(origin => origin !== location.origin)";
    assert_eq!(visit.run(script, vec![]).await, Value::Array(Vec::new()));
}
