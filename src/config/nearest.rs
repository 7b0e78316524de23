//! What somebody who misspelt a word meant.

/// The word that is nearest to `given`, if one is near: few letters are different, or one is the
/// beginning of the other.
pub(super) fn nearest<'a>(
    given: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given: Vec<char> = given.to_lowercase().replace('-', "_").chars().collect();
    let near = words.into_iter().filter_map(|word| {
        let letters: Vec<char> = word.chars().collect();
        let distance = distance(&given, &letters);
        let most = (letters.len() / 3).max(1);
        let shorter = letters.len().min(given.len());
        let begins = shorter >= 3 && letters[..shorter] == given[..shorter];
        (distance <= most || begins).then_some((distance, word))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(from[i - 1] != to[j - 1]);
                let mut least = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + change);
                let swapped =
                    i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
                if swapped {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let words = [
            "port",
            "host",
            "info",
            "debug",
            "max_queue_size",
            "max_queue_bytes",
        ];
        for (given, meant) in [
            ("prot", Some("port")),
            ("PORT", Some("port")),
            ("inf0", Some("info")),
            ("information", Some("info")),
            ("debugg", Some("debug")),
            ("max-queue-size", Some("max_queue_size")),
            ("max_queue_sise", Some("max_queue_size")),
            ("verbose", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, words), meant, "{given}");
        }
    }
}
