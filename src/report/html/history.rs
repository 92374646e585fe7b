//! Reports of several days in their order.

use crate::model::verdict::DecisionSide;

use super::super::json::SavedReport;
use super::time;
use super::words::SIDES;

/// Reports, the latest last.
pub(super) struct ReportHistory {
    reports: Vec<SavedReport>,
    /// Whether the order is that of their times.
    pub(super) order: HistoryOrder,
}

/// What the reports are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HistoryOrder {
    /// Each states its time.
    Time,
    /// Some state none: as they were given.
    Given,
}

impl ReportHistory {
    /// Orders the reports.
    pub(super) fn of(mut reports: Vec<SavedReport>) -> ReportHistory {
        let is_dated = |report: &SavedReport| {
            report
                .content
                .generated
                .as_deref()
                .and_then(time::seconds)
                .is_some()
        };
        if !reports.iter().all(is_dated) {
            return ReportHistory {
                reports,
                order: HistoryOrder::Given,
            };
        }
        reports.sort_by_key(|report| report.content.generated.as_deref().and_then(time::seconds));
        ReportHistory {
            reports,
            order: HistoryOrder::Time,
        }
    }

    /// The latest, which the page shows in full.
    pub(super) fn latest(&self) -> Option<&SavedReport> {
        self.reports.last()
    }

    /// The one before the latest, and the latest.
    pub(super) fn last_two(&self) -> Option<(&SavedReport, &SavedReport)> {
        match self.reports.as_slice() {
            [.., before, latest] => Some((before, latest)),
            _ => None,
        }
    }

    /// All, the earliest first.
    pub(super) fn reports(&self) -> &[SavedReport] {
        &self.reports
    }
}

/// When a report was made, or the name of its file.
pub(super) fn label(report: &SavedReport) -> String {
    report
        .content
        .generated
        .as_deref()
        .map_or_else(|| report.file.clone(), time::shown)
}

/// How many packages of a target are on each side, in the order of [`SIDES`]; `None` when the report is not for
/// this target.
pub(super) fn tally(report: &SavedReport, target: &str) -> Option<[usize; 3]> {
    if !report.content.targets.iter().any(|known| known == target) {
        return None;
    }
    let results = report
        .content
        .packages
        .iter()
        .flat_map(|package| &package.results);
    let given: Vec<DecisionSide> = results
        .filter(|result| result.target == target)
        .map(|result| DecisionSide::from(result.verdict))
        .collect();
    Some(SIDES.map(|side| given.iter().filter(|known| **known == side).count()))
}
