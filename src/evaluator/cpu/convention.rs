//! Calling conventions: where arguments and results are, and what a call leaves alone.

/// Registers in their roles. General registers are numbered as the instruction sets number them.
#[derive(Debug)]
pub(in crate::evaluator) struct CallingConvention {
    /// Registers of the first arguments.
    pub(in crate::evaluator) arguments: &'static [usize],
    /// Register of the result.
    pub(in crate::evaluator) result: usize,
    /// Register that tells a landing pad which exception it gets; the register of the result has the exception.
    pub(in crate::evaluator) selector: usize,
    /// Register that holds the stack pointer.
    pub(in crate::evaluator) stack_pointer: usize,
    /// Registers that a callee leaves as they were.
    pub(in crate::evaluator) preserved: &'static [usize],
    /// Vector registers that a callee leaves as they were.
    pub(in crate::evaluator) preserved_vectors: std::ops::Range<usize>,
    /// Where the caller puts arguments for which there is no register, from the stack pointer after the call.
    pub(in crate::evaluator) stacked: u64,
    /// The register that always holds the address of the thread's block.
    pub(in crate::evaluator) thread: Option<usize>,
}
