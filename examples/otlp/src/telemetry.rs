use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{Instrument, InstrumentKind, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::error::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const DURATIONS: [&str; 3] = [
    "sea_orm_autocache_read_duration_seconds",
    "sea_orm_autocache_list_read_duration_seconds",
    "sea_orm_autocache_round_trip_duration_seconds",
];

/// Those of the SDK begin at 5, which fits milliseconds.
const BOUNDS_SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// What sends spans every few seconds and metrics every minute, from threads of its own.
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Makes it the process's subscriber of `tracing` and recorder of `metrics`.
    ///
    /// The exporters read the address from `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn install() -> Result<Self, Box<dyn Error>> {
        let resource = Resource::builder().with_service_name("notes").build();
        let spans = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(SpanExporter::builder().with_http().build()?)
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(MetricExporter::builder().with_http().build()?)
            .with_view(as_named)
            .build();

        // The spans of single reads are DEBUG.
        let exported = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("sea_orm_autocache", LevelFilter::DEBUG);
        let exporter = tracing_opentelemetry::layer().with_tracer(spans.tracer("notes"));
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        tracing_subscriber::registry()
            .with(exporter.with_filter(exported))
            .with(log.with_filter(LevelFilter::WARN))
            .try_init()?;

        let mut recorder = OpenTelemetryRecorder::new(OpenTelemetryMetrics::new(metrics.meter("notes")));
        recorder.set_histogram_bounds_mut(DURATIONS.into_iter(), &BOUNDS_SECONDS);
        metrics::set_global_recorder(recorder)?;
        Ok(Self { spans, metrics })
    }

    /// Sends what is left. An error says that not all of it has arrived.
    pub fn finish(self) -> OTelSdkResult {
        // The shutdown of spans succeeds whether they have arrived or not.
        let spans = self.spans.force_flush().and(self.spans.shutdown());
        let metrics = self.metrics.shutdown();
        spans.and(metrics)
    }
}

/// Takes the unit 1 from a gauge: Prometheus would end its name in `_ratio`, which no dashboard expects.
fn as_named(instrument: &Instrument) -> Option<Stream> {
    let counts = instrument.kind() == InstrumentKind::Gauge && instrument.unit() == "1";
    if counts { Stream::builder().with_unit("").build().ok() } else { None }
}
