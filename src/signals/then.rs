use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A hook: runs its signal, then answers with the model.
///
/// By hand, because an `async` block of its own in each entity costs the compiler several times as much.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Then<'c, T> {
    signal: BoxFuture<'c, Result<(), DbErr>>,
    model: Option<T>,
}

impl<'c, T: Send + Unpin + 'c> Then<'c, T> {
    /// The future that a hook answers with.
    #[must_use]
    pub fn boxed(signal: BoxFuture<'c, Result<(), DbErr>>, model: T) -> BoxFuture<'c, Result<T, DbErr>> {
        Box::pin(Self { signal, model: Some(model) })
    }
}

impl<T: Unpin> Future for Then<'_, T> {
    type Output = Result<T, DbErr>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.signal.as_mut().poll(context) {
            Poll::Ready(Ok(())) => match self.model.take() {
                Some(model) => Poll::Ready(Ok(model)),
                None => Poll::Pending,
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}
