//! Waivers: what each covers, and what becomes of it.

use crate::model::date::Date;
use crate::model::gate::{Violation, Waiver, WaiverState, WaiverUse};
use crate::model::name::{PackageName, Version};
use crate::model::problem::Problem;
use crate::model::report::Report;

use super::counting::CountedConcern;

/// The waivers of a policy on one day, with what each covered so far.
pub(super) struct WaiverBook<'a> {
    waivers: &'a [Waiver],
    today: Date,
    covered: Vec<usize>,
}

impl<'a> WaiverBook<'a> {
    /// None has covered anything yet.
    pub(super) fn new(waivers: &'a [Waiver], today: Date) -> WaiverBook<'a> {
        WaiverBook {
            waivers,
            today,
            covered: vec![0; waivers.len()],
        }
    }

    /// The first waiver in force that covers this. Every waiver that fits has covered one more, or would have.
    pub(super) fn cover(&mut self, counted: &CountedConcern) -> Option<usize> {
        self.cover_where(|waiver| fits(waiver, counted))
    }

    /// The same for a problem: it concerns a package, and nobody knows which of its modules, rules or targets, so a waiver
    /// has to be for all of them.
    pub(super) fn cover_problem(&mut self, problem: &Problem, report: &Report) -> Option<usize> {
        let package = problem.package.as_ref()?;
        self.cover_where(|waiver| {
            let is_narrow =
                waiver.module.is_some() || waiver.rule.is_some() || waiver.target.is_some();
            let mut versions = report
                .packages
                .iter()
                .filter(|known| known.name == *package);
            !is_narrow && versions.all(|known| covers(waiver, package, known.version.as_ref()))
        })
    }

    fn cover_where(&mut self, fits: impl Fn(&Waiver) -> bool) -> Option<usize> {
        let mut first = None;
        for (place, (waiver, covered)) in self.waivers.iter().zip(&mut self.covered).enumerate() {
            if fits(waiver) {
                *covered += 1;
                if first.is_none() && is_in_force(waiver, self.today) {
                    first = Some(place);
                }
            }
        }
        first
    }

    /// What became of each.
    pub(super) fn uses(self) -> Vec<WaiverUse> {
        let state = |waiver: &Waiver, covered: usize| match covered {
            _ if !is_in_force(waiver, self.today) => WaiverState::Expired(covered),
            0 => WaiverState::Unused,
            _ => WaiverState::Used(covered),
        };
        let uses = self.waivers.iter().zip(&self.covered);
        uses.map(|(waiver, covered)| WaiverUse {
            waiver: waiver.clone(),
            state: state(waiver, *covered),
        })
        .collect()
    }
}

/// The last day counts.
fn is_in_force(waiver: &Waiver, today: Date) -> bool {
    waiver.until.is_none_or(|until| today <= until)
}

fn fits(waiver: &Waiver, counted: &CountedConcern) -> bool {
    let Violation {
        package,
        version,
        target,
        rule,
        module,
        ..
    } = &counted.violation;
    let is_target =
        |named: &String| *named == target.to_string() || *named == target.python.to_string();
    let is_module =
        |named: &String| module.as_ref() == Some(named) || counted.module.as_ref() == Some(named);
    covers(waiver, package, version.as_ref())
        && waiver
            .rule
            .as_ref()
            .is_none_or(|named| rule.as_ref() == Some(named))
        && waiver.module.as_ref().is_none_or(is_module)
        && waiver.target.as_ref().is_none_or(is_target)
}

/// Whether the waiver is for this version of the package. One that nobody knows is in no range.
fn covers(waiver: &Waiver, package: &PackageName, version: Option<&Version>) -> bool {
    let in_range = || version.is_some_and(|version| waiver.versions.contains(version));
    waiver.package == *package && (waiver.versions.is_empty() || in_range())
}
