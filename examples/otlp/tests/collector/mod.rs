use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Takes what is posted to it.
pub struct Collector {
    address: SocketAddr,
    posts: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, posts) = channel();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, sender) = (connection.expect("a connection"), sender.clone());
                thread::spawn(move || serve(&connection, &sender).expect("requests of HTTP 1.1"));
            }
        });
        Ok(Self { address, posts })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans and metrics that have arrived.
    pub fn taken(self) -> (Vec<Span>, Vec<Metric>) {
        let (mut spans, mut metrics) = (Vec::new(), Vec::new());
        for (path, body) in self.posts.try_iter() {
            match path.as_str() {
                "/v1/traces" => {
                    let request = ExportTraceServiceRequest::decode(&*body).expect("spans");
                    let scopes = request.resource_spans.into_iter().flat_map(|it| it.scope_spans);
                    spans.extend(scopes.flat_map(|scope| scope.spans));
                }
                "/v1/metrics" => {
                    let request = ExportMetricsServiceRequest::decode(&*body).expect("metrics");
                    let scopes = request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
                    metrics.extend(scopes.flat_map(|scope| scope.metrics));
                }
                path => panic!("a post to {path}"),
            }
        }
        (spans, metrics)
    }
}

/// Answers the requests of one connection until the client closes it.
fn serve(mut connection: &TcpStream, sender: &Sender<(String, Vec<u8>)>) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let path = request.split(' ').nth(1).expect("a path").to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        // The test may have what it wants and be gone.
        let _ = sender.send((path, body));
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
