//! All integration tests in one binary: they link once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod cli;
mod house;
mod report;
mod archive;
mod resolve;
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod import;
mod made_facts;
mod rules;
mod input;
