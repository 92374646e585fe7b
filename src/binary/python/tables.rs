//! The tables beside this file, line by line. `fixtures/baselines/build` makes them.

/// The cells of each row; lines that begin with `#` are about the table.
pub(super) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
}

/// Number of rows, for tests that every line was understood.
#[cfg(test)]
pub(super) fn count(table: &'static str) -> usize {
    rows(table).count()
}
