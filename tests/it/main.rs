//! All integration tests in one binary: they link once.

mod import;
mod made_facts;
mod rules;
