use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Half<'c, T> = BoxFuture<'c, Result<T, DbErr>>;

/// One half of a hook after the other: the user's and the signal's. By hand, for the reason that
/// [`Then`](super::Then) is.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Chain<'c, T> {
    now: Half<'c, T>,
    /// What comes after it.
    next: Option<Box<dyn FnOnce(T) -> Half<'c, T> + Send + 'c>>,
}

impl<'c, T: 'c> Chain<'c, T> {
    /// The future that a hook answers with.
    #[must_use]
    pub fn boxed(first: Half<'c, T>, second: impl FnOnce(T) -> Half<'c, T> + Send + 'c) -> Half<'c, T> {
        Box::pin(Self { now: first, next: Some(Box::new(second)) })
    }
}

impl<T> Future for Chain<'_, T> {
    type Output = Result<T, DbErr>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match (self.now.as_mut().poll(context), self.next.take()) {
                (Poll::Ready(Ok(model)), Some(next)) => self.now = next(model),
                (Poll::Pending, next) => {
                    self.next = next;
                    return Poll::Pending;
                }
                (ended, _) => return ended,
            }
        }
    }
}
