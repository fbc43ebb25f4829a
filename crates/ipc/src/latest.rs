//! "Whole view, newest wins": the shape of every `Watch…` call.
//!
//! The daemon keeps its view in a `tokio::sync::watch` channel. Each watcher gets the newest view at once and then
//! again whenever it has changed; views that a slow watcher did not take in time are skipped, never queued. The
//! stream ends when the daemon stops, so that an open watch cannot hold up its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::errors::Problem;

/// A server stream of whole views; name it as the associated stream type of the generated service trait.
pub struct WholeView<R>(BoxStream<'static, Result<R, Status>>);

impl<R> std::fmt::Debug for WholeView<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WholeView")
    }
}

impl<R: Send + 'static> WholeView<R> {
    /// Streams `convert(view)` for the newest view and each newer one. `T` is cloned once a turn: use an `Arc`.
    ///
    /// Ends with UNAVAILABLE (reason `STOPPING`) on `stop` and when the sender is gone, so that the watcher knows to
    /// come back instead of taking the end for an answer.
    pub fn new<T, F>(view: watch::Receiver<T>, stop: CancellationToken, convert: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        F: FnMut(T) -> R + Send + 'static,
    {
        Self::filtered(view, stop, {
            let mut convert = convert;
            move |view| Some(convert(view))
        })
    }

    /// As [`Self::new`], but leaves out views for which `convert` gives `None`, as before the first real view.
    pub fn filtered<T, F>(view: watch::Receiver<T>, stop: CancellationToken, mut convert: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        F: FnMut(T) -> Option<R> + Send + 'static,
    {
        let views = WatchStream::new(view)
            .filter_map(move |view| std::future::ready(convert(view).map(Ok)))
            .take_until(stop.cancelled_owned());
        let end = stream::once(async { Err(stopping()) });
        Self(views.chain(end).boxed())
    }
}

fn stopping() -> Status {
    Problem::unavailable("STOPPING", "the daemon is stopping")
        .remedy("call again; the service manager starts it anew if it was restarted")
        .into()
}

impl<R> Stream for WholeView<R> {
    type Item = Result<R, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_next_unpin(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[tokio::test]
    async fn the_newest_view_comes_first_and_skipped_ones_never() {
        let (tx, rx) = watch::channel(1);
        let mut views = WholeView::new(rx, CancellationToken::new(), |n| n * 10);
        assert_eq!(views.next().await.unwrap().unwrap(), 10);
        tx.send(2).unwrap();
        tx.send(3).unwrap();
        assert_eq!(views.next().await.unwrap().unwrap(), 30);
        drop(tx);
        assert_eq!(views.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
        assert!(views.next().await.is_none());
    }

    #[tokio::test]
    async fn the_stop_token_ends_an_idle_watch() {
        let (_tx, rx) = watch::channel(None);
        let stop = CancellationToken::new();
        let mut views: WholeView<u8> = WholeView::filtered(rx, stop.clone(), |view: Option<u8>| view);
        stop.cancel();
        let end = views.next().await.unwrap().unwrap_err();
        assert_eq!(crate::errors::reason_of(&end).as_deref(), Some("STOPPING"));
        assert!(views.next().await.is_none());
    }
}
