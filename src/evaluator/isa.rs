//! Instruction sets and calling conventions.

pub(in crate::evaluator) mod arm64;
pub(in crate::evaluator) mod convention;
pub(in crate::evaluator) mod x86;
