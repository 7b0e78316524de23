//! A model of what whoever follows the events goes through: a log that grows, a memory that
//! forgets, an archive that lags, is away and loses, and a consumer that is slow and comes and
//! goes.
//!
//! What is asked for and what comes back is under way for a while, so that everything can happen
//! in between. Whatever happens, the consumer sees each event once and in order, or it is told of
//! the gap; and once all is quiet it is owed nothing.

pub(super) mod faults;
mod oracle;
mod world;

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use super::FollowerAction;
use crate::domain::event::Sequence;
use crate::logic::event_window::EventsRead;
use crate::logic::feeds::Fed;
use oracle::Oracle;
use world::{Arrival, World};

/// A follower as its owner drives it.
pub(super) trait Machine {
    /// Bytes of events it has room for.
    const CAPACITY: usize;
    /// It waits for events that the archive lost, instead of telling that they are gone.
    const WAITS: bool;
    /// It goes on only when everything has arrived that was on its way when it let go.
    const HAS_BARRIER: bool;

    /// One whose consumer is done with everything up to here.
    fn new(after: Sequence) -> Self;
    fn step(&mut self, input: Input) -> Vec<Output>;
    /// Bytes of the events it has in memory.
    fn held(&self) -> usize;
}

/// What happens to a machine.
#[derive(Debug)]
pub(super) enum Input {
    /// It begins, or goes on.
    GoOn,
    /// It lets go of the events that the consumer was not given.
    LetGo,
    News {
        round: u64,
        fed: Fed,
    },
    /// What [`FollowerAction::Read`] brought; `None`: the archive is away.
    Page {
        round: u64,
        read: Option<EventsRead>,
    },
    /// The pause is over after which the archive is asked again.
    Again {
        round: u64,
    },
    /// The consumer takes the next event, if there is one.
    Take,
    /// The consumer is done with the first of those it has taken.
    Settle,
    /// The consumer is done with the last of them, and goes on holding those before it.
    SettleLast,
    /// Somebody says to go on without what was lost.
    Pass,
}

/// What a machine does.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Output {
    Asks(FollowerAction),
    /// The consumer is given this event.
    Gives(Sequence),
    /// The consumer is told that the events before this one are gone.
    Tells(Sequence),
    /// It wants to be woken after a pause.
    Pauses {
        round: u64,
    },
}

/// What may happen at any time.
#[derive(Clone, Debug)]
enum Step {
    /// So many events, each of which the consumer wants or not.
    Publish(Vec<bool>),
    /// The next of what was asked for reaches the log.
    Ask,
    /// The next of what the log sent reaches the machine.
    News,
    /// The archive answers what it was asked first.
    Read,
    /// The first of its answers reaches the machine.
    Page,
    /// The first pause is over.
    Again,
    Take,
    Settle,
    SettleLast,
    LetGo,
    GoOn,
    /// The consumer is lost, and another goes on behind what it had settled.
    Reconnect,
    Pass,
    /// The archive has got all that there is now.
    Archive,
    ArchiveAway(bool),
    /// The archive lost what it had, but for the first so many events.
    Lose(usize),
    /// A backup brings back what was lost.
    Restore,
    /// Retention removes the oldest so many of what the archive has.
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(prop::bool::weighted(0.7), 1..5).prop_map(Step::Publish),
        8 => Just(Step::Ask),
        8 => Just(Step::News),
        6 => Just(Step::Read),
        6 => Just(Step::Page),
        3 => Just(Step::Again),
        10 => Just(Step::Take),
        8 => Just(Step::Settle),
        3 => Just(Step::SettleLast),
        2 => Just(Step::LetGo),
        4 => Just(Step::GoOn),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Pass),
        2 => Just(Step::Archive),
        2 => any::<bool>().prop_map(Step::ArchiveAway),
        1 => (0..6_usize).prop_map(Step::Lose),
        1 => Just(Step::Restore),
        1 => (0..12_usize).prop_map(Step::Remove),
    ]
}

/// The machine among everything else.
struct Run<M> {
    machine: M,
    /// It follows, as far as it was told.
    is_on: bool,
    world: World,
    oracle: Oracle,
    /// Taken and not settled.
    taken: VecDeque<Sequence>,
    /// The consumer is done with everything up to here.
    settled: Sequence,
    pauses: VecDeque<u64>,
}

impl<M: Machine> Run<M> {
    fn new() -> Self {
        Self {
            machine: M::new(0),
            is_on: false,
            world: World::new(M::CAPACITY),
            oracle: Oracle::new(M::WAITS, 0),
            taken: VecDeque::new(),
            settled: 0,
            pauses: VecDeque::new(),
        }
    }

    /// Whether anything happened.
    fn take(&mut self, step: Step) -> Result<bool, TestCaseError> {
        match step {
            Step::Ask => return Ok(self.world.hear()),
            Step::News => {
                let Some(arrival) = self.world.sent.pop_front() else {
                    return Ok(false);
                };
                match arrival {
                    Arrival::News { round, fed } => self.happens(Input::News { round, fed })?,
                    Arrival::Barrier => self.goes_on()?,
                }
            }
            Step::Read => return Ok(self.world.read()),
            Step::Page => {
                let Some((round, read)) = self.world.pages.pop_front() else {
                    return Ok(false);
                };
                self.happens(Input::Page { round, read })?;
            }
            Step::Again => {
                let Some(round) = self.pauses.pop_front() else {
                    return Ok(false);
                };
                self.happens(Input::Again { round })?;
            }
            Step::Take => return self.takes_event(),
            Step::Settle => {
                let Some(sequence) = self.taken.pop_front() else {
                    return Ok(false);
                };
                self.settled = sequence;
                self.happens(Input::Settle)?;
            }
            Step::SettleLast => {
                if self.taken.pop_back().is_none() {
                    return Ok(false);
                }
                self.happens(Input::SettleLast)?;
            }
            Step::LetGo if self.is_on => {
                self.is_on = false;
                self.happens(Input::LetGo)?;
                if M::HAS_BARRIER {
                    self.world.asked.push_back(None);
                }
            }
            Step::GoOn if !M::HAS_BARRIER || !self.world.has_barrier() => self.goes_on()?,
            Step::LetGo | Step::GoOn => return Ok(false),
            Step::Reconnect => self.reconnects()?,
            Step::Pass => {
                self.oracle.passes(&self.world);
                self.happens(Input::Pass)?;
            }
            step => self.world.change(step),
        }
        Ok(true)
    }

    fn goes_on(&mut self) -> Result<(), TestCaseError> {
        if !self.is_on {
            self.is_on = true;
            self.happens(Input::GoOn)?;
        }
        Ok(())
    }

    fn takes_event(&mut self) -> Result<bool, TestCaseError> {
        let before = self.taken.len();
        self.happens(Input::Take)?;
        Ok(self.taken.len() > before)
    }

    /// What was on its way to the one before does not reach the next.
    fn reconnects(&mut self) -> Result<(), TestCaseError> {
        self.machine = M::new(self.settled);
        self.oracle = Oracle::new(M::WAITS, self.settled);
        self.taken.clear();
        self.pauses.clear();
        self.world.disconnect();
        self.is_on = false;
        self.goes_on()
    }

    fn happens(&mut self, input: Input) -> Result<(), TestCaseError> {
        for output in self.machine.step(input) {
            match output {
                Output::Asks(action) => self.world.asked.push_back(Some(action)),
                Output::Gives(sequence) => {
                    self.oracle.given(sequence, &self.world)?;
                    self.taken.push_back(sequence);
                }
                Output::Tells(oldest) => self.oracle.told(oldest, &self.world)?,
                Output::Pauses { round } => self.pauses.push_back(round),
            }
        }
        let most = 2 * M::CAPACITY + 2 * self.world.event_bytes();
        let held = self.machine.held();
        prop_assert!(held <= most, "{held} bytes are held where {most} may be");
        Ok(())
    }

    /// Everything that is under way arrives, and the consumer takes and settles what there is.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.rests(&[Step::Take, Step::Settle])
    }

    /// Everything that is under way arrives, and the consumer does so while there is anything to
    /// do.
    fn rests(&mut self, consumer: &[Step]) -> Result<(), TestCaseError> {
        let under_way = [Step::Ask, Step::News, Step::Read, Step::Page];
        // More would be a machine that asks for the same for ever.
        for _ in 0..10_000 {
            let mut is_quiet = true;
            for step in under_way.iter().chain(consumer) {
                is_quiet &= !self.take(step.clone())?;
            }
            if is_quiet {
                return Ok(());
            }
        }
        prop_assert!(false, "it never comes to rest");
        Ok(())
    }

    /// What is held for long takes room, but never all: what comes after it still comes.
    fn holds_nearly_all(&mut self) -> Result<(), TestCaseError> {
        while self.machine.held() + self.world.event_bytes() < M::CAPACITY {
            self.take(Step::Publish(vec![true]))?;
            self.rests(&[Step::Take])?;
        }
        for _ in 0..20 {
            self.take(Step::Publish(vec![true]))?;
            self.rests(&[Step::Take])?;
            self.take(Step::SettleLast)?;
        }
        self.rests(&[])?;
        self.oracle.is_owed_nothing(&self.world)
    }

    /// The archive is there, and whoever waits for what was lost is told to go on.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.world.change(Step::ArchiveAway(false));
        self.take(Step::GoOn)?;
        self.settle()?;
        let last_words = [Step::Again, Step::Pass, Step::LetGo, Step::GoOn];
        // What was lost is known after the first time only.
        for step in last_words.iter().cycle().take(2 * last_words.len()) {
            let times = match step {
                Step::Again => self.pauses.len(),
                _ => 1,
            };
            for _ in 0..times {
                self.take(step.clone())?;
            }
            self.settle()?;
        }
        self.oracle.is_owed_nothing(&self.world)?;
        // More than it has room for at once, by nothing but its credit.
        for _ in 0..4 {
            self.take(Step::Publish(vec![true; 3]))?;
            self.settle()?;
        }
        self.oracle.is_owed_nothing(&self.world)?;
        self.holds_nearly_all()
    }
}

/// # Panics
/// If the machine fails its consumer; says what has to happen for that.
pub(super) fn run<M: Machine>() {
    if let Err(failed) = check::<M>(Config::default().max_shrink_iters) {
        panic!("{failed}");
    }
}

fn check<M: Machine>(max_shrink_iters: u32) -> Result<(), TestError<Vec<Step>>> {
    let config = Config {
        failure_persistence: None,
        max_shrink_iters,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    runner.run(&prop::collection::vec(step(), 0..150), |steps| {
        let mut run = Run::<M>::new();
        run.take(Step::GoOn)?;
        for step in steps {
            run.take(step)?;
        }
        run.finish()
    })
}
