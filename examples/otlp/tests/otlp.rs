mod collector;

use collector::Collector;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use std::net::TcpListener;
use std::process::{Command, Output};

/// Runs the program, with nothing of the tester's environment.
fn run(endpoint: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sea-orm-autocache-otlp"))
        .env_clear()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .output()
        .expect("the program starts")
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[test]
fn spans_and_metrics_of_the_cache_arrive_at_the_collector() {
    let collector = Collector::start().expect("a free port");
    let output = run(&collector.endpoint());
    assert!(output.status.success(), "{output:?}");
    let (spans, metrics) = collector.taken();

    let request = spans.iter().find(|span| span.name == "read_and_save").expect("the program's span");
    let miss = spans.iter().find(|span| span.name == "autocache.read").expect("a span of a read");
    assert_eq!(miss.parent_span_id, request.span_id);
    assert_eq!(text(&miss.attributes, "db.collection.name"), Some("note"));
    assert_eq!(text(&miss.attributes, "db.system.name"), Some("memory"));
    assert_eq!(text(&miss.attributes, "autocache.outcome"), Some("miss"));
    for name in ["autocache.load", "autocache.finish"] {
        assert!(spans.iter().any(|span| span.name == name), "no span {name}");
    }

    let named = |name: &str| {
        let mut found = metrics.iter().filter(|metric| metric.name == name);
        let metric = found.next().unwrap_or_else(|| panic!("no metric {name}"));
        assert!(found.next().is_none(), "{name} has arrived once");
        metric.data.as_ref().expect("data")
    };
    let metric::Data::Sum(reads) = named("sea_orm_autocache_reads_total") else {
        panic!("reads are a counter");
    };
    // Five rounds of eleven reads: each of the ten notes is a miss once.
    for (outcome, count) in [("hit", 45), ("miss", 10), ("tombstone", 0), ("bypass", 0), ("coalesced", 0)] {
        let point = reads.data_points.iter().find(|it| text(&it.attributes, "outcome") == Some(outcome));
        let point = point.unwrap_or_else(|| panic!("no {outcome}"));
        assert_eq!(text(&point.attributes, "entity"), Some("note"));
        assert_eq!(point.value, Some(number_data_point::Value::AsInt(count)), "{outcome}");
    }
    // With a unit its name would be another one in Prometheus.
    let open = metrics.iter().find(|metric| metric.name == "sea_orm_autocache_breaker_open");
    assert_eq!(open.map(|gauge| gauge.unit.as_str()), Some(""));
    let metric::Data::Histogram(durations) = named("sea_orm_autocache_read_duration_seconds") else {
        panic!("durations are a histogram");
    };
    for point in &durations.data_points {
        assert_eq!(point.explicit_bounds.first(), Some(&0.0001), "bounds in seconds");
    }
}

#[test]
fn without_a_collector_the_program_says_that_nothing_listens_and_ends() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let endpoint = format!("http://{}", free.expect("a free port"));
    let output = run(&endpoint);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("nothing listens at {endpoint}")), "{said}");
    assert!(said.contains("docker run"), "{said}");
}
