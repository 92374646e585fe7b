//! What stands below the options in `--help`: kinds of input, examples, exit codes.

use ungil::input::ADAPTERS;
use ungil::installed::KINDS;

use crate::cli::exit;

/// A line for each kind of input, and the examples.
pub(super) fn scan_help() -> String {
    let mut text = kinds_help();
    for kind in KINDS {
        text.push_str(&format!("  {:<19}{}\n", kind.word(), kind.description()));
    }
    text + "\n" + SCAN_EXAMPLES
}

/// A line for each kind of input, and the examples.
pub(super) fn plan_help() -> String {
    kinds_help() + "\n" + PLAN_EXAMPLES
}

fn kinds_help() -> String {
    let mut text = "Kinds of input, told by name and content:\n".to_owned();
    for adapter in ADAPTERS {
        text.push_str(&format!("  {:<19}{}\n", adapter.kind(), adapter.name()));
    }
    text
}

const SCAN_EXAMPLES: &str = "\
Examples:
  ungil scan requirements.txt
  ungil scan requirements.txt --python 3.14t --platform linux-x86_64
  ungil scan uv.lock --group test --all-platforms
  ungil scan requirements.txt --format json --output report.json
  ungil scan numpy==2.5.5 lxml
  ungil scan .venv";

const PLAN_EXAMPLES: &str = "\
Examples:
  ungil plan requirements.txt
  ungil plan requirements.txt --python 3.14t --write
  ungil plan uv.lock --format json --output plan.json";

pub(super) const INSPECT_EXAMPLES: &str = "\
Examples:
  ungil inspect numpy-2.5.5-cp314-cp314t-manylinux_2_28_x86_64.whl
  ungil inspect _speedups.cpython-314t-x86_64-linux-gnu.so --format json";

pub(super) const RULES_EXAMPLES: &str = "\
Examples:
  ungil rules
  ungil rules --rules house-rules/ --level framework-declared=hint
  ungil rules test house-rules/";

/// What stands below the list of commands.
pub(in crate::cli) fn after_help() -> String {
    let mut text = SCAN_EXAMPLES.to_owned();
    text.push_str("\n  ungil plan requirements.txt\n  ungil inspect some.whl\n\nExit codes:\n");
    for (exit, meaning) in exit::MEANINGS {
        text.push_str(&format!("  {}  {meaning}\n", *exit as u8));
    }
    text.trim_end().to_owned()
}
