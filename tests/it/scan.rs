//! `ungil scan` and `ungil inspect` from end to end.

mod builds;
mod distributions;
mod example;
mod excluded;
mod failures;
mod fake_index;
mod gating;
mod inspecting;
mod installed;
mod names;
mod output;
mod plan_sets;
mod planning;
mod sandbox;
mod sources;
mod verdicts;
