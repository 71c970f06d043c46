use http::Uri;
use std::env;
use std::net::TcpStream;

/// Tempo, Prometheus and Grafana behind one collector.
const START: &str = "docker run --rm -p 3000:3000 -p 4318:4318 grafana/otel-lgtm";

/// Where the exporters send to.
pub fn endpoint() -> String {
    env::var("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_else(|_| "http://localhost:4318".to_owned())
}

/// Why sending has failed, and what to do.
pub fn explain(error: &dyn std::error::Error) -> String {
    let endpoint = endpoint();
    if listens(&endpoint) {
        return format!("the collector at {endpoint} has not taken everything: {error}");
    }
    format!("nothing listens at {endpoint}. Start a collector, then run this again:\n\n    {START}\n")
}

fn listens(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else { return false };
    let port = uri.port_u16().unwrap_or(80);
    uri.host().is_some_and(|host| TcpStream::connect((host, port)).is_ok())
}
