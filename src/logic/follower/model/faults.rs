//! Machines with a fault, by which the model shows that it would notice one.

use super::{FollowerAction, Input, Machine, Output, check};
use crate::domain::event::Sequence;

/// It follows with one event left out.
const SKIPS: u8 = 0;
/// It reads the archive with one event left out.
const READS_TOO_LATE: u8 = 1;
/// It gives each event twice.
const REPEATS: u8 = 2;
/// It never has room again.
const KEEPS_CREDIT: u8 = 3;
/// It takes what was on its way when it let go.
const HEARS_THE_PAST: u8 = 4;
/// It passes what was lost without a word.
const IS_SILENT: u8 = 5;

struct Faulty<M, const FAULT: u8> {
    machine: M,
    /// Of what it followed last.
    round: u64,
}

impl<M: Machine, const FAULT: u8> Faulty<M, FAULT> {
    fn hear(&self, input: Input) -> Input {
        match (FAULT, input) {
            (HEARS_THE_PAST, Input::News { fed, .. }) => Input::News {
                round: self.round,
                fed,
            },
            (IS_SILENT, Input::Page { round, read }) if M::WAITS => {
                let read = read.map(|mut read| {
                    read.window.kept_from = read.window.oldest;
                    read
                });
                Input::Page { round, read }
            }
            (_, input) => input,
        }
    }

    fn say(&mut self, output: Output) -> Vec<Output> {
        let Output::Asks(action) = output else {
            return match (FAULT, output) {
                (REPEATS, Output::Gives(sequence)) => vec![Output::Gives(sequence); 2],
                (IS_SILENT, Output::Tells(_)) => Vec::new(),
                (_, output) => vec![output],
            };
        };
        let action = match action {
            FollowerAction::Follow {
                round,
                from,
                credit,
            } => {
                self.round = round;
                let from = if FAULT == SKIPS { from + 1 } else { from };
                FollowerAction::Follow {
                    round,
                    from,
                    credit,
                }
            }
            FollowerAction::Read { round, from } if FAULT == READS_TOO_LATE => {
                let from = from + 1;
                FollowerAction::Read { round, from }
            }
            FollowerAction::Credit(_) if FAULT == KEEPS_CREDIT => return Vec::new(),
            action => action,
        };
        vec![Output::Asks(action)]
    }
}

impl<M: Machine, const FAULT: u8> Machine for Faulty<M, FAULT> {
    const CAPACITY: usize = M::CAPACITY;
    const WAITS: bool = M::WAITS;
    const HAS_BARRIER: bool = M::HAS_BARRIER && FAULT != HEARS_THE_PAST;

    fn new(after: Sequence) -> Self {
        let machine = M::new(after);
        Self { machine, round: 0 }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let input = self.hear(input);
        let outputs = self.machine.step(input);
        outputs
            .into_iter()
            .flat_map(|output| self.say(output))
            .collect()
    }

    fn held(&self) -> usize {
        self.machine.held()
    }
}

/// # Panics
/// If a fault of this machine would not be noticed.
pub(in crate::logic::follower) fn are_noticed<M: Machine>() {
    for (fault, outcome) in [
        ("skips", check::<Faulty<M, SKIPS>>(0)),
        ("reads too late", check::<Faulty<M, READS_TOO_LATE>>(0)),
        ("repeats", check::<Faulty<M, REPEATS>>(0)),
        ("keeps credit", check::<Faulty<M, KEEPS_CREDIT>>(0)),
        ("hears the past", check::<Faulty<M, HEARS_THE_PAST>>(0)),
        ("is silent", check::<Faulty<M, IS_SILENT>>(0)),
    ] {
        assert!(outcome.is_err(), "nobody notices that it {fault}");
    }
}
