//! Points in time with millisecond resolution, written as RFC 3339 in UTC.

use std::fmt;
use std::time::Duration;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

/// Why a text is no point in time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an RFC 3339 time such as 2026-01-31T12:00:00.000Z, of the years 0000 to 9999")]
pub struct NotATimestamp;

/// Why a number of seconds is no duration. What is shorter than half a millisecond is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a number of seconds from 0 to 3153600000")]
pub struct NotADuration;

/// A hundred years: longer than anything the hub waits for, short enough never to overflow.
const LONGEST: Duration = Duration::from_secs(3_153_600_000);

impl Timestamp {
    /// 9999-12-30T22:00:00Z, the last instant `jiff` can write: in every time zone it is
    /// still the year 9999.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// Clamped to the years 0 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-62_167_219_200_000, Self::MAX.0))
    }

    /// Since the Unix epoch; before it, negative.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset; more than milliseconds are cut, and what is later than
    /// [`Timestamp::MAX`] is that.
    pub fn parse(text: &str) -> Result<Self, NotATimestamp> {
        let read = |text: &str| text.parse::<jiff::Timestamp>().ok();
        if let Some(instant) = read(text) {
            return Ok(Self::from_millis(instant.as_millisecond()));
        }
        // The last hours of the last year, which many write for "never", are beyond what `jiff`
        // can hold. If they are a time, they are one in a year of the same length, too.
        let in_last_year = text.strip_prefix("9999");
        let in_like_year = in_last_year.and_then(|rest| read(&format!("9995{rest}")));
        in_like_year.map(|_| Self::MAX).ok_or(NotATimestamp)
    }

    /// Never later than [`Timestamp::MAX`].
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Never earlier than the year 0.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Reads seconds with fractions, to the millisecond; at most a hundred years.
pub fn seconds(value: f64) -> Result<Duration, NotADuration> {
    let duration = Duration::try_from_secs_f64(value).map_err(|_| NotADuration)?;
    if duration > LONGEST {
        return Err(NotADuration);
    }
    Ok(Duration::from_millis((value * 1000.0).round() as u64))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_utc_with_milliseconds() {
        let time = Timestamp::parse("2026-01-31T13:00:00.5+01:00").unwrap();
        assert_eq!(time.to_string(), "2026-01-31T12:00:00.500Z");
        assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "2026-13-01T00:00:00Z",
            "1769860800",
            "9999-12-32T00:00:00Z",
            "9999-02-29T00:00:00Z",
            "9999-12-31T24:00:01Z",
            "+010000-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), Err(NotATimestamp), "{text}");
        }
    }

    #[test]
    fn the_last_hours_of_the_calendar_are_a_time() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:60Z",
            "9999-12-30T22:00:00.001Z",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T23:59:59+14:00",
            "9999-12-31t23:59:59z",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(Timestamp::MAX), "{text}");
        }
        let before = Timestamp::parse("9999-12-30T21:59:59Z").unwrap();
        assert!(before < Timestamp::MAX);
        let leap_second = Timestamp::parse("2016-12-31T23:59:60Z").unwrap();
        assert_eq!(leap_second.to_string(), "2016-12-31T23:59:59.000Z");
    }

    #[test]
    fn saturates_instead_of_overflowing() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::default().since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.000Z");
    }

    #[test]
    fn the_bounds_can_be_written_and_read() {
        for bound in [i64::MIN, i64::MAX].map(Timestamp::from_millis) {
            assert_eq!(Timestamp::parse(&bound.to_string()), Ok(bound));
        }
    }

    #[test]
    fn seconds_have_bounds() {
        assert_eq!(seconds(1.5), Ok(Duration::from_millis(1500)));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(seconds(bad), Err(NotADuration), "{bad}");
        }
    }
}
