//! Past events from some point on, to whoever asks or to a subscription.

use std::sync::Arc;

use super::Hub;
use super::acts::Act;
use super::error::HubError;
use super::reading::Reading;
use super::request::RequestContext;
use super::subscriptions::unknown;
use crate::actors::messages::subscriptions::StartReplay;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::JobId;
use crate::domain::subscription::{ReplayFilter, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;
use crate::logic::page::Page;
use crate::logic::subscription_registry::owed::WantedReplay;

/// Where a replay begins.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ReplayStart {
    /// With the oldest event that is kept.
    Beginning,
    /// With the first one published at this time or later.
    Timestamp(Timestamp),
    /// With this one.
    Sequence(Sequence),
    /// With the first of so many that match, the newest of all.
    LastN(usize),
}

/// Which past events are wanted.
#[derive(Debug)]
pub struct ReplayRange {
    /// Where to begin.
    pub start: ReplayStart,
    /// The last event that is meant; `None`: the newest.
    pub to_sequence: Option<Sequence>,
    /// Which of them.
    pub filter: ReplayFilter,
}

/// A page of past events that somebody wants.
#[derive(Debug)]
pub struct ReplayPageQuery {
    /// Of which events.
    pub range: ReplayRange,
    /// Where the page before ended; `None`: it is the first.
    pub span: Option<ReplaySpan>,
    /// How many events, at most, are on it.
    pub limit: usize,
}

/// Past events that a subscription is to be sent.
#[derive(Debug)]
pub struct ReplayOrder {
    /// Which events; of those types that the subscription is about, if it says no others.
    pub range: ReplayRange,
    /// At most so many.
    pub limit: Option<u64>,
    /// Events per second.
    pub rate: Option<f64>,
}

/// Where a page of a replay begins that goes on, and where the replay ends if that was found out
/// before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplaySpan {
    /// The next event.
    pub from: Sequence,
    /// The last one.
    pub to: Option<Sequence>,
}

/// A page of a replay.
pub struct ReplayPage {
    /// The events of this page.
    pub events: Vec<Arc<Event>>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<ReplaySpan>,
}

impl ReplayRange {
    /// The events that are meant, wherever they begin and however many they are.
    fn query(&self) -> EventQuery {
        EventQuery {
            to_sequence: self.to_sequence,
            ..EventQuery::matching(self.filter.clone())
        }
    }
}

impl ReplayPageQuery {
    /// What begins where the range says, or goes on where the page before ended.
    fn query(&self) -> EventQuery {
        let mut query = self.range.query();
        query.limit = self.limit;
        match self.range.start {
            ReplayStart::Timestamp(at) => query.from_timestamp = Some(at),
            ReplayStart::Sequence(from) => query.from_sequence = Some(from),
            ReplayStart::Beginning | ReplayStart::LastN(_) => {}
        }
        if let Some(span) = self.span {
            query.from_sequence = Some(span.from);
            query.to_sequence = span.to.or(query.to_sequence);
        }
        query
    }
}

impl Hub {
    /// A page of past events, oldest first.
    ///
    /// # Errors
    /// As [`Hub::search_events`].
    pub async fn replay_page(
        &self,
        reading: &mut Reading<'_>,
        wanted: &ReplayPageQuery,
    ) -> Result<ReplayPage, HubError> {
        let (page, to) = match (wanted.range.start, wanted.span) {
            (ReplayStart::LastN(n), None) => self.last_events(reading, wanted, n).await?,
            (_, span) => {
                let query = wanted.query();
                let kept = query.from_sequence;
                let page = self.search_events(reading, query, kept).await?;
                (page, span.and_then(|span| span.to))
            }
        };
        let next = page.next.map(|event| event.sequence);
        Ok(ReplayPage {
            events: page.items,
            next: next.map(|from| ReplaySpan { from, to }),
        })
    }

    /// The first page of the last `n` that match, or of all if there are fewer, and where they end.
    async fn last_events(
        &self,
        reading: &mut Reading<'_>,
        wanted: &ReplayPageQuery,
        n: usize,
    ) -> Result<(Page<Arc<Event>>, Option<Sequence>), HubError> {
        let range = &wanted.range;
        let Some((first, last)) = self.newest_events(range.query(), n).await? else {
            return Ok((Page::empty(), None));
        };
        let query = EventQuery {
            from_sequence: Some(first),
            to_sequence: Some(last),
            limit: wanted.limit,
            ..range.query()
        };
        let page = self.search_events(reading, query, None).await?;
        Ok((page, Some(last)))
    }

    /// Has past events sent to a subscription.
    ///
    /// # Errors
    /// AUTH_FAILED if it is another's, NOT_FOUND, LIMIT_REACHED, GONE if events from the first on are
    /// gone, STORAGE_UNAVAILABLE if the archive is needed and does not answer.
    pub async fn start_replay(
        &self,
        context: &RequestContext<'_>,
        subscription_id: SubscriptionId,
        order: ReplayOrder,
    ) -> Result<JobId, HubError> {
        let ReplayOrder {
            mut range,
            limit,
            rate,
        } = order;
        if range.filter.event_types.is_empty() {
            // What the subscription itself is about.
            let view = self.find_subscription(subscription_id, None).await?;
            range.filter.event_types = view.subscription.event_types.to_vec();
        }
        let (from, to) = self.ends_of(context, &range).await?;
        let limit = match range.start {
            ReplayStart::LastN(n) => Some(limit.unwrap_or(u64::MAX).min(n as u64)),
            _ => limit,
        };
        let wanted = WantedReplay {
            subscription_id,
            owner: context.principal.acts_only_for(),
            filter: range.filter,
            from,
            to,
            limit,
            rate,
        };
        let subscriptions = &self.clients.subscriptions;
        let started = subscriptions.request(|reply| StartReplay { wanted, reply });
        let refused = |refusal| HubError::refused(refusal, unknown(subscription_id));
        let replay = started.await?.map_err(refused)?;
        let outcome = format!("replay {replay} from sequence {from}");
        Act::new("replay_events", "subscription", &subscription_id)
            .with(&outcome)
            .tell(context);
        Ok(replay)
    }

    /// The first event that is meant, and the last if it is known.
    async fn ends_of(
        &self,
        context: &RequestContext<'_>,
        range: &ReplayRange,
    ) -> Result<(Sequence, Option<Sequence>), HubError> {
        let log = self.event_window().await?;
        let (first, to) = match range.start {
            ReplayStart::Beginning => return Ok((log.oldest, range.to_sequence)),
            ReplayStart::Sequence(from) => {
                self.events_must_be_kept(from).await?;
                return Ok((from, range.to_sequence));
            }
            ReplayStart::Timestamp(at) => {
                let query = EventQuery {
                    from_timestamp: Some(at),
                    limit: 1,
                    ..EventQuery::default()
                };
                let address = context.peer.map(|peer| peer.ip());
                let peer = self.counted_for(context.principal, address);
                let mut reading = self.reading(peer);
                let found = self.search_events(&mut reading, query, None).await?;
                let first = found.items.first().map(|event| event.sequence);
                (first, range.to_sequence)
            }
            ReplayStart::LastN(n) => {
                let ends = self.newest_events(range.query(), n).await?;
                let (first, last) = ends.unzip();
                (first, last.or(range.to_sequence))
            }
        };
        Ok((first.unwrap_or(log.newest + 1), to))
    }
}
