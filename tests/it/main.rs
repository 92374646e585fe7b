//! All integration tests in one binary: they link once.

mod cli;
mod house;
mod report;
