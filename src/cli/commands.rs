//! One file for each command.

pub(super) mod completions;
pub(super) mod dashboard;
pub(super) mod diff;
pub(super) mod explain;
pub(super) mod gate;
pub(super) mod inspect;
mod look;
pub(super) mod manual;
pub(super) mod plan;
pub(super) mod rules;
pub(super) mod scan;
