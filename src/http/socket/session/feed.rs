//! The events this socket is subscribed to: followed while they are in memory, read from the
//! archive page by page when the client reads more slowly than they come.

mod pages;

use std::collections::VecDeque;
use std::sync::Arc;

use actix::{AsyncContext, Handler, Message};
use bytestring::ByteString;
use tokio::sync::oneshot;

use super::super::answers::Slip;
use super::super::frames::{MOST_TYPES, Subscribe};
use super::super::texts;
use super::requests::{confirm, flatten};
use super::{Answered, Context, Session};
use crate::actors::messages::{
    AckPosition, AttachSocket, Attached, Credit, Fed, FeedId, Follow, Framed, InspectLog,
    LogReport, Unfollow,
};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::error::{HubError, Subject};
use crate::http::Hub;
use crate::http::ask::{answered, ask, look};

/// Bytes of events that wait to be written, at most, and one event more.
const CREDIT: usize = 256 << 10;
/// Credit is given back in portions of so many bytes.
const PORTION: usize = CREDIT / 4;
/// Events on the first page from the archive; later ones are as large as fits.
const FIRST_PAGE: usize = 16;
pub struct Feed {
    event_types: Arc<[Pattern]>,
    stage: Stage,
    /// Every event up to here that is meant came in.
    through: Sequence,
    /// The last one written; before that, where the first subscribe began.
    sent: Sequence,
    /// An event was asked for at some time.
    has_begun: bool,
    ready: VecDeque<Arc<Framed>>,
    ready_bytes: usize,
    /// Bytes written, whose credit was not given back.
    used: usize,
    page: usize,
    named: Option<Named>,
    /// Tells the pages asked for by now from those that were before.
    readings: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing is subscribed, or the EventBus sends no more.
    Idle,
    /// What is subscribed is about to change; what the EventBus sent before that still comes.
    Changing,
    Following,
    /// The archive is to be read, or is being read.
    Behind {
        is_reading: bool,
    },
}

/// A durable subscription.
#[derive(Clone)]
struct Named {
    name: Label,
    id: SubscriptionId,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            event_types: Arc::new([]),
            stage: Stage::Idle,
            through: 0,
            sent: 0,
            has_begun: false,
            ready: VecDeque::new(),
            ready_bytes: 0,
            used: 0,
            page: FIRST_PAGE,
            named: None,
            readings: 0,
        }
    }
}

impl Feed {
    pub fn is_changing(&self) -> bool {
        self.stage == Stage::Changing
    }

    /// From the EventBus.
    pub fn take(&mut self, fed: Fed) {
        if !matches!(self.stage, Stage::Following | Stage::Changing) {
            return;
        }
        match fed {
            Fed::Events { events, through } => self.extend(events.iter().cloned(), through),
            Fed::Behind { .. } if self.stage == Stage::Following => {
                self.stage = Stage::Behind { is_reading: false };
            }
            Fed::Behind { .. } => {}
        }
    }

    fn extend(&mut self, events: impl Iterator<Item = Arc<Framed>>, through: Sequence) {
        for event in events {
            if event.event.sequence > self.through {
                self.through = event.event.sequence;
                self.ready_bytes += event.event.bytes();
                self.ready.push_back(event);
            }
        }
        self.through = self.through.max(through);
    }

    /// The text of the next event for the client.
    pub fn pop(&mut self) -> Option<ByteString> {
        let framed = self.ready.pop_front()?;
        let bytes = framed.event.bytes();
        self.ready_bytes -= bytes;
        self.used += bytes;
        self.sent = framed.event.sequence;
        let text = framed.text.get_or_init(|| texts::event(&framed.event));
        Some(text.clone())
    }

    /// Where to resume, for the reason of the close.
    pub fn close_reason(&self) -> String {
        if self.has_begun {
            format!(r#"{{"sequence":{}}}"#, self.sent)
        } else {
            "{}".to_owned()
        }
    }

    /// The client has got every event up to here.
    fn done_with(&self) -> Sequence {
        match self.ready.is_empty() {
            true => self.sent.max(self.through),
            false => self.sent,
        }
    }

    /// Leaves out what waits and is not wanted any more.
    fn keep(&mut self, event_types: &[Pattern]) {
        let is_wanted = |event: &Event| {
            let event_type = event.event_type.as_str();
            event_types
                .iter()
                .any(|pattern| pattern.matches(event_type))
        };
        self.ready.retain(|framed| is_wanted(&framed.event));
        let left = self.ready.iter().map(|framed| framed.event.bytes());
        self.ready_bytes = left.sum();
    }

    /// What is subscribed after more is added.
    fn with(&self, more: &[Pattern]) -> Vec<Pattern> {
        let mut all = self.event_types.to_vec();
        for pattern in more {
            if !all.contains(pattern) {
                all.push(pattern.clone());
            }
        }
        all
    }

    fn check(&self, subscribe: &Subscribe) -> Result<Arc<[Pattern]>, HubError> {
        let wrong = |field: &str, problem: &str| {
            Err(HubError::invalid(Subject::Subscription, field, problem))
        };
        if self.has_begun && subscribe.from_sequence.is_some() {
            return wrong(
                "from_sequence",
                "only the first subscribe of a socket says where to begin",
            );
        }
        let present = self.named.as_ref().map(|named| &named.name);
        if self.has_begun && subscribe.name.is_some() && subscribe.name.as_ref() != present {
            return wrong(
                "subscription",
                "a socket has at most one, named by its first subscribe",
            );
        }
        let all = self.with(&subscribe.event_types);
        if all.len() > MOST_TYPES {
            return wrong("event_types", "a socket has at most 1000");
        }
        Ok(all.into())
    }

    /// Where a subscribe begins.
    fn start(&self, changed: &Subscribed) -> Result<Sequence, Refusal> {
        let (oldest, newest) = (changed.log.oldest, changed.log.newest);
        if let Some(named) = &changed.named {
            return Ok(named.from.max(oldest).max(self.through + 1));
        }
        if !self.event_types.is_empty() {
            return Ok(self.through + 1);
        }
        match changed.from_sequence {
            Some(from) if from < oldest => Err(Refusal::EventsGone { oldest }),
            Some(from) => Ok(from),
            None => Ok((newest + 1).max(self.through + 1)),
        }
    }
}

/// What a subscribe needed to know is known.
struct Subscribed {
    event_types: Arc<[Pattern]>,
    from_sequence: Option<Sequence>,
    name: Option<Label>,
    named: Option<Attached>,
    log: LogReport,
}

/// What the socket is subscribed to changes now: nothing of what was before is on its way any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Change {
    slip: Slip,
    to: Result<To, HubError>,
}

enum To {
    More(Subscribed),
    Less(Arc<[Pattern]>),
}

impl Session {
    pub(super) fn subscribe(&mut self, slip: Slip, subscribe: Subscribe, ctx: &Context) {
        let event_types = match self.feed.check(&subscribe) {
            Ok(event_types) => event_types,
            Err(error) => return self.refuse(&slip, &error),
        };
        self.begin_change();
        let present = self.feed.named.as_ref().map(|named| named.name.clone());
        let name = subscribe.name.or(present);
        let (hub, socket, home) = (self.hub.clone(), self.socket, ctx.address());
        actix::spawn(async move {
            // The first event has the number 1.
            let from = subscribe.from_sequence.map(|from| from.max(1));
            let asked = (event_types, from, name);
            let to = prepare(&hub, socket, subscribe.service, asked).await;
            home.do_send(Change {
                slip,
                to: to.map(To::More),
            });
        });
    }

    /// `None`: from everything.
    pub(super) fn unsubscribe(&mut self, slip: Slip, less: Option<&[Pattern]>, ctx: &Context) {
        let left = self.feed.event_types.iter();
        let left: Vec<Pattern> = left
            .filter(|pattern| less.is_some_and(|less| !less.contains(pattern)))
            .cloned()
            .collect();
        self.begin_change();
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let seen = look(&hub.handles.inspect_log, InspectLog).await;
            home.do_send(Change {
                slip,
                to: seen.map(|_| To::Less(left.into())),
            });
        });
    }

    /// The EventBus is asked something after this. Once it has answered, all that it sent before
    /// has come in.
    fn begin_change(&mut self) {
        self.stop_following();
        self.feed.stage = Stage::Changing;
    }

    pub(super) fn stop_following(&mut self) {
        let feed = self.socket;
        if matches!(self.feed.stage, Stage::Following | Stage::Behind { .. }) {
            self.hub.handles.unfollow.do_send(Unfollow { feed });
        }
        self.feed.readings += 1;
        self.feed.stage = Stage::Idle;
    }

    fn follow(&mut self, ctx: &Context) {
        self.feed.stage = Stage::Following;
        self.feed.used = 0;
        self.hub.handles.follow.do_send(Follow {
            feed: self.socket,
            round: self.feed.readings,
            event_types: self.feed.event_types.clone(),
            from: self.feed.through + 1,
            credit: CREDIT.saturating_sub(self.feed.ready_bytes),
            to: ctx.address().recipient(),
        });
    }

    pub(super) fn give_credit(&mut self) {
        let feed = &mut self.feed;
        if feed.stage != Stage::Following {
            return;
        }
        if feed.used >= PORTION || (feed.used > 0 && feed.ready.is_empty()) {
            let bytes = std::mem::take(&mut feed.used);
            let feed = self.socket;
            self.hub.handles.credit.do_send(Credit { feed, bytes });
        }
    }

    pub(super) fn displaced(&mut self) {
        self.stop_following();
        self.feed.event_types = Arc::new([]);
        self.feed.keep(&[]);
        self.feed.named = None;
        let why = "subscription: another socket has taken it over";
        self.complain(&Refusal::Conflict(why).into());
    }

    pub(super) fn ack_sequence(&mut self, slip: Slip, sequence: Sequence, ctx: &Context) {
        let wrong = |problem| HubError::invalid(Subject::Request, "sequence", problem);
        let Some(named) = &self.feed.named else {
            let error = wrong("this socket has no named subscription");
            return self.refuse(&slip, &error);
        };
        if sequence > self.feed.done_with() {
            return self.refuse(&slip, &wrong("was not sent yet"));
        }
        let (reply, acked) = oneshot::channel();
        self.hub.handles.ack_position.do_send(AckPosition {
            socket: self.socket,
            id: named.id,
            through: sequence,
            reply: Some(reply),
        });
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let outcome = flatten(answered(acked).await);
            home.do_send(Answered(vec![confirm(&hub, &slip, outcome)]));
        });
    }

    fn subscribed(&mut self, slip: &Slip, changed: Subscribed) -> Result<(), HubError> {
        let from = self.feed.start(&changed)?;
        let feed = &mut self.feed;
        if !feed.has_begun {
            feed.sent = from - 1;
        }
        feed.has_begun = true;
        feed.through = from - 1;
        feed.event_types = changed.event_types;
        if let (Some(name), Some(attached)) = (changed.name, changed.named) {
            let id = attached.id;
            feed.named = Some(Named { name, id });
        }
        let (reference, newest) = (slip.reference.as_ref(), changed.log.newest);
        let text = texts::subscribed(reference, &feed.event_types, newest);
        self.answers.give((slip.place, Some(text)));
        Ok(())
    }
}

async fn prepare(
    hub: &Hub,
    socket: FeedId,
    service: ServiceName,
    (event_types, from_sequence, name): (Arc<[Pattern]>, Option<Sequence>, Option<Label>),
) -> Result<Subscribed, HubError> {
    let named = match &name {
        None => None,
        Some(name) => {
            let attached = ask(&hub.handles.attach_socket, |reply| AttachSocket {
                socket,
                service,
                name: name.clone(),
                event_types: event_types.clone(),
                from_sequence,
                reply,
            });
            Some(attached.await??)
        }
    };
    Ok(Subscribed {
        event_types,
        from_sequence,
        name,
        named,
        log: look(&hub.handles.inspect_log, InspectLog).await?,
    })
}

impl Handler<Change> for Session {
    type Result = ();

    fn handle(&mut self, change: Change, ctx: &mut Context) {
        // It may have been displaced meanwhile.
        self.feed.stage = Stage::Idle;
        let slip = change.slip;
        let changed = match change.to {
            Ok(To::More(changed)) => self.subscribed(&slip, changed),
            Ok(To::Less(left)) => {
                self.feed.keep(&left);
                let text = texts::unsubscribed(slip.reference.as_ref(), &left);
                self.answers.give((slip.place, Some(text)));
                if left.is_empty() {
                    self.feed.named = None;
                }
                self.feed.event_types = left;
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            self.refuse(&slip, &error);
        }
        if !self.feed.event_types.is_empty() {
            self.follow(ctx);
        }
    }
}
