//! What others ask about the log of events.

use std::sync::Arc;

use actix::{Context, Handler};

use super::EventLog;
use crate::actors::messages::event_log::{InspectLog, ReadRecent, RecentRead};
use crate::domain::event::Event;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::EventWindow;
use crate::logic::page::{Filling, Page};
use crate::logic::recent::{Framed, Recent};
use crate::logic::type_filter::TypeFilter;

/// A question that is not answered after so many events is one for the archive.
const MOST_LOOKED_AT: usize = 4096;
/// Nor when its patterns have cost so much, in steps of a filter: a few milliseconds.
const MOST_STEPS: usize = 200_000;

impl EventLog {
    fn window(&self) -> EventWindow {
        EventWindow {
            oldest: self.bounds.oldest(),
            kept_from: self.bounds.kept_from(),
            newest: self.bounds.newest(),
            in_memory: self.recent.first(),
        }
    }
}

impl Handler<InspectLog> for EventLog {
    type Result = ();

    fn handle(&mut self, inspect: InspectLog, _: &mut Context<Self>) {
        let _ = inspect.reply.send(self.window());
    }
}

impl Handler<ReadRecent> for EventLog {
    type Result = ();

    fn handle(&mut self, read: ReadRecent, _: &mut Context<Self>) {
        let window = self.window();
        let page = find(&self.recent, &read.query, window.oldest);
        let _ = read.reply.send(RecentRead { page, window });
    }
}

/// The page of events that match, if no other event could be on it.
fn find(recent: &Recent, query: &EventQuery, oldest: u64) -> Option<Page<Arc<Event>>> {
    let has_all = recent.first() <= oldest.max(query.from_sequence.unwrap_or(oldest));
    if query.descending {
        // Sequences rise by one, so that those behind the page need not be looked at.
        let newer = query
            .to_sequence
            .map_or(0, |to| (recent.next() - 1).saturating_sub(to));
        let newest_first = recent.from(recent.first()).rev();
        let newest_first = newest_first.skip(usize::try_from(newer).unwrap_or(usize::MAX));
        return collect(newest_first, query, has_all);
    }
    if !has_all {
        return None;
    }
    let from = query.from_sequence.unwrap_or(oldest);
    collect(recent.from(from), query, true)
}

/// `has_all`: nothing that matches comes after the last of `events`.
fn collect<'a>(
    events: impl Iterator<Item = &'a Arc<Framed>>,
    query: &EventQuery,
    has_all: bool,
) -> Option<Page<Arc<Event>>> {
    let mut filling = Filling::new(query.limit, query.page_bytes());
    let mut types = TypeFilter::new(&query.event_types);
    for (looked_at, framed) in events.enumerate() {
        if looked_at == MOST_LOOKED_AT || types.steps() >= MOST_STEPS {
            return None;
        }
        let event = &framed.event;
        if query.matches_but_type(event)
            && types.wants(&event.event_type)
            && !filling.add(event.clone(), event.bytes())
        {
            return Some(filling.finish());
        }
    }
    has_all.then(|| filling.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    /// With the events 4 to 9 in memory.
    fn recent() -> Recent {
        let mut recent = Recent::new(usize::MAX);
        recent.skip_to(3);
        for sequence in 4..10 {
            recent.push(Arc::new(Framed::new(Arc::new(samples::event(1, sequence)))));
        }
        recent
    }

    fn sequences(query: &EventQuery, oldest: u64) -> Option<Vec<u64>> {
        let found = find(&recent(), query, oldest)?;
        Some(found.items.iter().map(|event| event.sequence).collect())
    }

    fn query(from: Option<u64>, limit: usize, descending: bool) -> EventQuery {
        EventQuery {
            from_sequence: from,
            limit,
            descending,
            ..EventQuery::default()
        }
    }

    #[test]
    fn a_page_that_bytes_end_is_whole_in_either_order() {
        let most_bytes = Some(2 * samples::event(1, 1).bytes());
        for (descending, oldest, expected, next) in [
            (false, 4, [4, 5], 6),
            (true, 1, [9, 8], 7),
            (true, 4, [9, 8], 7),
        ] {
            let query = EventQuery {
                most_bytes,
                ..query(None, 9, descending)
            };
            let page = find(&recent(), &query, oldest).unwrap();
            let sequences: Vec<_> = page.items.iter().map(|event| event.sequence).collect();
            assert_eq!(sequences, expected);
            assert_eq!(page.next.unwrap().sequence, next);
        }
    }

    #[test]
    fn answers_only_what_it_knows_whole() {
        for (from, limit, descending, oldest, expected) in [
            (Some(5), 2, false, 1, Some(vec![5, 6])),
            (Some(8), 9, false, 1, Some(vec![8, 9])),
            (Some(20), 9, false, 1, Some(vec![])),
            (Some(3), 2, false, 1, None),
            (None, 2, false, 1, None),
            (None, 2, false, 4, Some(vec![4, 5])),
            (None, 2, true, 1, Some(vec![9, 8])),
            (None, 5, true, 1, Some(vec![9, 8, 7, 6, 5])),
            (None, 6, true, 1, None),
            (None, 7, true, 1, None),
            (Some(4), 7, true, 1, Some(vec![9, 8, 7, 6, 5, 4])),
        ] {
            let query = query(from, limit, descending);
            assert_eq!(sequences(&query, oldest), expected, "{query:?}");
        }
    }
}
