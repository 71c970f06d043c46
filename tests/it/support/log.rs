use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static LISTENING: RefCell<Option<(Level, Log)>> = const { RefCell::new(None) };
}

/// What is logged while its guard lives, by this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// Ends the listening.
pub struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        LISTENING.replace(None);
    }
}

impl Log {
    pub fn listen(&self, level: Level) -> Guard {
        // One subscriber for the process: those of single threads may miss what a callsite says first.
        static SUBSCRIBED: Once = Once::new();
        SUBSCRIBED.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(Level::WARN);
            subscriber.with_writer(ToListener).init();
        });
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
