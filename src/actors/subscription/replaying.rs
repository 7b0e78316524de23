//! Past events beside the live ones, at a pace of their own.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};

use super::Subscription;
use super::lanes::{ROOM, ReplayLane};
use crate::actors::messages::archivist::Flush;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscription::RunReplay;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::JobId;
use crate::domain::subscription::Replay;
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::EventsRead;
use crate::logic::token_bucket::TokenBucket;
use crate::pool::{Held, Peer};
use crate::ports::archive::ArchiveError;

/// How often a replay's progress is written down.
const RECORD_EVERY: Duration = Duration::from_secs(1);
/// How soon an archive that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Events read at once, if they are small.
const PAGE: usize = 32;
/// How long a replay waits for room beside the others.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Message)]
#[rtype(result = "()")]
struct ReplayPageRead {
    id: JobId,
    events: Result<EventsRead, ArchiveError>,
    room: Option<Held>,
}

impl ReplayLane {
    fn new(replay: Replay, now: Timestamp) -> Self {
        // A burst of a twentieth of a second, so that the pace is even.
        let burst = |rate: f64| (rate / 20.0).ceil().max(1.0) as u32;
        let pace = replay
            .rate
            .map(|rate| TokenBucket::new(rate, Some(burst(rate)), now));
        Self {
            window: DeliveryWindow::new(replay.next.saturating_sub(1), 1),
            replay,
            pace,
            is_reading: false,
            room: None,
            is_read: false,
            is_dirty: false,
            recorded_at: now,
        }
    }

    /// How many events the next page may have.
    fn limit(&self) -> usize {
        let left = self.replay.left.unwrap_or(u64::MAX);
        PAGE.min(usize::try_from(left).unwrap_or(PAGE))
    }

    fn query(&self) -> EventQuery {
        let filter = &self.replay.filter;
        EventQuery {
            event_types: filter.event_types.clone(),
            source: filter.source.clone(),
            stream_id: filter.stream_id.clone(),
            correlation_id: filter.correlation_id.clone(),
            from_sequence: Some(self.window.through() + 1),
            to_sequence: Some(self.replay.to),
            limit: self.limit(),
            most_bytes: Some(ROOM),
            ..EventQuery::default()
        }
    }

    /// As it is now, by the system's clock.
    fn version(&self, now: Timestamp) -> Arc<Replay> {
        Arc::new(Replay {
            at: now,
            next: self.window.position() + 1,
            done: self.is_over(),
            ..self.replay.clone()
        })
    }

    fn is_over(&self) -> bool {
        self.window.is_empty() && (self.is_read || self.replay.left == Some(0))
    }
}

impl Subscription {
    /// An event of this replay is done with.
    pub(super) fn replayed(&mut self, id: JobId) {
        if let Some(lane) = self.replay(id) {
            lane.is_dirty = true;
            lane.replay.left = lane.replay.left.map(|left| left.saturating_sub(1));
        }
    }

    /// Reads on where a replay has nothing in hand, and writes down how far each is.
    pub(super) fn advance_replays(&mut self, now: Timestamp, ctx: &Context<Self>) {
        let may_read = self.flow.may_read();
        for index in 0..self.replays.len() {
            let lane = &mut self.replays[index];
            if lane.window.is_empty() {
                lane.room = None;
            }
            let wants = lane.window.is_empty() && !lane.is_reading && !lane.is_over();
            if wants && may_read {
                self.read_replay(index, ctx);
            }
        }
        for lane in &mut self.replays {
            let is_due = lane.is_dirty && now >= lane.recorded_at.plus(RECORD_EVERY);
            if lane.is_over() || is_due {
                let fact = Fact::Subscription(SubscriptionFact::ReplayAdvanced(
                    lane.version(self.settings.clock.wall()),
                ));
                self.hops.event_store.do_send(Record::unasked(vec![fact]));
                lane.is_dirty = false;
                lane.recorded_at = now;
            }
        }
        self.replays.retain(|lane| !lane.is_over());
    }

    /// Before the hub stops.
    pub(super) fn record_replays(&mut self) {
        let now = self.settings.clock.wall();
        for lane in self.replays.iter_mut().filter(|lane| lane.is_dirty) {
            let fact = Fact::Subscription(SubscriptionFact::ReplayAdvanced(lane.version(now)));
            self.hops.event_store.do_send(Record::unasked(vec![fact]));
            lane.is_dirty = false;
        }
    }

    /// When the progress of a replay is to be written down.
    pub(super) fn next_replay_record(&self) -> Option<Timestamp> {
        let dirty = self.replays.iter().filter(|lane| lane.is_dirty);
        dirty.map(|lane| lane.recorded_at.plus(RECORD_EVERY)).min()
    }

    /// Drops what has not begun: it is there again once it may be sent.
    pub(super) fn let_replays_go(&mut self) {
        for lane in &mut self.replays {
            if lane.window.rewind() > 0 {
                lane.is_read = false;
            }
            if lane.window.is_empty() {
                lane.room = None;
            }
        }
    }

    fn read_replay(&mut self, index: usize, ctx: &Context<Self>) {
        let lane = &mut self.replays[index];
        lane.is_reading = true;
        let (id, mut query, home) = (lane.replay.id, lane.query(), ctx.address());
        let peer = Peer::Service(self.subscription.service.clone());
        let pool = self.settings.replays.clone();
        let (events, flush) = (self.hops.events.clone(), self.hops.flush.clone());
        actix::spawn(async move {
            // Who finds no room for long goes on with one event at a time.
            let room = tokio::time::timeout(PATIENCE, pool.take(&peer, ROOM))
                .await
                .ok();
            if room.is_none() {
                query.limit = 1;
            }
            let events = events.archived(query, Flush::ask(&flush)).await;
            home.do_send(ReplayPageRead { id, events, room });
        });
    }
}

impl Handler<RunReplay> for Subscription {
    type Result = ();

    fn handle(&mut self, run: RunReplay, ctx: &mut Context<Self>) {
        if self.replay(run.replay.id).is_none() {
            let replay = Replay::clone(&run.replay);
            let now = self.settings.clock.now();
            self.replays.push(ReplayLane::new(replay, now));
        }
        self.go_on(ctx);
    }
}

impl Handler<ReplayPageRead> for Subscription {
    type Result = ();

    fn handle(&mut self, read: ReplayPageRead, ctx: &mut Context<Self>) {
        let Some(lane) = self.replay(read.id) else {
            return;
        };
        let events = match read.events {
            Ok(events) => events,
            Err(error) => {
                tracing::debug!(replay = %read.id, %error, "the archive is asked again");
                let id = read.id;
                ctx.run_later(RETRY, move |subscription, ctx| {
                    if let Some(lane) = subscription.replay(id) {
                        lane.is_reading = false;
                    }
                    subscription.go_on(ctx);
                });
                return;
            }
        };
        lane.is_reading = false;
        lane.room = read.room.map(|mut room| {
            let bytes = events.page.items.iter().map(|event| event.bytes());
            room.shrink_to(bytes.sum());
            room
        });
        let through = events.through(Some(lane.replay.to));
        lane.is_read = events.page.is_last();
        for event in events.page.items {
            lane.window.add(event);
        }
        lane.window.advance(through);
        lane.is_dirty = true;
        self.go_on(ctx);
    }
}
