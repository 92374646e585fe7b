//! `constraints.txt`: a requirements file whose lines bound versions and ask for nothing.
//!
//! <https://pip.pypa.io/en/stable/user_guide/#constraints-files>

use super::error::InputError;
use super::requirements_txt::RequirementsTxt;
use super::{InputAdapter, InputContext, InputFile};
use crate::model::request::{PackageSources, Requests};

/// The adapter.
pub(super) struct ConstraintsTxt;

impl InputAdapter for ConstraintsTxt {
    fn kind(&self) -> &'static str {
        "constraints"
    }

    fn name(&self) -> &'static str {
        "bounds for the others, as -c has them (constraints.txt)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        let stem = name
            .strip_suffix(".txt")
            .or_else(|| name.strip_suffix(".in"));
        name.ends_with(".constraints")
            || stem.is_some_and(|stem| stem == "constraints" || stem.ends_with("-constraints"))
    }

    fn read(
        &self,
        file: &InputFile,
        context: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError> {
        let mut requests = Requests {
            sources,
            ..Requests::default()
        };
        RequirementsTxt.read_constraints(file, context, &mut requests)?;
        Ok(requests)
    }
}
