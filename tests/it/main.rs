//! All integration tests in one binary: they link once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod cli;
mod house;
mod report;
mod archive;
#[cfg(test)]
mod resolve;
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod import;
mod made_facts;
mod rules;
mod input;
mod index;
// A part of the command, which is no library: its tests run here, without the command around it.
#[path = "../../src/cli/index_settings.rs"]
mod index_settings;
mod server;
mod binary;
