//! One moment, read on both of the hub's clocks.

use std::time::Duration;

use super::timestamp::Timestamp;

/// A time that must not fall goes on from the latest one for as long as the system's clock needs to
/// catch up, if that is no longer than this. A latest time further ahead was a mistake, and waiting
/// for it would make those that follow wrong, too.
pub const LONGEST_LIFT: Duration = Duration::from_secs(15 * 60);

/// News that is older than this was stamped before the system's clock was set.
const LONGEST_WAY_MS: i64 = 60_000;
/// The system's clock is often corrected by less than this, in milliseconds; by so much and more it
/// was set, and whoever keeps both clocks apart has to know.
pub const NOTEWORTHY_STEP_MS: i64 = 1_000;
/// A stamp further ahead is from before the clock was set back.
const SLIGHTLY_AHEAD_MS: i64 = 1_000;

/// Now, on the hub's own clock, which runs on evenly and by which everything relative is timed,
/// and on the system's, which others go by too and which may be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// Its own clock's time.
    pub hub: Timestamp,
    /// The system's clock's time.
    pub wall: Timestamp,
}

/// Where something that has a stamp is known from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StampOrigin {
    /// It has only just happened.
    News,
    /// It was written down, and since then the system's clock was set by so many milliseconds.
    Journal {
        /// In milliseconds, positive if it was set forward.
        set_since: i64,
    },
}

/// Both clocks agree, as when the hub starts.
impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self {
            hub: time,
            wall: time,
        }
    }
}

impl Moment {
    /// What the hub's clock shows when the system's, as it is set now, shows `wall`.
    pub fn hub_time(self, wall: Timestamp) -> Timestamp {
        Timestamp::from_millis(wall.as_millis().saturating_add(self.hub_ahead()))
    }

    /// The reverse of [`Moment::hub_time`], for whoever is to compare it with another clock.
    pub fn wall_time(self, hub: Timestamp) -> Timestamp {
        Timestamp::from_millis(hub.as_millis().saturating_sub(self.hub_ahead()))
    }

    /// By how much the hub's clock is ahead of the system's, in milliseconds.
    pub fn hub_ahead(self) -> i64 {
        self.hub.as_millis() - self.wall.as_millis()
    }

    /// The moment of something that was stamped `at` by the system's clock and is known by now.
    ///
    /// What is news has only just happened: if its stamp says otherwise the system's clock was set
    /// in between, and it counts from now. So does what has a stamp from the future, from before
    /// the clock was set right.
    ///
    /// What the journal knows is as old as its stamp and the steps of the clock since then say. If
    /// that would be in the future, the clock was set once more while the hub was down, and it
    /// counts from now as well: too long is better than for no time at all.
    pub fn of(self, at: Timestamp, source: StampOrigin) -> Self {
        let read = match source {
            StampOrigin::News => Some(at).filter(|at| self.age(*at) <= LONGEST_WAY_MS),
            StampOrigin::Journal { set_since } => Some(Timestamp::from_millis(
                at.as_millis().saturating_add(set_since),
            )),
        };
        let read = read.filter(|at| !self.is_future(*at));
        Self {
            hub: read.map_or(self.hub, |at| self.hub_time(at)),
            wall: at,
        }
    }

    /// How long ago the system's clock showed this, in milliseconds.
    fn age(self, at: Timestamp) -> i64 {
        self.wall.as_millis().saturating_sub(at.as_millis())
    }

    fn is_future(self, at: Timestamp) -> bool {
        self.age(at) < -SLIGHTLY_AHEAD_MS
    }
}

/// When something is due: after a time that passes evenly, or when the clocks on the wall say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// After a time that passes evenly: when the hub's own clock shows this.
    Hub(Timestamp),
    /// When the system's clock shows this, however it was set in between.
    Wall(Timestamp),
}

impl When {
    /// Whether that time has come, by the clock that it is meant by.
    pub fn is_due(self, now: Moment) -> bool {
        match self {
            Self::Hub(at) => at <= now.hub,
            Self::Wall(at) => at <= now.wall,
        }
    }

    /// On the wall, as far as can be told now.
    pub fn wall_time(self, now: Moment) -> Timestamp {
        match self {
            Self::Hub(at) => now.wall_time(at),
            Self::Wall(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + seconds * 1000)
    }

    /// The system's clock was set forward by an hour.
    const NOW: i64 = 3600;
    const JOURNAL: StampOrigin = StampOrigin::Journal { set_since: 0 };

    fn now() -> Moment {
        Moment {
            hub: at(0),
            wall: at(NOW),
        }
    }

    #[test]
    fn both_clocks_can_be_told_from_each_other() {
        assert_eq!(now().hub_time(at(NOW + 5)), at(5));
        assert_eq!(now().wall_time(at(5)), at(NOW + 5));
        assert_eq!(Moment::from(at(7)).hub_time(at(9)), at(9));
    }

    #[test]
    fn an_old_record_is_as_old_as_its_stamp_says() {
        let then = now().of(at(NOW - 600), JOURNAL);
        assert_eq!((then.hub, then.wall), (at(-600), at(NOW - 600)));
    }

    #[test]
    fn what_the_clock_was_set_by_since_makes_no_record_older_or_younger() {
        let set = |seconds: i64| StampOrigin::Journal {
            set_since: seconds * 1000,
        };
        // Ten minutes ago, half an hour before the clock was set forward by an hour or two.
        for hours in [1, 2] {
            let stamp = at(NOW - 600 - hours * 3600);
            let then = now().of(stamp, set(hours * 3600));
            assert_eq!((then.hub, then.wall), (at(-600), stamp));
            assert_eq!(then.hub_time(stamp.plus(Duration::from_secs(900))), at(300));
        }
        // And back by an hour: the stamp is from the future, or seems to be younger than it is.
        for age in [600, 3600, 5400] {
            let then = now().of(at(NOW - age + 3600), set(-3600));
            assert_eq!(then.hub, at(-age));
        }
        // Set back once more while nobody saw it.
        for stamp in [NOW - 600, NOW + 600] {
            assert_eq!(now().of(at(stamp), set(3600)).hub, at(0));
        }
    }

    #[test]
    fn a_stamp_from_the_future_counts_from_now() {
        for source in [JOURNAL, StampOrigin::News] {
            let then = now().of(at(NOW + 86_400), source);
            assert_eq!(then.hub, at(0));
            assert_eq!(then.hub_time(at(NOW + 86_405)), at(5));
        }
    }

    #[test]
    fn news_stamped_before_the_clock_was_set_counts_from_now() {
        let then = now().of(at(0), StampOrigin::News);
        assert_eq!(then.hub_time(at(30)), at(30));
        assert_eq!(now().of(at(NOW - 1), StampOrigin::News).hub, at(-1));
    }

    #[test]
    fn what_is_due_by_one_clock_need_not_be_by_the_other() {
        assert!(When::Wall(at(NOW)).is_due(now()) && !When::Hub(at(NOW)).is_due(now()));
        assert!(!When::Wall(at(NOW + 1)).is_due(now()) && When::Hub(at(0)).is_due(now()));
        assert_eq!(When::Hub(at(1)).wall_time(now()), at(NOW + 1));
        assert_eq!(When::Wall(at(1)).wall_time(now()), at(1));
    }
}
