//! The events this socket is subscribed to: followed while they are in memory, read from the
//! archive page by page when the client reads more slowly than they come.

mod changes;
mod following;
mod named;
mod position;
mod sampling;
mod settling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashSet;
use bytestring::ByteString;

use super::super::open_sockets::OpenFeed;
use super::super::texts;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::Label;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::{HubError, Subject};
use crate::logic::event_sampling::EventSampler;
use crate::logic::feed_news::FeedNews;
use crate::logic::follower::{Follower, GapPolicy};
use crate::logic::payload_head::PayloadDetail;
use crate::logic::recent::Framed;
use crate::logic::type_filter::TypeFilter;
use named::{Named, deleted};

/// Bytes of events that wait to be written, at most, and one event more.
const CREDIT: usize = 256 << 10;

pub(super) struct Feed {
    event_types: Arc<[Pattern]>,
    follower: Follower,
    /// The last one written or left out; before that, where the first subscribe began.
    sent: Sequence,
    /// An event was asked for at some time.
    has_begun: bool,
    /// What came in and was not written.
    ready: VecDeque<Arc<Framed>>,
    named: Option<Named>,
    /// `None`: every event goes to the client.
    sampler: Option<EventSampler>,
    /// How much of each payload does.
    detail: PayloadDetail,
    /// Somebody will look whether there is something to tell of what was left out.
    awaits_report: bool,
    /// Until its events are sent again.
    wait: Duration,
    /// The subscription that was deleted last, of those this socket was given.
    ended: Option<SubscriptionId>,
    /// The name of one that was deleted while the socket had it.
    deleted: Option<Label>,
}

/// What comes next of the events.
enum Next {
    Text(ByteString),
    /// Too many clients were lost with it.
    GivenUp(Arc<Event>),
    /// More came than the client wants to see.
    Skipped,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            event_types: Arc::new([]),
            follower: Follower::new(CREDIT, GapPolicy::GoOn, 0),
            sent: 0,
            has_begun: false,
            ready: VecDeque::new(),
            named: None,
            sampler: None,
            detail: PayloadDetail::Full,
            awaits_report: false,
            wait: Duration::ZERO,
            ended: None,
            deleted: None,
        }
    }
}

impl Feed {
    /// What is subscribed is about to change; what the EventLog sent before that still comes.
    pub(super) fn is_changing(&self) -> bool {
        self.follower.is_ending()
    }

    /// `None`: nothing is subscribed.
    pub(super) fn describe(&self) -> Option<OpenFeed> {
        let named = self.named.as_ref();
        if self.event_types.is_empty() && named.is_none() {
            return None;
        }
        Some(OpenFeed {
            name: named.map(|named| named.name.clone()),
            subscription_id: named.map(|named| named.id),
            patterns: self.event_types.len(),
            sent: self.sent,
        })
    }

    /// From the EventLog.
    pub(super) fn take(&mut self, news: &FeedNews) {
        let new = self.follower.hear(news.round, &news.fed);
        self.ready.extend(new.iter().cloned());
    }

    /// The next event for the client, whose subscription gives one up that was sent `limit` times.
    fn pop(&mut self, limit: u32, now: impl Fn() -> Timestamp) -> Option<Next> {
        let framed = self.ready.pop_front()?;
        self.follower.release(framed.event.bytes());
        let sequence = framed.event.sequence;
        if let Some(sampler) = &mut self.sampler
            && !sampler.passes(sequence, now())
        {
            self.sent = sequence;
            return Some(Next::Skipped);
        }
        let attempt = match &mut self.named {
            Some(named) => named.attempt(sequence, self.sent, limit),
            None => Some(1),
        };
        self.sent = sequence;
        tracing::debug!(
            event = %framed.event.id,
            correlation_id = framed.event.correlation_id(),
            sequence,
            attempt,
            "event sent by a socket"
        );
        Some(match attempt {
            None => Next::GivenUp(framed.event.clone()),
            Some(attempt) => Next::Text(self.text(&framed, attempt)),
        })
    }

    /// What most sockets are sent is made once for all of them.
    fn text(&self, framed: &Framed, attempt: u32) -> ByteString {
        let text = || texts::event(&framed.event, attempt, self.detail);
        match (attempt, self.detail) {
            (1, PayloadDetail::Full) => framed.text.get_or_init(text).clone(),
            _ => text(),
        }
    }

    /// Where to resume, for the reason of the close.
    pub(super) fn close_reason(&self) -> String {
        if self.has_begun {
            format!(r#"{{"sequence":{}}}"#, self.sent)
        } else {
            "{}".to_owned()
        }
    }

    /// The client has got every event up to here.
    fn done_with(&self) -> Sequence {
        match self.ready.is_empty() {
            true => self.sent.max(self.follower.through()),
            false => self.sent,
        }
    }

    /// Leaves out what waits and is not wanted any more.
    fn keep(&mut self, event_types: &[Pattern]) {
        let mut types = TypeFilter::new(event_types);
        let mut forgotten = 0;
        self.ready.retain(|framed| {
            let stays = types.wants(&framed.event.event_type);
            if !stays {
                forgotten += framed.event.bytes();
            }
            stays
        });
        self.follower.forget(forgotten);
    }

    /// What is subscribed after more is added.
    fn with(&self, more: &[Pattern]) -> Vec<Pattern> {
        let mut all = self.event_types.to_vec();
        let mut known: AHashSet<Pattern> = all.iter().cloned().collect();
        for pattern in more {
            if known.insert(pattern.clone()) {
                all.push(pattern.clone());
            }
        }
        all
    }

    fn no_subscription(&self) -> HubError {
        match &self.deleted {
            Some(name) => deleted(name),
            None => {
                let problem = "this socket has no named subscription";
                HubError::invalid(Subject::Request, "sequence", problem)
            }
        }
    }

    /// How far the position may follow what was looked at: not past an event that is owed.
    fn passed(&self) -> Option<Sequence> {
        let named = self.named.as_ref()?;
        let is_owed = !self.ready.is_empty() || named.acked < self.sent;
        let through = self.follower.through();
        (!is_owed && through > named.told).then_some(through)
    }
}

#[cfg(test)]
mod tests;
