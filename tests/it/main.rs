//! All integration tests in one binary: they link once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod archive;
mod binary;
mod built;
mod cli;
mod configuration;
mod dashboard;
mod evaluator;
mod facts;
mod forwarded;
mod generators;
mod house;
mod import;
mod index;
mod input;
mod instructions;
mod macros;
mod made_facts;
mod official;
mod report;
mod resolve;
mod rules;
mod scan;
mod server;
mod siblings;
mod sources;
mod truth;
