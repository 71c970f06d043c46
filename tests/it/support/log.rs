use super::spans::KeepSpans;
use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

thread_local! {
    static LISTENING: RefCell<Option<(Level, Log)>> = const { RefCell::new(None) };
}

/// What is logged while its guard lives, by this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// One subscriber for the process: those of single threads may miss what a callsite says first, and mix up spans that
/// go from thread to thread.
pub fn subscribe() {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(ToListener);
        let is_own = filter_fn(|metadata| metadata.is_span() && metadata.target() == "sea_orm_autocache");
        let spans = KeepSpans.with_filter(is_own);
        Registry::default().with(log.with_filter(LevelFilter::WARN)).with(spans).init();
    });
}

/// Ends the listening.
pub struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        LISTENING.replace(None);
    }
}

impl Log {
    pub fn listen(&self, level: Level) -> Guard {
        subscribe();
        LISTENING.replace(Some((level, self.clone())));
        Guard
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct ToListener;

impl<'a> MakeWriter<'a> for ToListener {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log::default()
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Log {
        let log = |listening: &Option<(Level, Log)>| match listening {
            Some((level, log)) if meta.level() <= level => log.clone(),
            _ => Log::default(),
        };
        LISTENING.with_borrow(log)
    }
}
