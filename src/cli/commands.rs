//! One file for each command.

pub(super) mod completions;
pub(super) mod explain;
pub(super) mod inspect;
pub(super) mod manual;
pub(super) mod rules;
pub(super) mod scan;
