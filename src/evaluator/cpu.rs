//! What instructions stand on: a machine with an image and an interpreter around it, and one path's registers, condition
//! flags, memory and call stack.

pub(in crate::evaluator) mod convention;
pub(in crate::evaluator) mod flags;
pub(in crate::evaluator) mod fuel;
mod imported_data;
pub(in crate::evaluator) mod machine;
mod merge;
pub(in crate::evaluator) mod runs;
pub(in crate::evaluator) mod state;
pub(in crate::evaluator) mod trace;

#[cfg(test)]
pub(in crate::evaluator) mod tests;
