//! What stands below the options in `--help`: kinds of input, examples, exit codes.

use ungil::input::ADAPTERS;
use ungil::installed::KINDS;
use ungil::report::FORMATS;

use crate::cli::exit;

/// A line for each kind of input and each format, and the examples.
pub(super) fn scan_help() -> String {
    let mut text = kinds_help();
    for kind in KINDS {
        text.push_str(&format!("  {:<19}{}\n", kind.word(), kind.description()));
    }
    text.push_str("\nFormats of output:\n");
    for format in FORMATS {
        text.push_str(&format!("  {:<14}{}\n", format.name, format.description));
    }
    text + "\n" + SCAN_EXAMPLES
}

/// The same for the gate.
pub(super) fn gate_help() -> String {
    scan_help().replace(SCAN_EXAMPLES, GATE_EXAMPLES)
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
  ungil scan requirements.txt --output sarif=ungil.sarif --output markdown=summary.md
  ungil scan numpy==2.5.5 lxml
  ungil scan .venv";

const GATE_EXAMPLES: &str = "\
Examples:
  ungil gate uv.lock
  ungil gate uv.lock --fail unknown,build --pass pure-fallback
  ungil gate uv.lock --baseline main.json --output json=report.json
Waivers and a policy for everybody stand in the configuration file.";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  ungil diff monday.json tuesday.json
  ungil diff main.json branch.json --format markdown --output comment.md";

const PLAN_EXAMPLES: &str = "\
Examples:
  ungil plan requirements.txt
  ungil plan requirements.txt --python 3.14t --write
  ungil plan uv.lock --format json --output plan.json
  ungil plan .venv --python 3.14t";

pub(super) const INSPECT_EXAMPLES: &str = "\
Examples:
  ungil inspect numpy-2.5.5-cp314-cp314t-manylinux_2_28_x86_64.whl
  ungil inspect _speedups.cpython-314t-x86_64-linux-gnu.so --format json";

/// Examples of `dashboard`.
pub(super) const DASHBOARD_EXAMPLES: &str = "\
Examples:
  ungil scan requirements.txt --format json --timestamp --output monday.json
  ungil dashboard monday.json --output site
  ungil dashboard monday.json tuesday.json --output site
  ungil plan requirements.txt --format json --output plan.json
  ungil dashboard monday.json plan.json --output site";

pub(super) const RULES_EXAMPLES: &str = "\
Examples:
  ungil rules
  ungil rules --rules house-rules/ --level framework-declared=hint
  ungil rules test house-rules/";

/// What stands below the list of commands.
pub(in crate::cli) fn after_help() -> String {
    let mut text = SCAN_EXAMPLES.to_owned();
    text.push_str(
        "\n  ungil gate requirements.txt\n  ungil plan requirements.txt\n  ungil inspect some.whl\n\nExit codes:\n",
    );
    for (exit, meaning) in exit::MEANINGS {
        text.push_str(&format!("  {}  {meaning}\n", *exit as u8));
    }
    text.trim_end().to_owned()
}
