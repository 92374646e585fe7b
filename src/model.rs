//! The nouns of the flow: plain data, no I/O, no decisions, nothing of ours imported.
//!
//! Each file holds one noun, in the order in which the pipeline meets them.

pub mod artifact;
pub mod date;
pub mod digest;
pub mod distribution;
pub mod evidence;
pub mod facts;
pub mod finding;
pub mod gate;
pub mod inspection;
pub mod lock;
pub mod member;
pub mod metadata;
pub mod name;
pub mod outcome;
pub mod passed_over;
pub mod place;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod python_bound;
pub mod report;
pub mod request;
pub mod resolution;
pub mod rule_page;
pub mod snapshot;
pub mod source;
pub mod subject;
pub mod target;
pub mod verdict;
pub mod wheel_name;
