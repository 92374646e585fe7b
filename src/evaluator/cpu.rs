//! What instructions stand on: one path's registers, condition flags and call stack.

pub(in crate::evaluator) mod flags;
mod merge;
pub(in crate::evaluator) mod state;
