//! The dashboard, the alerts and the guide name what is exported, and nothing else.

use super::facade::{Exported, Kept};
use crate::support::{Database, Place, World, builder};
use metrics::set_default_local_recorder;
use sea_orm_autocache::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PREFIX: &str = "sea_orm_autocache_";
/// Labels that Prometheus adds.
const OTHER_LABELS: [&str; 2] = ["instance", "le"];

/// All that is exported by a program with both kinds of room in memory.
async fn exported() -> BTreeMap<String, Exported> {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let store = MemoryStore::with_max_bytes(1 << 20);
    let by_bytes = builder(world.plain.clone()).app("app").backend("default", store).build();
    by_bytes.expect("an Autocache");
    kept.exported()
}

impl Exported {
    /// Each label and its values.
    fn label_values(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let pairs = self.labels.iter().flat_map(|series| series.split(' '));
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            values.entry(name).or_default().insert(value);
        }
        values
    }
}

/// A metric in a query, its conditions as label and quoted value, and the labels that it is grouped by.
struct Used<'q> {
    name: &'q str,
    conditions: Vec<(&'q str, &'q str)>,
    grouped_by: Vec<&'q str>,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The metrics of a query. `sum by (a, b) (rate(metric{c="d"}[5m]))` groups the metrics that follow.
fn used(query: &str) -> Vec<Used<'_>> {
    let mut found = Vec::new();
    for (start, _) in query.match_indices(PREFIX) {
        let rest = &query[start..];
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let braces = rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let conditions = braces.map_or("", |(conditions, _)| conditions).split(',');
        let conditions = conditions.filter_map(|condition| condition.split_once('=')).collect();
        let by = query[..start].rsplit_once(" by (").and_then(|(_, rest)| rest.split_once(')'));
        let grouped_by = by.map_or(Vec::new(), |(labels, _)| labels.split(',').map(str::trim).collect());
        found.push(Used { name, conditions, grouped_by });
    }
    found
}

/// What is wrong with a query.
fn faults(query: &str, exported: &BTreeMap<String, Exported>) -> Vec<String> {
    let mut faults = Vec::new();
    for Used { name, conditions, grouped_by } in used(query) {
        let base = name.strip_suffix("_bucket").unwrap_or(name);
        let Some(metric) = exported.get(base).filter(|metric| (metric.kind == "histogram") == (base != name))
        else {
            faults.push(format!("`{name}` is not exported"));
            continue;
        };
        let known = metric.label_values();
        for label in conditions.iter().map(|(label, _)| label.trim()).chain(grouped_by) {
            if !known.contains_key(label) && !OTHER_LABELS.contains(&label) {
                faults.push(format!("`{name}` has no label `{label}`"));
            }
        }
        for (label, value) in &conditions {
            let values = value.trim_matches(['~', '"']).split('|').filter(|value| !value.starts_with('$'));
            let known = known.get(label.trim());
            let strange = values.filter(|value| !known.is_some_and(|known| known.contains(value)));
            faults.extend(strange.map(|value| format!("`{name}` has no `{label}` of `{value}`")));
        }
    }
    faults
}

/// Every string under this name, with the object that it is in.
fn strings<'j>(json: &'j serde_json::Value, name: &str, found: &mut Vec<(&'j str, &'j serde_json::Value)>) {
    match json {
        serde_json::Value::Object(fields) => {
            found.extend(fields.get(name).and_then(|text| Some((text.as_str()?, json))));
            fields.values().for_each(|field| strings(field, name, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, name, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_shows_every_metric_and_no_other() {
    let exported = exported().await;
    let json: serde_json::Value =
        serde_json::from_str(include_str!("../../../dashboards/grafana.json")).unwrap();
    let mut queries = Vec::new();
    strings(&json, "expr", &mut queries);
    let mut shown = BTreeSet::new();
    for (query, target) in &queries {
        assert_eq!(faults(query, &exported), [""; 0], "{query}");
        shown.extend(used(query).iter().map(|used| used.name.trim_end_matches("_bucket").to_owned()));
        let legend = target["legendFormat"].as_str().unwrap();
        for label in legend.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0)) {
            let is_known = used(query).iter().all(|used| used.grouped_by.contains(&label));
            assert!(is_known, "the legend `{legend}` names a label that is not in {query}");
        }
    }
    let missing: Vec<_> = exported.keys().filter(|name| !shown.contains(*name)).collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
    let mut variables = Vec::new();
    strings(&json["templating"], "definition", &mut variables);
    for (query, _) in variables {
        let (name, label) = query["label_values(".len()..query.len() - 1].split_once(", ").unwrap();
        assert!(exported[name].label_values().contains_key(label), "{query}");
    }
}

#[tokio::test]
async fn the_alerts_ask_for_metrics_that_are_exported() {
    let exported = exported().await;
    let rules = include_str!("../../../dashboards/alerts.yml");
    let guide = include_str!("../../../docs/guide/observability.md");
    let rules: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert_eq!(rules.len(), 6);
    for rule in rules {
        let name = rule.lines().next().unwrap();
        let (_, expression) = rule.split_once("expr:").unwrap();
        let (expression, rest) = expression.split_once("labels:\n").unwrap();
        assert!(!used(expression).is_empty(), "{name} asks for nothing");
        assert_eq!(faults(expression, &exported), [""; 0], "{name}");
        for label in rest.split("$labels.").skip(1).map(|rest| rest.split(|c| !is_word(c)).next().unwrap()) {
            let is_known = used(expression).iter().all(|used| used.grouped_by.contains(&label));
            assert!(is_known, "{name} names the label `{label}`, which its expression drops");
        }
        assert!(guide.contains(&format!("| `{name}` |")), "{name} is not in the guide");
    }
}

#[tokio::test]
async fn the_guide_lists_every_metric_as_it_is_exported() {
    let guide = include_str!("../../../docs/guide/observability.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells.get(1)?.trim_matches('`');
        name.starts_with(PREFIX).then(|| (name.to_owned(), (cells[2].to_owned(), cells[3].to_owned())))
    };
    let listed: BTreeMap<_, _> = guide.lines().filter_map(row).collect();
    let described = |(name, metric): (&String, &Exported)| {
        let labels: BTreeSet<&str> = metric.label_values().into_keys().collect();
        let order = ["entity", "backend", "outcome", "operation"].into_iter();
        let labels: Vec<&str> = order.filter(|label| labels.contains(label)).collect();
        (name.clone(), (metric.kind.to_owned(), labels.join(", ")))
    };
    let wanted: BTreeMap<_, _> = exported().await.iter().map(described).collect();
    assert_eq!(listed, wanted);
    let outcomes = exported().await;
    let outcomes = outcomes["sea_orm_autocache_reads_total"].label_values().remove("outcome").unwrap().len();
    assert_eq!(outcomes, 5, "the table of outcomes has five");
}
