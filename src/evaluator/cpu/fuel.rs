//! How much an evaluation may still do.

/// Units of eight bytes that are handled at once for what one instruction costs.
const UNITS: u64 = 8;
/// What part of the limits holds where outer calls alone are followed.
const SHARE_OF_OUTER: u64 = 8;

/// Where an evaluation stops and says that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationLimits {
    /// Most instructions of all paths together.
    pub steps: u64,
    /// Most branches on unknowns of all paths together.
    pub forks: u64,
    /// Most calls inside each other.
    pub depth: usize,
}

impl Default for EvaluationLimits {
    fn default() -> EvaluationLimits {
        EvaluationLimits {
            steps: 200_000,
            forks: 3_000,
            depth: 160,
        }
    }
}

/// What one way of following has used up of its limits.
#[derive(Clone, Copy, Debug)]
pub(in crate::evaluator) struct PathFuel {
    given: EvaluationLimits,
    /// Those of this way of following.
    limits: EvaluationLimits,
    /// Instructions executed, and what counts as such.
    pub(in crate::evaluator) steps: u64,
    /// Paths forked.
    pub(in crate::evaluator) forks: u64,
}

impl PathFuel {
    /// Nothing used up yet.
    pub(in crate::evaluator) fn new(limits: EvaluationLimits) -> PathFuel {
        PathFuel {
            given: limits,
            limits,
            steps: 0,
            forks: 0,
        }
    }

    /// Begins anew, where calls that are nested in at most so many others are followed: what sees outer calls alone is
    /// cheap where it helps, and must not add much where it does not.
    pub(in crate::evaluator) fn refill(&mut self, levels: usize) {
        let share = if levels == usize::MAX {
            1
        } else {
            SHARE_OF_OUTER
        };
        let (steps, forks) = (self.given.steps / share, self.given.forks / share);
        *self = PathFuel {
            limits: EvaluationLimits {
                steps,
                forks,
                ..self.given
            },
            steps: 0,
            forks: 0,
            ..*self
        };
    }

    /// Whether another instruction may be carried out.
    pub(in crate::evaluator) fn has_steps(&self) -> bool {
        self.steps < self.limits.steps
    }

    /// Most calls inside each other.
    pub(in crate::evaluator) fn depth(&self) -> usize {
        self.limits.depth
    }

    /// Counts work on memory that one instruction or call causes: so many bytes.
    pub(in crate::evaluator) fn consume(&mut self, bytes: u64) {
        let most = self.limits.steps.max(self.steps);
        self.steps = self.steps.saturating_add(bytes / (8 * UNITS)).min(most);
    }

    /// The limit that was reached, in words.
    pub(in crate::evaluator) fn exhausted(&self) -> Option<String> {
        if !self.has_steps() {
            return Some(format!(
                "the limit of {} instructions was reached",
                self.limits.steps
            ));
        }
        (self.forks >= self.limits.forks).then(|| {
            format!(
                "the limit of {} branches on unknowns was reached",
                self.limits.forks
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_memory_counts_but_never_passes_the_limit() {
        let mut fuel = PathFuel::new(EvaluationLimits {
            steps: 10,
            forks: 1,
            depth: 1,
        });
        fuel.consume(128);
        assert_eq!((fuel.steps, fuel.has_steps()), (2, true));
        fuel.consume(u64::MAX);
        assert_eq!((fuel.steps, fuel.has_steps()), (10, false));
        assert_eq!(
            fuel.exhausted().as_deref(),
            Some("the limit of 10 instructions was reached")
        );
    }

    #[test]
    fn outer_calls_alone_get_a_share() {
        let mut fuel = PathFuel::new(EvaluationLimits {
            steps: 80,
            forks: 16,
            depth: 9,
        });
        fuel.refill(1);
        fuel.forks = 2;
        assert_eq!(
            fuel.exhausted().as_deref(),
            Some("the limit of 2 branches on unknowns was reached")
        );
        fuel.refill(usize::MAX);
        assert_eq!((fuel.exhausted(), fuel.depth()), (None, 9));
    }
}
