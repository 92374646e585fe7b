//! `ungil scan` and `ungil inspect` from end to end.

mod builds;
mod desk;
mod distributions;
mod example;
mod excluded;
mod gating;
mod inspecting;
mod installed;
mod names;
mod output;
mod planning;
mod shop;
mod sources;
mod trouble;
mod verdicts;
