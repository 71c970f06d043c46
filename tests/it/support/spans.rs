use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

thread_local! {
    static SEEN: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
}

/// The attributes of a span, as text.
type Attributed = BTreeMap<&'static str, String>;

/// A span that has begun.
#[derive(Debug)]
pub struct Seen {
    id: Id,
    pub level: Level,
    pub name: &'static str,
    pub attributes: Attributed,
}

/// The spans that begin on this thread while it lives.
pub struct Spans(());

impl Spans {
    pub fn listen() -> Self {
        super::log::subscribe();
        SEEN.set(Some(Vec::new()));
        Self(())
    }

    /// Those that have begun.
    pub fn seen(self) -> Vec<Seen> {
        SEEN.take().unwrap_or_default()
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}

/// The layer of the process' subscriber that keeps them.
pub struct KeepSpans;

struct Fields<'f>(&'f mut Attributed);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for KeepSpans {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        SEEN.with_borrow_mut(|seen| {
            let Some(seen) = seen else { return };
            let (level, name) = (*span.metadata().level(), span.metadata().name());
            let mut attributes = Attributed::new();
            span.record(&mut Fields(&mut attributes));
            seen.push(Seen { id: id.clone(), level, name, attributes });
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        SEEN.with_borrow_mut(|seen| {
            // The number of a span that has ended is given to another.
            let mut all = seen.iter_mut().flatten();
            if let Some(seen) = all.rfind(|seen| seen.id == *id) {
                values.record(&mut Fields(&mut seen.attributes));
            }
        });
    }
}
