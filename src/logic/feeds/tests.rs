use super::*;
use crate::domain::event::Event;
use crate::domain::ids::EventType;
use crate::logic::journal::samples;
use proptest::prelude::*;

const ROOM: usize = 1 << 20;

fn event(sequence: Sequence, event_type: &str) -> Event {
    let mut event = samples::event(1, sequence);
    event.event_type = EventType::parse(event_type).unwrap();
    event
}

fn types(texts: &[&str]) -> Arc<[Pattern]> {
    let patterns = texts.iter().map(|text| Pattern::parse(text).unwrap());
    patterns.collect()
}

/// The feeds and the memory they are fed from, as their owner keeps them.
struct Bus {
    feeds: Feeds<u8>,
    recent: Recent,
}

impl Bus {
    fn new(recent_bytes: usize) -> Self {
        Self {
            feeds: Feeds::default(),
            recent: Recent::new(recent_bytes),
        }
    }

    fn publish(&mut self, event_types: &[&str]) -> Vec<(u8, Fed)> {
        let mut batch = Vec::new();
        for event_type in event_types {
            let event = event(self.recent.next(), event_type);
            let framed = Arc::new(Framed::new(Arc::new(event)));
            self.recent.push(framed.clone());
            batch.push(framed);
        }
        self.feeds.publish(&batch)
    }

    fn follow(&mut self, feed: u8, wanted: &[&str], from: Sequence) -> Vec<(u8, Fed)> {
        self.feeds
            .follow(feed, &types(wanted), from, ROOM, &self.recent)
    }
}

/// What each feed got: its sequences, and `through` or where it fell behind.
fn shown(fed: Vec<(u8, Fed)>) -> Vec<(u8, Vec<Sequence>, Result<Sequence, Sequence>)> {
    let mut shown = Vec::new();
    for (feed, fed) in fed {
        shown.push(match fed {
            Fed::Events { events, through } => (feed, sequences(&events), Ok(through)),
            Fed::Behind { from } => (feed, Vec::new(), Err(from)),
        });
    }
    shown
}

fn sequences(events: &[Arc<Framed>]) -> Vec<Sequence> {
    events.iter().map(|event| event.event.sequence).collect()
}

#[test]
fn who_looks_through_much_lets_others_have_their_turn() {
    let mut bus = Bus::new(usize::MAX);
    let name = |n: u32| format!("a.{}", vec![format!("w{n}"); 30].join("."));
    let types: Vec<_> = (0..200).map(name).collect();
    bus.publish(&types.iter().map(String::as_str).collect::<Vec<_>>());
    let costly: Vec<_> = (0..500).map(|n| format!("a.#.w{}.#.x{n}", n % 3)).collect();
    let mut wanted: Vec<_> = costly.iter().map(String::as_str).collect();
    let last = name(199);
    wanted.push(&last);
    assert!(
        shown(bus.follow(1, &wanted, 1))
            .iter()
            .all(|(_, events, _)| events.is_empty())
    );
    assert!(bus.feeds.has_unfinished());
    let other = shown(bus.follow(2, &["a.#"], 150));
    assert_eq!(other, [(2, (150..=200).collect(), Ok(200))]);
    let (mut got, mut turns) = (Vec::new(), 0);
    while bus.feeds.has_unfinished() {
        turns += 1;
        got.extend(shown(bus.feeds.go_on(&bus.recent)));
    }
    assert!(turns > 1, "{turns}");
    assert_eq!(got.last(), Some(&(1, vec![200], Ok(200))));
    assert!(bus.feeds.groups.iter().all(|group| group.filter.is_none()));
}

#[test]
fn a_follower_gets_what_is_in_memory_and_then_what_comes() {
    let mut bus = Bus::new(ROOM);
    assert!(bus.publish(&["a.x", "b.x", "a.y"]).is_empty());
    let past = shown(bus.follow(1, &["a.*"], 1));
    assert_eq!(past, [(1, vec![1, 3], Ok(3))]);
    let live = shown(bus.publish(&["b.x", "a.z"]));
    assert_eq!(live, [(1, vec![5], Ok(5))]);
    bus.feeds.unfollow(1);
    assert!(bus.publish(&["a.x"]).is_empty());
    assert!(bus.feeds.is_empty());
}

#[test]
fn followers_of_the_same_types_share_one_batch() {
    let mut bus = Bus::new(ROOM);
    for feed in 0..3 {
        bus.follow(feed, &["#"], 1);
    }
    let fed = bus.publish(&["a", "b"]);
    let batches: Vec<_> = fed
        .iter()
        .map(|(_, fed)| match fed {
            Fed::Events { events, .. } => events.clone(),
            Fed::Behind { .. } => panic!("everything is in memory"),
        })
        .collect();
    assert_eq!(batches.len(), 3);
    assert!(batches.iter().all(|batch| Arc::ptr_eq(batch, &batches[0])));
}

#[test]
fn who_begins_later_than_now_gets_nothing_before() {
    let mut bus = Bus::new(ROOM);
    bus.follow(1, &["#"], 3);
    assert!(shown(bus.publish(&["a"])).is_empty());
    let live = shown(bus.publish(&["a", "a"]));
    assert_eq!(live, [(1, vec![3], Ok(3))]);
}

#[test]
fn who_has_no_room_goes_on_where_it_stopped() {
    let size = event(1, "a").bytes();
    let mut bus = Bus::new(ROOM);
    bus.feeds
        .follow(1, &types(&["#"]), 1, 2 * size, &bus.recent);
    let live = shown(bus.publish(&["a", "a", "a"]));
    assert_eq!(live, [(1, vec![1, 2], Ok(2))]);
    assert!(bus.publish(&["a"]).is_empty());
    let more = shown(bus.feeds.credit(1, ROOM, &bus.recent));
    assert_eq!(more, [(1, vec![3, 4], Ok(4))]);
    assert_eq!(shown(bus.publish(&["a"])), [(1, vec![5], Ok(5))]);
}

#[test]
fn an_event_larger_than_the_room_comes_alone() {
    let mut bus = Bus::new(ROOM);
    bus.feeds.follow(1, &types(&["#"]), 1, 1, &bus.recent);
    assert_eq!(shown(bus.publish(&["a", "a"])), [(1, vec![1], Ok(1))]);
    assert!(bus.feeds.credit(1, 1, &bus.recent).is_empty());
}

#[test]
fn who_needs_what_is_forgotten_is_sent_to_the_archive() {
    let mut bus = Bus::new(1);
    bus.publish(&["a", "a", "a"]);
    assert_eq!(shown(bus.follow(1, &["#"], 2)), [(1, vec![], Err(2))]);
    assert!(bus.publish(&["a"]).is_empty());
    assert_eq!(shown(bus.follow(1, &["#"], 4)), [(1, vec![4], Ok(4))]);
}

#[test]
fn who_hears_nothing_for_long_is_told_how_far_it_is() {
    let mut bus = Bus::new(ROOM);
    bus.follow(1, &["b"], 1);
    let mut told = Vec::new();
    for _ in 0..QUIET {
        told.extend(shown(bus.publish(&["a"])));
    }
    assert_eq!(told, [(1, vec![], Ok(QUIET))]);
}

#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<&'static str>),
    Follow(u8, &'static [&'static str], u64),
    Credit(u8, usize),
    Unfollow(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let event_type = prop_oneof![Just("a.x"), Just("a.y"), Just("b.x")];
    let wanted = prop_oneof![
        Just(&["#"][..]),
        Just(&["a.*"][..]),
        Just(&["a.x", "b.x"][..]),
        Just(&["*.x", "a.x"][..]),
    ];
    prop_oneof![
        5 => prop::collection::vec(event_type, 1..6).prop_map(Step::Publish),
        2 => (0..4u8, wanted, 0..20u64).prop_map(|(feed, wanted, back)| Step::Follow(feed, wanted, back)),
        4 => (0..4u8, 0..2000usize).prop_map(|(feed, bytes)| Step::Credit(feed, bytes)),
        1 => (0..4u8).prop_map(Step::Unfollow),
    ]
}

/// What a follower may rely on.
#[derive(Default)]
struct Follower {
    wanted: Vec<Pattern>,
    next: Sequence,
    credit: i64,
    behind: bool,
}

impl Follower {
    fn wants(&self, event: &Event) -> bool {
        let event_type = event.event_type.as_str();
        self.wanted.iter().any(|one| one.matches(event_type))
    }

    /// Of all that happened it is fed whatever it wants, from where it was up to where it is.
    fn take(
        &mut self,
        fed: Fed,
        first_in_memory: Sequence,
        history: &[Event],
    ) -> Result<(), TestCaseError> {
        prop_assert!(!self.behind);
        let (events, through) = match fed {
            Fed::Events { events, through } => (events, through),
            Fed::Behind { from } => {
                prop_assert!(from < first_in_memory);
                self.behind = true;
                return Ok(());
            }
        };
        let is_meant =
            |event: &&Event| (self.next..=through).contains(&event.sequence) && self.wants(event);
        let meant = history.iter().filter(is_meant);
        let expected: Vec<_> = meant.map(|event| event.sequence).collect();
        prop_assert_eq!(sequences(&events), expected);
        for event in events.iter() {
            prop_assert!(self.credit > 0);
            self.credit -= event.event.bytes() as i64;
        }
        self.next = self.next.max(through + 1);
        Ok(())
    }
}

proptest! {
    /// Whatever happens: in order, nothing twice, nothing missing, at most one event over the room.
    #[test]
    fn every_follower_gets_each_event_once_and_in_order(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut bus = Bus::new(6 * event(1, "a.x").bytes());
        let mut history: Vec<Event> = Vec::new();
        let mut followers: AHashMap<u8, Follower> = AHashMap::new();
        for step in steps {
            let fed = match step {
                Step::Publish(event_types) => {
                    for event_type in &event_types {
                        history.push(event(history.len() as u64 + 1, event_type));
                    }
                    bus.publish(&event_types)
                }
                Step::Follow(feed, wanted, back) => {
                    let from = bus.recent.next().saturating_sub(back).max(1);
                    followers.insert(feed, Follower {
                        wanted: types(wanted).to_vec(),
                        next: from,
                        credit: ROOM as i64,
                        behind: false,
                    });
                    bus.follow(feed, wanted, from)
                }
                Step::Credit(feed, bytes) => {
                    if let Some(follower) = followers.get_mut(&feed) {
                        follower.credit += bytes as i64;
                    }
                    bus.feeds.credit(feed, bytes, &bus.recent)
                }
                Step::Unfollow(feed) => {
                    followers.remove(&feed);
                    bus.feeds.unfollow(feed);
                    Vec::new()
                }
            };
            bus.feeds.check();
            bus.recent.check();
            for (feed, fed) in fed {
                let follower = followers.get_mut(&feed).unwrap();
                follower.take(fed, bus.recent.first(), &history)?;
            }
        }
        for (feed, follower) in &followers {
            // Who has room and is not behind has everything.
            if follower.behind || follower.credit <= 0 {
                continue;
            }
            let is_missing = |event: &Event| event.sequence >= follower.next && follower.wants(event);
            prop_assert!(!history.iter().any(is_missing), "feed {} misses an event", feed);
        }
    }
}

#[test]
fn what_comes_after_the_last_one_given_is_of_no_concern() {
    let mut bus = Bus::new(ROOM);
    bus.publish(&["order.paid", "image.made"]);
    assert!(!bus.feeds.has_all(7, 2), "nobody is fed");
    bus.follow(7, &["order.*"], 1);
    let has_all = |bus: &Bus, position| bus.feeds.has_all(7, position);
    assert!(!has_all(&bus, 0) && has_all(&bus, 1));
    bus.publish(&["image.made", "order.paid", "image.made"]);
    assert!(!has_all(&bus, 3) && has_all(&bus, 4));
    bus.feeds.unfollow(7);
    assert!(!has_all(&bus, 5));
}

#[test]
fn who_has_no_room_has_not_got_all() {
    let mut bus = Bus::new(ROOM);
    bus.feeds.follow(7, &types(&["order.*"]), 1, 1, &bus.recent);
    bus.publish(&["order.paid", "order.paid", "image.made"]);
    assert!(!bus.feeds.has_all(7, 1));
    bus.feeds.credit(7, ROOM, &bus.recent);
    assert!(!bus.feeds.has_all(7, 1) && bus.feeds.has_all(7, 2));
}
