//! Whether a subscription may send to its callback now, and whether it needs any events.
//!
//! What was decided about it, and what its callback says:
//!
//! ```text
//!                410
//!   Sending ─────────────> Gone
//!     │  ^                  │
//!     │  │ somebody changes │ somebody pauses
//!     │  └──────────────────┤
//!     │  │                  │
//!     v  │                  v        the hub stops
//!   Paused <────────────────┘  any ─────────────────> Resting
//! ```
//!
//! How far the circuit of its callback's origin lets it, of which it learns by trying:
//!
//! ```text
//!           not now                    asks for a turn
//!   Free ─────────────> Granted(0) ─────────────────────> Waiting
//!                           ^                                │
//!                           │ used up, or not now            │ its turn
//!                           └───────────── Granted(n) <──────┘
//!
//!   any ── another circuit ──> Free
//! ```
//!
//! A circuit that was open when it was tried shuts the subscription out: until an answer shows that
//! more gets through than a trial, events that have not begun are of no use.

/// What a subscription may do.
#[derive(Debug)]
pub struct FlowControl {
    standing: Standing,
    passage: Passage,
    is_shut_out: bool,
    /// Dead letters of its own on their way to the journal.
    unrecorded: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Sending,
    Paused,
    /// The callback wants no more; nothing goes until somebody changes the subscription.
    Gone,
    /// The hub stops: nothing begins any more.
    Resting {
        was_sending: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passage {
    /// It is not known that the circuit keeps anything back.
    Free,
    /// So many pushes may be tried before the circuit is asked again.
    Granted(u32),
    /// It has asked the circuit for its turn.
    Waiting,
}

impl FlowControl {
    /// As the subscription is; of the circuit nothing is known.
    pub fn new(is_paused: bool) -> Self {
        Self {
            standing: Standing::of(is_paused),
            passage: Passage::Free,
            is_shut_out: false,
            unrecorded: 0,
        }
    }

    /// Somebody changed the subscription. Who has come to rest stays so.
    pub fn changed(&mut self, is_paused: bool) {
        if !matches!(self.standing, Standing::Resting { .. }) {
            self.standing = Standing::of(is_paused);
        }
    }

    /// The callback wants no more.
    pub fn gone(&mut self) {
        if self.standing == Standing::Sending {
            self.standing = Standing::Gone;
        }
    }

    /// The hub stops.
    pub fn rest(&mut self) {
        let was_sending = self.standing == Standing::Sending;
        if !self.is_resting() {
            self.standing = Standing::Resting { was_sending };
        }
    }

    /// Whether the hub stops.
    pub fn is_resting(&self) -> bool {
        matches!(self.standing, Standing::Resting { .. })
    }

    /// Events that have not begun are of no use, perhaps for long.
    pub fn takes_nothing(&self) -> bool {
        let is_open = matches!(
            self.standing,
            Standing::Sending | Standing::Resting { was_sending: true }
        );
        !is_open || self.is_shut_out
    }

    /// Past events may be read.
    pub fn may_read(&self) -> bool {
        self.standing == Standing::Sending && !self.is_shut_out
    }

    /// Something may begin if there is anything, as far as the circuit lets it. While the journal
    /// takes no dead letters, more of them would pile up.
    pub fn may_begin(&self) -> bool {
        self.standing == Standing::Sending && self.unrecorded == 0
    }

    /// What waits for a time is begun when that comes: who awaits its turn is told when it may.
    pub fn may_begin_by_itself(&self) -> bool {
        self.may_begin() && self.passage != Passage::Waiting
    }

    /// Whether the circuit may let one more through.
    pub fn may_try(&self) -> bool {
        matches!(self.passage, Passage::Free | Passage::Granted(1..))
    }

    /// One is tried.
    pub fn tried(&mut self) {
        if let Passage::Granted(left) = &mut self.passage {
            *left = left.saturating_sub(1);
        }
    }

    /// There is more to try. Whether the circuit is to be asked for a turn.
    pub fn asks(&mut self) -> bool {
        let asks = self.passage == Passage::Granted(0);
        if asks {
            self.passage = Passage::Waiting;
        }
        asks
    }

    /// It is its turn, for so many pushes.
    pub fn turn(&mut self, room: u32) {
        self.passage = Passage::Granted(room);
    }

    /// The circuit let one of them not through, perhaps because it is open.
    pub fn not_now(&mut self, is_open: bool) {
        if self.passage != Passage::Waiting {
            self.passage = Passage::Granted(0);
        }
        self.is_shut_out |= is_open;
    }

    /// The callback answered. `holds_up`: the event keeps its place, and nothing else could begin.
    pub fn answered(&mut self, holds_up: bool) {
        self.is_shut_out &= holds_up;
    }

    /// The circuit is another one now, of which nothing is known.
    pub fn circuit_changed(&mut self) {
        self.passage = Passage::Free;
        self.is_shut_out = false;
    }

    /// A dead letter is on its way to the journal.
    pub fn dead_event_sent(&mut self) {
        self.unrecorded += 1;
    }

    /// And there it is.
    pub fn dead_event_recorded(&mut self) {
        self.unrecorded -= 1;
    }
}

impl Standing {
    fn of(is_paused: bool) -> Self {
        if is_paused {
            Self::Paused
        } else {
            Self::Sending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(flow: &FlowControl) -> [bool; 4] {
        [
            flow.may_begin(),
            flow.may_try(),
            flow.may_read(),
            flow.takes_nothing(),
        ]
    }

    const SENDS: [bool; 4] = [true, true, true, false];
    const IS_STILL: [bool; 4] = [false, true, false, true];

    #[test]
    fn who_is_paused_or_gone_takes_nothing_until_somebody_changes_it() {
        let mut flow = FlowControl::new(true);
        assert_eq!(may(&flow), IS_STILL);
        flow.changed(false);
        assert_eq!(may(&flow), SENDS);
        flow.gone();
        assert_eq!(may(&flow), IS_STILL);
        // As the registry pauses it for that.
        flow.changed(true);
        assert_eq!(may(&flow), IS_STILL);
        flow.changed(false);
        assert_eq!(may(&flow), SENDS);
    }

    #[test]
    fn who_rests_begins_nothing_more_whatever_happens_and_keeps_what_it_has() {
        for (is_paused, takes_nothing) in [(false, false), (true, true)] {
            let mut flow = FlowControl::new(is_paused);
            flow.rest();
            flow.gone();
            flow.changed(false);
            flow.rest();
            assert!(flow.is_resting());
            assert_eq!(may(&flow), [false, true, false, takes_nothing]);
        }
    }

    #[test]
    fn a_circuit_that_keeps_something_back_is_asked_once_for_a_turn() {
        let mut flow = FlowControl::new(false);
        assert!(flow.may_try() && !flow.asks());
        flow.not_now(false);
        assert!(!flow.may_try() && flow.asks());
        assert!(!flow.asks() && !flow.may_begin_by_itself());
        // Others were under way meanwhile.
        flow.not_now(false);
        assert!(!flow.asks());
        flow.turn(2);
        for _ in 0..2 {
            assert!(flow.may_try() && !flow.asks());
            flow.tried();
        }
        assert!(!flow.may_try() && flow.asks());
        flow.circuit_changed();
        assert!(flow.may_try() && flow.may_begin_by_itself());
    }

    #[test]
    fn an_open_circuit_shuts_out_until_an_answer_shows_that_more_gets_through() {
        let mut flow = FlowControl::new(false);
        flow.not_now(true);
        assert!(flow.takes_nothing());
        flow.asks();
        flow.turn(1);
        assert!(flow.takes_nothing(), "it is a trial");
        flow.answered(true);
        assert!(flow.takes_nothing());
        flow.answered(false);
        assert!(!flow.takes_nothing());
        flow.not_now(true);
        flow.circuit_changed();
        assert!(!flow.takes_nothing());
    }

    #[test]
    fn nothing_begins_while_a_dead_letter_is_on_its_way_to_the_journal() {
        let mut flow = FlowControl::new(false);
        flow.dead_event_sent();
        flow.dead_event_sent();
        flow.dead_event_recorded();
        assert!(!flow.may_begin());
        flow.dead_event_recorded();
        assert!(flow.may_begin());
    }
}
