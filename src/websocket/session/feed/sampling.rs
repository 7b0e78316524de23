//! What of the events is left out, as the client wants to see only so many a second.

use std::time::Duration;

use actix::AsyncContext;
use bytestring::ByteString;

use super::super::super::frames::FeedRequest;
use super::super::super::texts;
use super::super::{Context, Session};
use super::Feed;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::{HubError, Subject};
use crate::logic::event_sampling::EventSampler;

impl Feed {
    /// # Errors
    /// A durable subscription gets every event.
    pub(super) fn check_rate(&self, subscribe: &FeedRequest) -> Result<(), HubError> {
        let is_named = self.named.is_some() || subscribe.name.is_some();
        if subscribe.max_rate.is_none() || !is_named {
            return Ok(());
        }
        let problem = "a named subscription gets every event; leave it out, or the name";
        Err(HubError::invalid(
            Subject::Subscription,
            "max_rate",
            problem,
        ))
    }

    /// `None`: as before.
    pub(super) fn set_rate(&mut self, rate: Option<u32>, now: Timestamp) {
        match (&mut self.sampler, rate) {
            (_, None) => {}
            (Some(sampler), Some(rate)) => sampler.set(rate, now),
            (sampler, Some(rate)) => *sampler = Some(EventSampler::new(rate, now)),
        }
    }
}

impl Session {
    /// What was left out in the last second.
    pub(super) fn next_report(&mut self) -> Option<ByteString> {
        let sampler = self.feed.sampler.as_mut()?;
        let skipped = sampler.report(self.hub.clock.now())?;
        Some(texts::skipped(skipped))
    }

    /// Sees to it that the client is told of what was left out also if nothing else happens.
    pub(in crate::websocket::session) fn await_report(&mut self, ctx: &mut Context) {
        let sampler = self.feed.sampler.as_ref();
        let Some(due) = sampler.and_then(EventSampler::next_report) else {
            return;
        };
        if self.feed.awaits_report {
            return;
        }
        self.feed.awaits_report = true;
        let wait = due.since(self.hub.clock.now());
        // Times are told in whole milliseconds.
        let wait = wait + Duration::from_millis(1);
        ctx.run_later(wait, |session, _| session.feed.awaits_report = false);
    }
}
