//! Sockets that listen, on threads of their own, so that what they take in does not wait for
//! what is sent.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytestring::ByteString;
use futures_util::future::{Either, select};
use tokio::sync::{oneshot, watch};
use tokio::task::{LocalSet, spawn_local};

use super::error::HubError;
use super::heard;
use super::refusal::No;
use super::socket::{Opener, Socket};
use super::target::Target;

/// What is done with what comes over one socket.
pub(super) trait Listener: Send + 'static {
    /// What it is, for whoever is told that there is none.
    const KIND: &str;

    /// What is said first; the hub has to answer it without an error.
    fn greeting(&self) -> String;

    /// Takes in one text; gives what is to be said to it.
    fn take(&mut self, text: &[u8]) -> serde_json::Result<Option<ByteString>>;

    /// The hub, or its socket, did what it should not have done.
    fn failed(&self, reason: &str);
}

/// Listens until stopped or dropped.
pub(super) struct Listeners<L> {
    threads: Vec<JoinHandle<Result<Vec<L>, HubError>>>,
    stop: watch::Sender<()>,
}

impl<L: Listener> Listeners<L> {
    /// Returns when every listener was answered its greeting.
    pub(super) async fn start(target: &Target, listeners: Vec<L>) -> Result<Self, HubError> {
        let target = Arc::new(target.clone());
        let (stop, stopped) = watch::channel(());
        let mut started = Self {
            threads: Vec::new(),
            stop,
        };
        let mut signals = Vec::new();
        for share in shares(listeners) {
            let (ready, is_ready) = oneshot::channel();
            let (target, stopped) = (target.clone(), stopped.clone());
            let listening = move || run(&target, share, ready, stopped);
            started.threads.push(thread::spawn(listening));
            signals.push(is_ready);
        }
        for signal in signals {
            if signal.await.is_err() {
                return Err(started.first_error());
            }
        }
        Ok(started)
    }

    /// Gives the listeners back.
    pub(super) fn stop(self) -> Result<Vec<L>, HubError> {
        drop(self.stop);
        let mut listeners = Vec::new();
        for thread in self.threads {
            listeners.extend(join(thread)?);
        }
        Ok(listeners)
    }

    fn first_error(self) -> HubError {
        let error = self.stop().err();
        error.unwrap_or_else(|| io::Error::other("a listener has ended").into())
    }
}

fn join<T>(thread: JoinHandle<Result<T, HubError>>) -> Result<T, HubError> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread of listeners panicked").into()))
}

/// One for each processor.
fn shares<L>(listeners: Vec<L>) -> Vec<Vec<L>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<L>> = Vec::new();
    shares.resize_with(threads.min(listeners.len()), Vec::new);
    let count = shares.len();
    for (index, listener) in listeners.into_iter().enumerate() {
        shares[index % count].push(listener);
    }
    shares
}

fn run<L: Listener>(
    target: &Target,
    listeners: Vec<L>,
    ready: oneshot::Sender<()>,
    stopped: watch::Receiver<()>,
) -> Result<Vec<L>, HubError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async move {
        let opener = Opener::new(target);
        let mut tasks = Vec::new();
        for listener in listeners {
            let socket = greet(&opener, &listener).await?;
            tasks.push(spawn_local(listen(listener, socket, stopped.clone())));
        }
        // Nobody waits for it any more if another thread has failed.
        let _ = ready.send(());
        let mut listeners = Vec::new();
        for task in tasks {
            listeners.push(task.await.map_err(io::Error::other)?);
        }
        Ok(listeners)
    })
}

async fn greet<L: Listener>(opener: &Opener, listener: &L) -> Result<Socket, HubError> {
    let mut socket = opener.open().await?;
    socket.say(listener.greeting().into())?;
    let text = socket.hear().await?;
    let answers = heard::read(&text).map_err(io::Error::from)?;
    match answers.iter().find_map(|answer| answer.error) {
        Some(error) => Err(HubError::of(L::KIND, &No::said(error), &text)),
        None => Ok(socket),
    }
}

/// Until it is stopped or the socket ends.
async fn listen<L: Listener>(
    mut listener: L,
    mut socket: Socket,
    mut stopped: watch::Receiver<()>,
) -> L {
    let mut stopped = pin!(stopped.changed());
    loop {
        let text = match select(stopped.as_mut(), pin!(socket.hear())).await {
            Either::Left(_) => return listener,
            Either::Right((text, _)) => text,
        };
        let said = text.and_then(|text| Ok(listener.take(&text)?));
        let said = said.and_then(|said| said.map_or(Ok(()), |said| socket.say(said)));
        if let Err(error) = said {
            listener.failed(&error.to_string());
            return listener;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_shared_out_evenly() {
        let sizes: Vec<usize> = shares((0..7).collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 7);
        let (most, least) = (sizes.iter().max().unwrap(), sizes.iter().min().unwrap());
        assert!(most - least <= 1, "{sizes:?}");
        assert!(shares(Vec::<u8>::new()).is_empty());
    }
}
