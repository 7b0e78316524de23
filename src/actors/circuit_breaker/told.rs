//! What the Scheduler and the Router were told last, so that they are told only what is news.

use std::sync::Arc;

use crate::actors::messages::scheduler::WindowChanged;
use crate::domain::service::{Outlook, TypeCapacity};

/// What was last told.
pub(super) struct Told {
    window: u32,
    outlook: Outlook,
    types: Arc<[TypeCapacity]>,
}

impl Told {
    pub(super) fn of(news: WindowChanged) -> Self {
        Self {
            window: news.window,
            outlook: news.outlook,
            types: news.types,
        }
    }

    pub(super) fn says_all_of(&self, news: &WindowChanged) -> bool {
        (self.window, self.outlook) == (news.window, news.outlook) && self.types == news.types
    }

    pub(super) fn has_the_outlook_of(&self, news: &WindowChanged) -> bool {
        self.outlook == news.outlook
            && TypeCapacity::differ_in_capacity_only(&self.types, &news.types)
    }
}
