//! The oldest and the newest ready version of a history, found without looking at every version. Pure.
//!
//! Readiness is nearly monotone: a project that has declared rarely takes it back. So the newest version is looked at
//! first, then the oldest, then the middle of what is left, where the first version of a release line (`2.1.0`) goes
//! before its neighbours: that is where projects change such things. What was looked at travels with the result, and
//! so does whether the version before the oldest is known not to be ready.
//!
//! In a history that goes back and forth the result is one border of several: a ready version right after one that is
//! not. An older ready version may then exist in a part that was not looked at. It is never a version that was not
//! looked at.

use std::collections::BTreeMap;

/// What a look at one version says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionReadiness {
    /// It is.
    Ready,
    /// It is not.
    NotReady,
    /// It could not be told; no version counts as ready for being unreadable.
    Unknown,
}

/// What the search found; positions count from the oldest version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchOutcome {
    /// The oldest ready version.
    pub oldest: Option<usize>,
    /// The newest ready version.
    pub newest: Option<usize>,
    /// What was looked at.
    pub looked: BTreeMap<usize, VersionReadiness>,
}

impl SearchOutcome {
    /// Whether the version before the oldest ready one is known not to be ready, or there is none.
    pub fn is_confirmed(&self) -> bool {
        let before = |oldest: usize| oldest.checked_sub(1);
        self.oldest.is_some_and(|oldest| match before(oldest) {
            None => true,
            Some(before) => self.looked.get(&before) == Some(&VersionReadiness::NotReady),
        })
    }
}

/// A history: how many versions, and which of them open a release line.
#[derive(Clone, Copy)]
pub struct ReleaseHistory<'a> {
    /// How many versions.
    pub count: usize,
    /// Which of them open a release line.
    pub opens_line: &'a dyn Fn(usize) -> bool,
}

/// Searches. `look` answers `None` when nothing more may be looked at; what was found until then counts.
pub fn search(
    history: ReleaseHistory<'_>,
    look: &mut dyn FnMut(usize) -> Option<VersionReadiness>,
) -> SearchOutcome {
    let mut search = BorderSearch {
        history,
        look,
        searched: SearchOutcome::default(),
    };
    search.searched.newest = search.newest();
    search.searched.oldest = search.searched.newest.map(|newest| search.oldest(newest));
    search.searched
}

/// Searches the newest ready version alone.
pub fn newest(
    history: ReleaseHistory<'_>,
    look: &mut dyn FnMut(usize) -> Option<VersionReadiness>,
) -> Option<usize> {
    BorderSearch {
        history,
        look,
        searched: SearchOutcome::default(),
    }
    .newest()
}

struct BorderSearch<'a> {
    history: ReleaseHistory<'a>,
    look: &'a mut dyn FnMut(usize) -> Option<VersionReadiness>,
    searched: SearchOutcome,
}

impl BorderSearch<'_> {
    fn at(&mut self, position: usize) -> Option<VersionReadiness> {
        if let Some(known) = self.searched.looked.get(&position) {
            return Some(*known);
        }
        let readiness = (self.look)(position)?;
        self.searched.looked.insert(position, readiness);
        Some(readiness)
    }

    /// Gallops back from the end to a ready version, then forward again to the last one.
    fn newest(&mut self) -> Option<usize> {
        let (mut position, mut step) = (self.history.count.checked_sub(1)?, 1);
        let mut not_ready = None;
        let mut ready = loop {
            if self.at(position)? == VersionReadiness::Ready {
                break position;
            }
            not_ready = Some(position);
            if position == 0 {
                return None;
            }
            position = position.saturating_sub(step);
            step = step.saturating_mul(2);
        };
        let mut end = not_ready.unwrap_or(ready);
        while end > ready + 1 {
            let middle = ready + (end - ready) / 2;
            match self.at(middle) {
                Some(VersionReadiness::Ready) => ready = middle,
                Some(_) => end = middle,
                None => break,
            }
        }
        Some(ready)
    }

    /// The oldest ready version up to a ready one.
    fn oldest(&mut self, newest: usize) -> usize {
        let mut ready = newest;
        match self.at(0) {
            Some(VersionReadiness::Ready) => return 0,
            Some(_) => {}
            None => return ready,
        }
        let mut not_ready = 0;
        while ready > not_ready + 1 {
            let position = self.next(not_ready, ready);
            match self.at(position) {
                Some(VersionReadiness::Ready) => ready = position,
                Some(_) => not_ready = position,
                None => break,
            }
        }
        ready
    }

    /// Where to look between two positions: right before a ready version that opens a line, since that settles it most
    /// often; else at the version nearest to the middle that opens one; else in the middle.
    fn next(&self, not_ready: usize, ready: usize) -> usize {
        let opens_line = self.history.opens_line;
        if opens_line(ready) {
            return ready - 1;
        }
        let middle = not_ready + (ready - not_ready) / 2;
        let openers = (not_ready + 1..ready).filter(|position| opens_line(*position));
        openers
            .min_by_key(|position| position.abs_diff(middle))
            .unwrap_or(middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a history written as `-` not ready, `R` ready, `?` unreadable; upper and lower case the same, and `r`
    /// or `_` open a line. Gives what was found and how many were looked at.
    fn found(history: &str, most: usize) -> (Option<usize>, Option<usize>, bool, usize) {
        let states: Vec<char> = history.chars().collect();
        let opens_line = |position: usize| matches!(states[position], 'r' | '_');
        let mut looks = 0;
        let searched = search(
            ReleaseHistory {
                count: states.len(),
                opens_line: &opens_line,
            },
            &mut |position| {
                looks += 1;
                (looks <= most).then(|| match states[position] {
                    'R' | 'r' => VersionReadiness::Ready,
                    '?' => VersionReadiness::Unknown,
                    _ => VersionReadiness::NotReady,
                })
            },
        );
        for ready in searched.oldest.iter().chain(&searched.newest) {
            assert_eq!(
                searched.looked[ready],
                VersionReadiness::Ready,
                "{history}: what was not looked at is never named"
            );
        }
        (
            searched.oldest,
            searched.newest,
            searched.is_confirmed(),
            searched.looked.len(),
        )
    }

    #[test]
    fn the_border_is_found() {
        for (history, oldest, newest, confirmed, looks) in [
            ("", None, None, false, 0),
            ("R", Some(0), Some(0), true, 1),
            ("-", None, None, false, 1),
            ("RRRRRRRRRRRRRRRR", Some(0), Some(15), true, 2),
            ("--------RRRRRRRR", Some(8), Some(15), true, 6),
            ("---------------R", Some(15), Some(15), true, 6),
            // A new line, and the version before it.
            ("-------rRRRRRRRRRRRRRR", Some(7), Some(21), true, 4),
            ("--__-_--rRR_R_R", Some(8), Some(14), true, 4),
            // Declared while a line went on.
            ("-----_--RRrRRR", Some(8), Some(13), true, 7),
            ("----------------", None, None, false, 5),
        ] {
            assert_eq!(
                found(history, usize::MAX),
                (oldest, newest, confirmed, looks),
                "{history}"
            );
        }
    }

    #[test]
    fn a_history_may_go_back_and_forth() {
        for (history, oldest, newest, confirmed) in [
            // Taken back in the end: the newest ready one is found from there.
            ("----RRRRRRR-", Some(4), Some(10), true),
            ("----RRRRRR----", Some(4), Some(9), true),
            // One of two borders.
            ("-RRR----RRRR", Some(8), Some(11), true),
            ("---RR-----------", None, None, false),
            ("R---RRRR", Some(0), Some(7), true),
            // Right before the border something could not be read: it is not confirmed.
            ("----?RRR", Some(5), Some(7), false),
            ("????????", None, None, false),
        ] {
            let (found_oldest, found_newest, is_confirmed, _) = found(history, usize::MAX);
            assert_eq!(
                (found_oldest, found_newest, is_confirmed),
                (oldest, newest, confirmed),
                "{history}"
            );
        }
    }

    #[test]
    fn with_little_to_spend_less_is_claimed() {
        let history = "----------------RRRRRRRRRRRRRRRR";
        for (most, oldest, confirmed) in
            [(0, None, false), (1, Some(31), false), (4, Some(23), false)]
        {
            let (found, _, is_confirmed, _) = self::found(history, most);
            assert_eq!((found, is_confirmed), (oldest, confirmed), "{most}");
        }
        assert_eq!(found(history, 7).0, Some(16));
        assert!(found(history, 7).2);
    }

    #[test]
    fn monotone_histories_are_searched_right_in_few_looks() {
        for count in 1..200 {
            for border in 0..count {
                let history: String = (0..count)
                    .map(|at| if at < border { '-' } else { 'R' })
                    .collect();
                let (oldest, newest, confirmed, looks) = found(&history, usize::MAX);
                assert_eq!(
                    (oldest, newest, confirmed),
                    (Some(border), Some(count - 1), true),
                    "{history}"
                );
                assert!(looks <= 10, "{looks} looks at {history}");
            }
        }
    }
}
