//! One file for each command.

pub(super) mod diff;
pub(super) mod explain;
pub(super) mod gate;
pub(super) mod inspect;
mod look;
pub(super) mod plan;
pub(super) mod rules;
pub(super) mod scan;
