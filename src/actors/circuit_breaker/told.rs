//! What the Scheduler and the Router were told last, so that they are told only what is news.

use std::sync::Arc;

use crate::actors::messages::WindowChanged;
use crate::domain::service::{KindRoom, Outlook};

/// What was last told.
pub(super) struct Told {
    window: u32,
    outlook: Outlook,
    kinds: Arc<[KindRoom]>,
}

impl Told {
    pub(super) fn of(news: WindowChanged) -> Self {
        Self {
            window: news.window,
            outlook: news.outlook,
            kinds: news.kinds,
        }
    }

    pub(super) fn says_all_of(&self, news: &WindowChanged) -> bool {
        (self.window, self.outlook) == (news.window, news.outlook) && self.kinds == news.kinds
    }

    pub(super) fn has_the_outlook_of(&self, news: &WindowChanged) -> bool {
        self.outlook == news.outlook && KindRoom::differ_in_room_only(&self.kinds, &news.kinds)
    }
}
