//! What somebody may have meant who wrote a name that does not exist.

/// The known name that differs least, if it differs little: by case, separators, and a few letters.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // Nobody means a name by something much longer.
    if name.len() > 100 {
        return None;
    }
    let plain_name = plain(name);
    let far = known
        .iter()
        .map(|word| (distance(&plain_name, &plain(word)), *word));
    let (least, word) = far.min()?;
    let most = match plain_name.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    if least <= most {
        return Some(word);
    }
    let is_begun = |word: &&&str| plain_name.len() >= 4 && plain(word).starts_with(&plain_name);
    let mut begun = known.iter().filter(is_begun);
    match (begun.next(), begun.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// In lower case, without what words are set apart with.
fn plain(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '[' | ']'));
    letters.flat_map(char::to_lowercase).collect()
}

/// How many letters have to be put in, taken out, replaced, or changed with the next (optimal
/// string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=other.len()).collect();
    for i in 1..=one.len() {
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_mistakes_are_understood() {
        let known = [
            "service",
            "priority",
            "destination",
            "dry_run",
            "limit",
            "source",
            "since",
        ];
        for (written, meant) in [
            ("priorty", Some("priority")),
            ("Priority", Some("priority")),
            ("dryRun", Some("dry_run")),
            ("dry-run", Some("dry_run")),
            ("dest", Some("destination")),
            ("prio", Some("priority")),
            ("limit[]", Some("limit")),
            ("sorce", Some("source")),
            ("soucre", Some("source")),
            ("xyz", None),
            ("id", None),
            ("", None),
        ] {
            assert_eq!(closest(written, &known), meant, "{written}");
        }
        assert_eq!(closest("anything", &[]), None);
        assert_eq!(closest(&"x".repeat(1_000_000), &known), None);
    }
}
