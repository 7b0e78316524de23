//! What a request hands in at once, messages or events, of which some may not go out in the name
//! they have: that is asked for each, whatever protocol it came by, before anything is done.

use std::iter::Peekable;
use std::vec;

use super::error::HubError;

/// What may not go out: where it stood among the others, and why not.
#[derive(Default)]
pub(super) struct Forbidden(Vec<(usize, HubError)>);

impl Forbidden {
    /// Takes what `check` forbids out of what was handed in, nearly always nothing.
    pub(super) fn take_out<T>(
        handed_in: &mut Vec<T>,
        check: impl Fn(&T) -> Result<(), HubError>,
    ) -> Self {
        let mut forbidden = Vec::new();
        let mut place = 0;
        handed_in.retain(|one| {
            let refused = check(one).err();
            let stays = refused.is_none();
            forbidden.extend(refused.map(|error| (place, error)));
            place += 1;
            stays
        });
        Self(forbidden)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out what is left as well, each refused with `error`: all or none.
    pub(super) fn take_rest<T>(&mut self, handed_in: &mut Vec<T>, error: &HubError) {
        let all = handed_in.len() + self.0.len();
        handed_in.clear();
        let mut own = std::mem::take(&mut self.0).into_iter().peekable();
        self.0 = (0..all)
            .map(|place| {
                let refused = own.next_if(|(of, _)| *of == place);
                refused.unwrap_or_else(|| (place, error.clone()))
            })
            .collect();
    }

    /// What became of each, in the order in which it was handed in; `rest` of what was not taken
    /// out.
    pub(super) fn among<T>(self, rest: Vec<T>) -> InOrder<T> {
        InOrder {
            forbidden: self.0.into_iter().peekable(),
            rest: rest.into_iter(),
            place: 0,
        }
    }
}

/// What became of each of those that were handed in, in their order.
pub(super) struct InOrder<T> {
    forbidden: Peekable<vec::IntoIter<(usize, HubError)>>,
    rest: vec::IntoIter<T>,
    place: usize,
}

impl<T> Iterator for InOrder<T> {
    type Item = Result<T, HubError>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.place;
        self.place += 1;
        match self.forbidden.next_if(|(of, _)| *of == place) {
            Some((_, error)) => Some(Err(error)),
            None => self.rest.next().map(Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(is_forbidden: &bool) -> Result<(), HubError> {
        match is_forbidden {
            true => Err(HubError::Busy),
            false => Ok(()),
        }
    }

    proptest! {
        #[test]
        fn each_outcome_is_where_it_was_handed_in(
            are_forbidden in prop::collection::vec(any::<bool>(), 0..20),
        ) {
            let mut rest = are_forbidden.clone();
            let forbidden = Forbidden::take_out(&mut rest, check);
            prop_assert!(rest.iter().all(|is_forbidden| !is_forbidden));
            let outcomes = forbidden.among(rest).map(|outcome| outcome.is_err());
            prop_assert_eq!(outcomes.collect::<Vec<_>>(), are_forbidden);
        }

        #[test]
        fn all_or_none_is_all_or_none(
            are_forbidden in prop::collection::vec(any::<bool>(), 0..20),
        ) {
            let mut rest = are_forbidden.clone();
            let mut forbidden = Forbidden::take_out(&mut rest, check);
            forbidden.take_rest(&mut rest, &HubError::Internal);
            prop_assert!(rest.is_empty());
            let outcomes = forbidden.among(rest);
            let own = outcomes.map(|outcome| matches!(outcome, Err(HubError::Busy)));
            prop_assert_eq!(own.collect::<Vec<_>>(), are_forbidden);
        }
    }
}
