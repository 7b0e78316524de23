//! Whether what a command said is what a page says it says.

/// What is left out: any text within a line, any lines if it stands alone.
const ANYTHING: char = '…';

/// Whether the lines are those expected, ids and times apart.
pub(super) fn fit(expected: &[String], said: &[String]) -> bool {
    let Some((first, expected_after)) = expected.split_first() else {
        return said.is_empty();
    };
    if first.chars().eq([ANYTHING]) {
        return (0..=said.len()).any(|left_out| fit(expected_after, &said[left_out..]));
    }
    let Some((line, said_after)) = said.split_first() else {
        return false;
    };
    line_fits(&normalised(first), &normalised(line)) && fit(expected_after, said_after)
}

fn line_fits(expected: &str, said: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// With a word in place of each id that a hub makes, and of each time.
fn normalised(line: &str) -> String {
    let (mut whole, mut rest) = (String::new(), line);
    while let Some(next) = rest.chars().next() {
        let (word, length) = match (id(rest), time(rest)) {
            (Some(length), _) => ("<id>", length),
            (None, Some(length)) => ("<time>", length),
            (None, None) => {
                whole.push(next);
                rest = &rest[next.len_utf8()..];
                continue;
            }
        };
        whole.push_str(word);
        rest = &rest[length..];
    }
    whole.trim_end().to_owned()
}

/// The length of the id that a text begins with, if it is one that a hub makes: ids that a page
/// chooses itself are of version 4.
fn id(text: &str) -> Option<usize> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let whole = LENGTHS.iter().sum::<usize>() + LENGTHS.len() - 1;
    let groups: Vec<&str> = text.get(..whole)?.split('-').collect();
    let is_hexadecimal = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = groups.iter().map(|group| group.len()).eq(LENGTHS)
        && groups.iter().all(is_hexadecimal)
        && !groups[2].starts_with('4');
    is_id.then_some(whole)
}

/// The length of the time that a text begins with.
fn time(text: &str) -> Option<usize> {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let digits_as_0 = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    let begins = text.get(..FORM.len())?.bytes().map(digits_as_0);
    begins.eq(FORM.bytes()).then_some(FORM.len())
}

/// The lines of an output, without empty ones at its end.
pub(super) fn lines(output: &str) -> Vec<String> {
    let mut lines: Vec<String> = output
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(expected: &str, said: &str) -> bool {
        fit(&lines(expected), &lines(said))
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        assert!(fits("a…c", "a b c"));
        assert!(fits("a…c…e", "abcde"));
        assert!(fits("first\n…\nlast", "first\nsecond\nthird\nlast"));
        assert!(fits("first\n…", "first"));
        assert!(!fits("a…c", "a b"));
        assert!(!fits("a…a", "a"), "what is left out lies between");
        assert!(!fits("first\n…\nlast", "first\nsecond"));
    }

    #[test]
    fn what_is_not_left_out_is_compared() {
        assert!(fits("exit 0", "exit 0\n\n"));
        assert!(!fits("exit 0", "exit 2"));
        assert!(!fits("", "something"), "an output nobody told of");
        assert!(!fits("something", ""));
        assert!(!fits("one", "one\ntwo"));
    }

    #[test]
    fn ids_and_times_of_the_hub_differ_each_time() {
        let said =
            r#"{"id":"01a1fd3e-477a-7785-9ce8-af719e3bc021","at":"2026-11-21T08:34:39.617Z"}"#;
        let page =
            r#"{"id":"01a1fd3e-4ba5-7ebe-b2ea-5d64ce98d38e","at":"2026-11-22T09:00:00.001Z"}"#;
        assert!(fits(page, said));
        assert!(!fits(&page.replace("\"at\"", "\"on\""), said));
        let chosen = "11111111-1111-4111-8111-111111111111";
        assert!(fits(chosen, chosen));
        assert!(!fits(chosen, "22222222-2222-4222-8222-222222222222"));
    }
}
