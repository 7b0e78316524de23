//! Lists in bodies, counted while they are read: one that is too long costs what its allowed part
//! does, however many short items it has.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::field::{BodyField, required};
use super::problem::Problem;

/// Why a text is no such list.
#[derive(Debug)]
pub(crate) enum NoList {
    /// It has more items than it may.
    TooLong,
    Json(serde_json::Error),
}

/// Reads a list of at most `most` items.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str, most: usize) -> Result<Vec<T>, NoList> {
    let mut is_too_long = false;
    let list = AtMost {
        most,
        is_too_long: &mut is_too_long,
        items: PhantomData,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let items = list
        .deserialize(&mut json)
        .and_then(|items| json.end().map(|()| items));
    items.map_err(|error| match is_too_long {
        true => NoList::TooLong,
        false => NoList::Json(error),
    })
}

/// The items of an array, each read by itself; `what` names the expected form, `many` says what is
/// wrong with more than `most`.
///
/// # Errors
/// What is wrong with the list, or with which item.
pub(crate) fn items<T: BodyField>(
    json: &RawValue,
    most: usize,
    what: &str,
    many: &str,
) -> Result<Vec<T>, Problem> {
    let items: Vec<&RawValue> = list(json, most, what, many)?;
    let item = |(index, json): (usize, &RawValue)| {
        T::read(json).map_err(|problem| problem.within(&format!("[{index}]")))
    };
    items.into_iter().enumerate().map(item).collect()
}

/// As [`items`], of what has no place of its own in what is said.
///
/// # Errors
/// What is wrong with the list.
pub(crate) fn list<'a, T: Deserialize<'a>>(
    json: &'a RawValue,
    most: usize,
    what: &str,
    many: &str,
) -> Result<Vec<T>, Problem> {
    read(json.get(), most).map_err(|problem| match problem {
        NoList::TooLong => Problem::new(many),
        NoList::Json(_) => Problem::new(format!("must be {what}")),
    })
}

/// A list of at most `MOST` items.
#[derive(Debug)]
pub(crate) struct List<T, const MOST: usize>(pub(crate) Vec<T>);

impl<T: BodyField, const MOST: usize> BodyField for List<T, MOST> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let many = format!("must have at most {MOST} items");
        items(json, MOST, "an array", &many).map(Self)
    }
}

impl<'de, T: BodyField, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        required(deserializer)
    }
}

struct AtMost<'l, T> {
    most: usize,
    is_too_long: &'l mut bool,
    items: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for AtMost<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            if items.len() == self.most {
                *self.is_too_long = true;
                return Err(A::Error::custom("too many items"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_up_to_its_bound() {
        assert_eq!(read::<u8>("[1, 2,3]", 3).unwrap(), [1, 2, 3]);
        assert!(read::<u8>("[]", 0).unwrap().is_empty());
        for text in ["[1,2,3,4]", "[1,2,3,4, what comes after is not read"] {
            assert!(
                matches!(read::<u8>(text, 3), Err(NoList::TooLong)),
                "{text}"
            );
        }
        for text in ["5", "[1,2", "[1] 2", "[300]"] {
            assert!(
                matches!(read::<u8>(text, 3), Err(NoList::Json(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_too_long_costs_no_more_than_what_is_allowed() {
        let many = format!("[{}1]", "1,".repeat(1 << 20));
        // The items of all of it would be sixteen times as large as the text.
        assert!(matches!(read::<&RawValue>(&many, 10), Err(NoList::TooLong)));
    }
}
