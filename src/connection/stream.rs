//! [`CachedStream`]: the rows of a streamed statement.

use crate::write::UnitOfWork;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use sea_orm::{DbErr, QueryResult};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The rows of a statement that is streamed on one of the cache's connections.
///
/// In a [`CachedTransaction`](crate::CachedTransaction) one that fails, or that is dropped before its end, makes the
/// rows of the transaction uncertain: their keys are emptied on commit instead of published.
#[must_use = "streams do nothing unless polled"]
#[allow(missing_debug_implementations)]
pub struct CachedStream<'a> {
    rows: BoxStream<'a, Result<QueryResult, DbErr>>,
    unfinished: Unfinished,
}

/// A stream of a transaction that has not come to its end.
pub(super) struct Unfinished(Option<Arc<UnitOfWork>>);

impl Unfinished {
    pub(super) fn of(work: Option<Arc<UnitOfWork>>) -> Self {
        Self(work)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(work) = &self.0 {
            work.note_failure();
        }
    }
}

impl<'a> CachedStream<'a> {
    pub(super) fn of(rows: BoxStream<'a, Result<QueryResult, DbErr>>, unfinished: Unfinished) -> Self {
        Self { rows, unfinished }
    }
}

impl Stream for CachedStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.rows.poll_next_unpin(context);
        match &next {
            Poll::Ready(None) => self.unfinished.0 = None,
            Poll::Ready(Some(Err(_))) => {
                if let Some(work) = &self.unfinished.0 {
                    work.note_failure();
                }
            }
            _ => {}
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}
