//! Actors that another one keeps alive: each begins, may die, and after a pause another one takes
//! its place.
//!
//! actix restarts nobody. So a parent gives each child a [`DeathWatch`], has a [`Child`] of each,
//! and is told [`ChildDied`]: it lets go of what the child had in hand, sleeps for the pause, and
//! begins another one, unless the place was given up or taken meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};

use super::death_watch::DeathWatch;
use crate::domain::timestamp::Timestamp;
use crate::logic::restarts::Restarts;

/// Child → its parent, whatever it ended by.
#[derive(Clone, Debug)]
pub(super) struct ChildDied<K> {
    /// Which of the children of this type it was.
    pub key: K,
    /// Tells it from others that had this key before or after it.
    pub generation: u64,
}

impl<K: Send + 'static> Message for ChildDied<K> {
    type Result = ();
}

/// Numbers all children that a parent ever begins, so that no two are mistaken for each other.
#[derive(Default)]
pub(super) struct Births(u64);

impl Births {
    /// The number of the next child, and what that child has to own.
    pub(super) fn next<P, K>(&mut self, key: K, parent: &Context<P>) -> (u64, DeathWatch)
    where
        P: Actor<Context = Context<P>> + Handler<ChildDied<K>>,
        K: Send + 'static,
    {
        self.0 += 1;
        let generation = self.0;
        let news = ChildDied { key, generation };
        let watch = DeathWatch::new(parent.address().recipient(), news);
        (generation, watch)
    }

    /// Looks at the numbers of all children there are; gives how many these are.
    ///
    /// # Panics
    /// If two have the same, or one has a number that was not given yet.
    pub(super) fn check(&self, generations: impl Iterator<Item = u64>) -> usize {
        let mut seen = BTreeSet::new();
        for generation in generations {
            assert!(generation <= self.0, "{generation} was given to a child");
            assert!(seen.insert(generation), "{generation} is only one child's");
        }
        seen.len()
    }
}

/// One child, as its parent knows it, through its death and until another takes its place.
pub(super) struct Child<H> {
    /// What it is reached by. Whatever is sent to a dead one is dropped.
    hold: H,
    generation: u64,
    is_alive: bool,
    restarts: Restarts,
}

impl<H> Child<H> {
    /// One that began now, after those that `restarts` knows of.
    pub(super) fn new(hold: H, generation: u64, restarts: Restarts) -> Self {
        Self {
            hold,
            generation,
            is_alive: true,
            restarts,
        }
    }

    /// The child; `None` between its death and the next one's birth.
    pub(super) fn living(&self) -> Option<&H> {
        self.is_alive.then_some(&self.hold)
    }

    /// The child, be it dead, for whoever is told by other ways that it is.
    pub(super) fn last(&self) -> &H {
        &self.hold
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What the next one in this place has to know.
    pub(super) fn restarts(&self) -> Restarts {
        self.restarts
    }

    /// Whether it is the child that this is about, and no other has taken its place.
    pub(super) fn is_meant_by<K>(&self, died: &ChildDied<K>) -> bool {
        self.generation == died.generation
    }

    /// The pause until another one is to begin; `None` if one before it died.
    pub(super) fn died<K>(&mut self, died: &ChildDied<K>, now: Timestamp) -> Option<Duration> {
        if !self.is_meant_by(died) {
            return None;
        }
        self.is_alive = false;
        Some(self.restarts.died(now))
    }
}

#[cfg(test)]
mod tests {
    use actix::Addr;
    use tokio::time::advance;

    use super::*;
    use crate::actors::probe::settle;
    use crate::clock::Clock;

    /// Has one child, and begins another where that died.
    struct Parent {
        births: Births,
        child: Option<Child<Addr<Mortal>>>,
        clock: Clock,
    }

    struct Mortal {
        _watch: DeathWatch,
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Die;

    /// What the parent has: the number of its child, if it has one, and whether that lives.
    #[derive(Message)]
    #[rtype(result = "Option<(u64, bool)>")]
    struct Look;

    #[derive(Message)]
    #[rtype(result = "()")]
    enum Want {
        Begin,
        Death,
        GiveUp,
    }

    impl Actor for Mortal {
        type Context = Context<Self>;
    }

    impl Handler<Die> for Mortal {
        type Result = ();

        fn handle(&mut self, _: Die, _: &mut Context<Self>) {
            panic!("as asked");
        }
    }

    impl Actor for Parent {
        type Context = Context<Self>;
    }

    impl Parent {
        fn begin(&mut self, restarts: Restarts, ctx: &Context<Self>) {
            let (generation, watch) = self.births.next("only", ctx);
            let mortal = Mortal { _watch: watch }.start();
            let restarts = restarts.begun(self.clock.now());
            self.child = Some(Child::new(mortal, generation, restarts));
        }
    }

    impl Handler<Want> for Parent {
        type Result = ();

        fn handle(&mut self, want: Want, ctx: &mut Context<Self>) {
            match want {
                Want::Begin => self.begin(Restarts::default(), ctx),
                Want::Death => self.child.as_ref().unwrap().last().do_send(Die),
                Want::GiveUp => self.child = None,
            }
        }
    }

    impl Handler<Look> for Parent {
        type Result = Option<(u64, bool)>;

        fn handle(&mut self, _: Look, _: &mut Context<Self>) -> Self::Result {
            let child = self.child.as_ref()?;
            Some((child.generation(), child.living().is_some()))
        }
    }

    impl Handler<ChildDied<&'static str>> for Parent {
        type Result = ();

        fn handle(&mut self, died: ChildDied<&'static str>, ctx: &mut Context<Self>) {
            assert_eq!(died.key, "only");
            let (now, child) = (self.clock.now(), self.child.as_mut());
            let Some(pause) = child.and_then(|child| child.died(&died, now)) else {
                return;
            };
            ctx.run_later(pause, move |parent, ctx| {
                let child = parent.child.as_ref();
                if let Some(child) = child.filter(|child| child.is_meant_by(&died)) {
                    parent.begin(child.restarts(), ctx);
                }
            });
        }
    }

    struct House(Addr<Parent>);

    fn house() -> House {
        tokio::time::pause();
        let parent = Parent {
            births: Births::default(),
            child: None,
            clock: Clock::start(),
        };
        let house = House(parent.start());
        house.0.do_send(Want::Begin);
        house
    }

    impl House {
        async fn after(&self, want: Want) -> Option<(u64, bool)> {
            self.0.do_send(want);
            settle().await;
            self.look().await
        }

        async fn look(&self) -> Option<(u64, bool)> {
            self.0.send(Look).await.unwrap()
        }

        async fn pass(&self, millis: u64) -> Option<(u64, bool)> {
            advance(Duration::from_millis(millis)).await;
            settle().await;
            self.look().await
        }
    }

    #[actix::test]
    async fn whoever_died_is_replaced_after_a_pause_that_grows() {
        let house = house();
        assert_eq!(house.look().await, Some((1, true)));
        assert_eq!(house.after(Want::Death).await, Some((1, false)));
        assert_eq!(house.pass(5).await, Some((1, false)));
        assert_eq!(house.pass(6).await, Some((2, true)));
        assert_eq!(house.after(Want::Death).await, Some((2, false)));
        assert_eq!(house.pass(15).await, Some((2, false)));
        assert_eq!(house.pass(6).await, Some((3, true)));
    }

    #[actix::test]
    async fn nobody_replaces_one_that_was_given_up_or_has_a_successor() {
        let house = house();
        house.after(Want::Death).await;
        assert_eq!(house.after(Want::GiveUp).await, None);
        assert_eq!(house.pass(11).await, None);
        house.after(Want::Begin).await;
        assert_eq!(house.after(Want::Death).await, Some((2, false)));
        assert_eq!(house.after(Want::Begin).await, Some((3, true)));
        assert_eq!(house.pass(11).await, Some((3, true)));
    }

    #[actix::test]
    async fn the_death_of_one_before_it_is_no_news() {
        let house = house();
        house.look().await;
        // The first one ends as nobody can reach it any more, and that is told.
        assert_eq!(house.after(Want::Begin).await, Some((2, true)));
        assert_eq!(house.pass(11).await, Some((2, true)));
    }
}
