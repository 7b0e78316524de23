//! When a receiver wants to be asked again (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use hyper::HeaderMap;
use hyper::header::{DATE, RETRY_AFTER};
use jiff::fmt::rfc2822;

use crate::domain::timestamp::Timestamp;

/// As good as for ever: whoever heeds it has a limit of its own.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);
/// How zone zero is spelled where `GMT` should stand.
const ZERO: [&str; 5] = ["+0000", "-0000", "UTC", "UT", "Z"];

static DATES: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

/// Seconds, or a date, which is taken relative to the answer's own `Date`, and to `now` if it has
/// none. Of several the longest, since to come too late is the lesser harm. What cannot be
/// understood is no wish.
pub(super) fn retry_after(
    headers: &HeaderMap,
    now: impl FnOnce() -> SystemTime,
) -> Option<Duration> {
    let mut wishes = headers.get_all(RETRY_AFTER).iter().peekable();
    wishes.peek()?;
    let answered = headers.get(DATE).and_then(|date| date.to_str().ok());
    let answered = answered.and_then(date).unwrap_or_else(now);
    wishes
        .filter_map(|wish| wish.to_str().ok())
        .flat_map(|wish| listed(wish, answered))
        .max()
}

/// The elements of a list, as proxies make one of several headers. A date has a comma within.
fn listed(text: &str, answered: SystemTime) -> Vec<Duration> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let alone = parts.iter().map(|part| (*part).to_owned());
    let pairs = parts.windows(2).map(|pair| pair.join(", "));
    alone
        .chain(pairs)
        .filter_map(|text| {
            let until = |date: SystemTime| date.duration_since(answered).unwrap_or_default();
            seconds(&text).or_else(|| date(&text).map(until))
        })
        .collect()
}

/// However many; a part of a second is a whole one.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_number(whole) || !is_number(part) {
        return None;
    }
    let more = u64::from(part.bytes().any(|digit| digit != b'0'));
    // What is no number of 64 bits here is a larger one.
    let whole: u64 = match whole {
        "" => 0,
        digits => digits.parse().unwrap_or(u64::MAX),
    };
    Some(Duration::from_secs(whole.saturating_add(more)).min(LONGEST))
}

fn date(text: &str) -> Option<SystemTime> {
    if let Some(date) = as_usual(text).or_else(|| mailed(text)) {
        return Some(date);
    }
    // Its day, its comma and the dashes between its parts are what writers of dates go astray with:
    // `Mon, 30-Nov-2026 04:00:00 GMT`, `Mon 30 Nov 2026 04:00:00 GMT`.
    let is_day = |word: &str| word.len() >= 3 && word.bytes().all(|c| c.is_ascii_alphabetic());
    let rest = match text.split_once([' ', ',']) {
        Some((day, rest)) if is_day(day) => rest.trim_start_matches([',', ' ']),
        _ => text,
    };
    let (date, time) = rest
        .split_once(' ')
        .filter(|(date, _)| date.contains('-'))
        .map_or_else(
            || (rest.to_owned(), ""),
            |(date, time)| (date.replace('-', " "), time),
        );
    mailed(format!("{date} {time}").trim_end())
}

fn as_usual(text: &str) -> Option<SystemTime> {
    let read = |text: &str| text.parse::<HttpDate>().ok().map(SystemTime::from);
    let zone_zero = || {
        let rest = ZERO.iter().find_map(|zone| text.strip_suffix(zone))?;
        read(&format!("{rest}GMT"))
    };
    read(text).or_else(zone_zero)
}

/// As in mails, or as in most interfaces. The last hours of the calendar, which are beyond what can
/// be computed with, are as far away as the same ones some years before.
fn mailed(text: &str) -> Option<SystemTime> {
    let read = |text: &str| {
        let date = DATES.parse_timestamp(text).ok();
        date.map(SystemTime::from)
    };
    let whole = || Some(at_millis(Timestamp::parse(text).ok()?));
    let at_the_end = || read(&text.replacen("9999", "9995", 1)).filter(|_| text.contains("9999"));
    read(text).or_else(whole).or_else(at_the_end)
}

fn at_millis(time: Timestamp) -> SystemTime {
    let millis = time.as_millis().unsigned_abs();
    let apart = Duration::from_millis(millis);
    match time.as_millis() {
        ..0 => SystemTime::UNIX_EPOCH - apart,
        _ => SystemTime::UNIX_EPOCH + apart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    /// Saturday, the 31st of January 2026, at noon.
    const NOON: u64 = 1_769_860_800;

    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOON)
    }

    fn wish(values: &[&'static str], date: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_static(value));
        }
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        retry_after(&headers, noon).map(|after| after.as_secs())
    }

    #[test]
    fn seconds_are_heard_however_many() {
        let longest = Some(LONGEST.as_secs());
        for (text, after) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("4294967295", longest),
            ("4294967296", longest),
            ("99999999999", longest),
            ("99999999999999999999999999", longest),
            ("3.5", Some(4)),
            ("3.0", Some(3)),
            ("3.", Some(3)),
            (".5", Some(1)),
        ] {
            assert_eq!(wish(&[text], None), after, "{text}");
        }
    }

    #[test]
    fn dates_are_heard_with_every_spelling_of_their_zone() {
        for text in [
            "Sat, 31 Jan 2026 12:00:30 GMT",
            "Sat, 31 Jan 2026 12:00:30 +0000",
            "Sat, 31 Jan 2026 12:00:30 -0000",
            "Sat, 31 Jan 2026 12:00:30 UTC",
            "Sat, 31 Jan 2026 12:00:30 UT",
            "Sat, 31 Jan 2026 12:00:30 Z",
            "Saturday, 31-Jan-26 12:00:30 GMT",
            "Saturday, 31-Jan-26 12:00:30 UTC",
            "Sat Jan 31 12:00:30 2026",
            "31 Jan 2026 12:00:30 GMT",
            "Sat, 31 Jan 2026 14:00:30 +0200",
            "2026-01-31T12:00:30Z",
            "2026-01-31t14:00:30+02:00",
            "Sat, 31-Jan-2026 12:00:30 GMT",
            "Saturday, 31-Jan-2026 12:00:30 GMT",
            "Sat 31 Jan 2026 12:00:30 GMT",
            "Sat 31-Jan-2026 14:00:30 +0200",
            "31-Jan-2026 12:00:30 UT",
        ] {
            assert_eq!(wish(&[text], None), Some(30), "{text}");
        }
        let past = "Sat, 31 Jan 2026 11:00:00 GMT";
        assert_eq!(wish(&[past], None), Some(0));
    }

    #[test]
    fn the_end_of_the_calendar_is_as_good_as_for_ever() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59-12:00",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 31 Dec 9999 23:59:59 -0500",
            "Fri, 31-Dec-9999 23:59:59 GMT",
            "31 Dec 9999 23:59:59 +0000",
        ] {
            let after = wish(&[text], None);
            assert!(after >= Some(LONGEST.as_secs()), "{text}: {after:?}");
        }
    }

    #[test]
    fn a_date_is_relative_to_the_answers_own() {
        let at = "Sat, 31 Jan 2026 12:00:30 GMT";
        for (date, after) in [
            ("Sat, 31 Jan 2026 12:00:10 GMT", 20),
            ("Sat, 31 Jan 2026 12:00:10 +0000", 20),
            ("Sat, 31 Jan 2026 12:30:00 GMT", 0),
            ("nonsense", 30),
        ] {
            assert_eq!(wish(&[at], Some(date)), Some(after), "{date}");
        }
    }

    #[test]
    fn of_several_the_longest_counts() {
        for (values, after) in [
            (&["3, 4"][..], Some(4)),
            (&["3", "4"], Some(4)),
            (&["4,soon"], Some(4)),
            (&["Sat, 31 Jan 2026 12:00:30 GMT, 4"], Some(30)),
            (
                &[
                    "4, Sat, 31 Jan 2026 12:00:30 GMT",
                    "Sat, 31 Jan 2026 12:00:31 GMT",
                ],
                Some(31),
            ),
        ] {
            assert_eq!(wish(values, None), after, "{values:?}");
        }
    }

    #[test]
    fn what_nobody_understands_is_no_wish() {
        for text in [
            "soon",
            "-1",
            "",
            ".",
            "1e3",
            "0x10",
            "3 4",
            "tomorrow, 5pm",
            "Sat, 31-Feb-2026 12:00:30 GMT",
            "Sat, 31-Jan GMT",
        ] {
            assert_eq!(wish(&[text], None), None, "{text}");
        }
        assert_eq!(wish(&[], None), None);
    }
}
