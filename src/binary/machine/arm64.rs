//! Carries out A64 instructions on a path.

use super::explore::{Bench, Flow};
use super::state::State;

/// Carries out the instruction at the path's address.
pub(super) fn step(_bench: &mut Bench, _state: &mut State) -> Flow {
    Flow::Stuck("A64 is not followed".into())
}
