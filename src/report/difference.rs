//! What is different between two reports, for people.

use crate::model::snapshot::ReportDifference;

use super::sanitize::{harmless, without_command};
use super::table::change_lines;
use super::text::wrap;
use super::{RenderError, RenderOptions};

/// Renders a line for each change.
pub(super) fn render(
    difference: &ReportDifference,
    options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    let ReportDifference {
        before,
        after,
        changes,
    } = difference;
    let mut lines = wrap(
        &format!("{} → {}", harmless(before), harmless(after)),
        options.width,
    );
    let changed = change_lines(changes, options);
    if changed.is_empty() {
        lines.push("No verdict changed.".to_owned());
    }
    lines.extend(changed);
    let text: String = lines
        .iter()
        .map(|line| format!("{}\n", without_command(line.trim_end())))
        .collect();
    Ok(text.into_bytes())
}
