//! Words that messages share.

/// The first names and how many more there are.
pub(super) fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>, shown: usize) -> String {
    let left = names.len().saturating_sub(shown);
    let names = names.take(shown).collect::<Vec<_>>().join(", ");
    if left > 0 {
        format!("{names} and {left} more")
    } else {
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some(["a", "b", "c"].into_iter(), 3), "a, b, c");
        assert_eq!(
            some(["a", "b", "c", "d", "e"].into_iter(), 3),
            "a, b, c and 2 more"
        );
    }
}
