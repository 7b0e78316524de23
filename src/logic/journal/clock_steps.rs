//! By how much the system's clock was set while the journal was written.
//!
//! Records are stamped by the system's clock, and what waits for a time to pass does not go by it.
//! So that a start finds how old a record is, the steps of the clock are kept beside the records,
//! each with the position that was next when it was noticed:
//!
//! ```text
//! 8a9136aa                            crc32c of all that follows, in hexadecimal
//! 812 1780000000000 1780003600000     from that position on: what the clock would have shown, and
//!                                     what it showed, in milliseconds since 1970
//! ```

use crate::domain::ids::Position;
use crate::domain::moment::NOTEWORTHY_STEP_MS;
use crate::domain::timestamp::Timestamp;

/// Of more the oldest are taken for one.
const MOST: usize = 64;
/// A record that was under way has a stamp no later than this after what the clock would have
/// shown.
const UNDER_WAY_MS: i64 = 1_000;

/// All that are known, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClockSteps(Vec<Step>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Step {
    /// Of the first record that may have been stamped after it.
    position: Position,
    /// What the clock would have shown when it was noticed, and what it showed.
    from: Timestamp,
    to: Timestamp,
}

impl Step {
    fn millis(&self) -> i64 {
        let (from, to) = (self.from.as_millis(), self.to.as_millis());
        to.saturating_sub(from)
    }

    /// Whether a record was stamped before it. One that was under way was written after it.
    fn comes_after(&self, position: Position, stamp: Option<Timestamp>) -> bool {
        let late = (self.millis() / 2).min(UNDER_WAY_MS);
        let last = self.from.as_millis().saturating_add(late);
        let was_under_way = |stamp: Timestamp| stamp.as_millis() < last;
        position < self.position || self.millis() > 0 && stamp.is_some_and(was_under_way)
    }
}

impl ClockSteps {
    /// The clock shows `to` instead of `from`; the next record is to have this position.
    pub fn add(&mut self, position: Position, from: Timestamp, to: Timestamp) {
        self.0.push(Step { position, from, to });
        while self.0.len() > MOST {
            let oldest = self.0.remove(0).millis();
            let next = &mut self.0[0].from;
            *next = Timestamp::from_millis(next.as_millis().saturating_sub(oldest));
        }
    }

    /// By how much the clock was set since this record was stamped, in milliseconds.
    pub fn set_since(&self, position: Position, stamp: Option<Timestamp>) -> i64 {
        let newest_first = self.0.iter().rev();
        newest_first
            .take_while(|step| step.comes_after(position, stamp))
            .fold(0, |sum, step| sum.saturating_add(step.millis()))
    }

    /// Of the first record that may have been stamped after the newest step; 0 without one.
    pub fn newest(&self) -> Position {
        self.0.last().map_or(0, |step| step.position)
    }

    /// The hub starts, and the clock shows `now`. If a record since the newest step has a later
    /// stamp than that, the clock was set back while the hub was down, and no further than it had
    /// been set forward as far as anybody knows: gives what it would have shown. To believe more
    /// would be to take a clock that is wrong at the start for right, and records for older than
    /// their stamps.
    pub fn taken_back(&self, latest: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let forward = self.0.last()?.millis();
        let back = latest.as_millis().saturating_sub(now.as_millis());
        let back = back.min(forward);
        let shown = now.as_millis().saturating_add(back);
        (back >= NOTEWORTHY_STEP_MS).then(|| Timestamp::from_millis(shown))
    }

    /// The journal begins and goes on with these positions: forgets steps before which there is no
    /// record, and lets none be about records that are still to come. Says whether that changed
    /// anything.
    pub fn fit(&mut self, first: Position, next: Position) -> bool {
        let before = self.0.clone();
        self.0.retain(|step| step.position > first);
        for step in &mut self.0 {
            step.position = step.position.min(next);
        }
        self.0 != before
    }

    /// Whether the clock was never set, as far as is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What [`ClockSteps::parse`] reads.
    pub fn to_text(&self) -> String {
        let mut lines = String::new();
        for Step { position, from, to } in &self.0 {
            let (from, to) = (from.as_millis(), to.as_millis());
            lines.push_str(&format!("{position} {from} {to}\n"));
        }
        format!("{:08x}\n{lines}", crc32c::crc32c(lines.as_bytes()))
    }

    /// `None`: it is damaged.
    pub fn parse(text: &str) -> Option<Self> {
        let (sum, lines) = text.split_once('\n')?;
        let sum = u32::from_str_radix(sum, 16).ok()?;
        if sum != crc32c::crc32c(lines.as_bytes()) {
            return None;
        }
        lines
            .lines()
            .map(parse_step)
            .collect::<Option<_>>()
            .map(Self)
    }
}

fn parse_step(line: &str) -> Option<Step> {
    let mut words = line.split(' ');
    let position = words.next()?.parse().ok()?;
    let mut time = || words.next()?.parse().ok().map(Timestamp::from_millis);
    Some(Step {
        position,
        from: time()?,
        to: time()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + millis)
    }

    fn steps(all: &[(Position, i64, i64)]) -> ClockSteps {
        let mut steps = ClockSteps::default();
        for (position, from, to) in all {
            steps.add(*position, at(*from), at(*to));
        }
        steps
    }

    #[test]
    fn a_record_is_from_before_the_steps_behind_it() {
        let steps = steps(&[
            (10, 0, HOUR),
            (20, HOUR + 1_000, 1_000),
            (30, 2_000, 2_000 + 2 * HOUR),
        ]);
        let set_since = |position, stamp| steps.set_since(position, Some(at(stamp)));
        assert_eq!(set_since(9, -5), 2 * HOUR);
        assert_eq!(set_since(10, HOUR), HOUR);
        assert_eq!(set_since(19, HOUR + 999), HOUR);
        assert_eq!(set_since(20, 1_000), 2 * HOUR);
        assert_eq!(set_since(30, 2_000 + 2 * HOUR), 0);
        assert_eq!(steps.set_since(9, None), 2 * HOUR);
        assert_eq!(steps.set_since(30, None), 0);
        assert_eq!(ClockSteps::default().set_since(1, Some(at(0))), 0);
    }

    #[test]
    fn what_was_under_way_when_the_clock_was_set_forward_was_stamped_before() {
        let steps = steps(&[(10, 0, 1_000)]);
        assert_eq!(steps.set_since(12, Some(at(-100))), 1_000);
        assert_eq!(steps.set_since(12, Some(at(900))), 0);
        assert_eq!(steps.set_since(9, Some(at(900))), 1_000);
    }

    #[test]
    fn what_comes_after_a_large_step_was_not_under_way() {
        let steps = steps(&[(10, 0, HOUR)]);
        assert_eq!(steps.set_since(10, Some(at(999))), HOUR);
        assert_eq!(steps.set_since(10, Some(at(HOUR / 6))), 0);
    }

    #[test]
    fn a_step_forward_may_have_been_taken_back_while_the_hub_was_down() {
        let minute = HOUR / 60;
        let forward = steps(&[(10, 0, HOUR)]);
        let shown = |latest, now| forward.taken_back(at(latest), at(now));
        assert_eq!(shown(HOUR + minute, HOUR + 2 * minute), None);
        assert_eq!(shown(HOUR + minute, 5 * minute), Some(at(HOUR + minute)));
        // Of a clock that is far behind no more is believed than was known to be wrong.
        assert_eq!(shown(HOUR + minute, -9 * HOUR), Some(at(-8 * HOUR)));
        let backward = steps(&[(10, HOUR, 0)]);
        assert_eq!(backward.taken_back(at(HOUR), at(0)), None);
        assert_eq!(ClockSteps::default().taken_back(at(HOUR), at(0)), None);
        assert_eq!((forward.newest(), ClockSteps::default().newest()), (10, 0));
    }

    #[test]
    fn they_are_bounded_and_add_up_all_the_same() {
        let all: Vec<_> = (1..=200).map(|n: u64| (10 * n, 0, 1_000)).collect();
        let steps = steps(&all);
        assert_eq!(steps.0.len(), MOST);
        assert_eq!(steps.set_since(1, None), 200_000);
        assert_eq!(steps.set_since(1_995, None), 1_000);
    }

    #[test]
    fn a_step_is_about_records_that_are_there() {
        let mut steps = steps(&[(10, 0, HOUR), (20, HOUR, 0), (30, 0, HOUR)]);
        assert!(!steps.fit(1, 30));
        assert!(steps.fit(10, 25));
        assert_eq!(steps.set_since(24, None), HOUR);
        assert_eq!(steps.set_since(25, None), 0);
        assert_eq!(steps.set_since(9, None), 0);
        assert!(steps.fit(1, 1) && !steps.is_empty());
        assert!(steps.fit(1, 1) && steps.is_empty());
    }

    #[test]
    fn they_are_read_as_they_were_written_or_not_at_all() {
        let some = steps(&[(10, 0, HOUR), (u64::MAX, HOUR, -HOUR)]);
        for steps in [ClockSteps::default(), some.clone()] {
            assert_eq!(ClockSteps::parse(&steps.to_text()), Some(steps));
        }
        let text = some.to_text();
        for damaged in [
            String::new(),
            "\n".to_owned(),
            text[..text.len() - 1].to_owned(),
            text.replace("10 ", "11 "),
            format!("{text}7 1 2\n"),
            format!("{:08x}\nten 1 2\n", crc32c::crc32c(b"ten 1 2\n")),
            format!("{:08x}\n1 2\n", crc32c::crc32c(b"1 2\n")),
        ] {
            assert_eq!(ClockSteps::parse(&damaged), None, "{damaged:?}");
        }
    }
}
