//! What registers and memory hold: numbers, symbolic values, and unknowns that keep what they may point to.

pub(in crate::evaluator) mod hash;
#[cfg(test)]
pub(in crate::evaluator) mod laws;
pub(in crate::evaluator) mod symbol;
pub(in crate::evaluator) mod value;
