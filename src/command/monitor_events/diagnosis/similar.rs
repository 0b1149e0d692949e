//! Ids that may have been meant: the same in other letters, or with a slip of the finger in them.

/// More would not help.
const MOST: usize = 3;

/// Slips that are taken for slips.
const MOST_SLIPS: usize = 2;

/// Those of `ids` that are like `asked`, the likest first.
pub(super) fn similar_ids<'a>(asked: &str, ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let asked = asked.to_ascii_lowercase();
    // Of a short id, two slips leave nothing.
    let most = MOST_SLIPS.min(asked.len() / 3);
    let mut found: Vec<(usize, &str)> = ids
        .filter(|id| id.len().abs_diff(asked.len()) <= most)
        .map(|id| (slips(&asked, &id.to_ascii_lowercase()), id))
        .filter(|(slips, _)| *slips <= most)
        .collect();
    found.sort_unstable();
    let ids = found.into_iter().map(|(_, id)| id.to_owned());
    ids.take(MOST).collect()
}

/// How many characters are to be put in, taken out or changed (Levenshtein's distance). Ids are ASCII.
fn slips(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.bytes().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.bytes()) {
            let above = *cell;
            let changed = diagonal + usize::from(a != b);
            left = changed.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (one, other, count) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("device1", "device1", 0),
            ("device1", "devices1", 1),
            ("device1", "devcie1", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(slips(one, other), count, "{one} {other}");
        }
    }

    #[test]
    fn the_likest_come_first() {
        let ids = ["sensor", "devise1", "Device1", "device11x", "devic"];
        assert_eq!(
            similar_ids("device1", ids.into_iter()),
            ["Device1", "devise1", "devic"]
        );
        assert!(similar_ids("ab", ["ba", "abc"].into_iter()).is_empty());
        assert_eq!(similar_ids("ab", ["AB"].into_iter()), ["AB"]);
    }
}
