//! What plans say of the packages of a report: the first ready version of each, what holds it back, and what to do.
//!
//! What a plan says counts for a package only where name, version, target and verdict are those of the report; what does
//! not fit is named, and shown nowhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::plan::VersionSearch;
use crate::model::verdict::Verdict;

use super::super::RenderError;
use super::super::json::{
    SavedPackage, SavedPlan, SavedPlanAlternative, SavedPlanBuild, SavedPlanCourse,
    SavedPlanOutlook, SavedPlanStep, SavedReport, SavedTargetResult,
};
use super::super::plan_text::kept_out;
use super::super::plan_text::searched::{none_ready, remarks};
use super::markup::{HtmlMarkup, each, element};
use super::note::{
    ASK, BUILD, FIRST_READY, HELD_BACK, INSTEAD, LabelledNote, NONE_READY, WITH_PLAN,
};

/// Most things that do not fit which are named.
const MISFITS: usize = 12;

/// What plans say.
pub(super) struct WayForward<'a> {
    pub(super) plans: &'a [SavedPlan],
    /// What fits the report, or comes in by the plan.
    ways: BTreeMap<WayKey<'a>, TargetWay<'a>>,
    /// What does not fit, and on which targets.
    misfits: BTreeMap<String, Vec<&'a str>>,
}

/// Package, version and target.
type WayKey<'a> = (&'a str, Option<&'a str>, &'a str);

/// What a plan says of a package on a target.
#[derive(Clone, Copy)]
pub(super) struct TargetWay<'a> {
    pub(super) step: &'a SavedPlanStep,
    pub(super) outlook: &'a SavedPlanOutlook,
}

impl<'a> WayForward<'a> {
    /// What these plans say; an error when one cannot be about this report, or two are about the same target.
    pub(super) fn of(
        plans: &'a [SavedPlan],
        report: &'a SavedReport,
    ) -> Result<WayForward<'a>, RenderError> {
        check(plans, report)?;
        let reported = ReportedPackages::of(report);
        let mut forward = WayForward {
            plans,
            ways: BTreeMap::new(),
            misfits: BTreeMap::new(),
        };
        let is_planned = |target: &str| plans.iter().any(|plan| is_for(plan, target));
        for target in report
            .content
            .targets
            .iter()
            .filter(|target| !plans.is_empty() && !is_planned(target))
        {
            forward.tell("no plan is for what the report has".to_owned(), target);
        }
        for plan in plans {
            forward.add(plan, report, &reported);
        }
        Ok(forward)
    }

    fn add(
        &mut self,
        plan: &'a SavedPlan,
        report: &'a SavedReport,
        reported: &ReportedPackages<'a>,
    ) {
        let brought = plan
            .content
            .moves
            .iter()
            .filter(|moved| moved.from.is_none());
        let brought: BTreeSet<&str> = brought.map(|moved| moved.name.as_str()).collect();
        let is_reported = |target: &String| report.content.targets.contains(target);
        for target in plan
            .content
            .targets
            .iter()
            .filter(|target| !is_reported(target))
        {
            self.tell(
                format!("the report has nothing of what {} says", plan.file),
                target,
            );
        }
        for step in &plan.content.steps {
            for outlook in step
                .outlooks
                .iter()
                .filter(|outlook| is_reported(&outlook.target))
            {
                let there = reported.on(&step.name, &outlook.target);
                let comes_in = there.is_empty() && brought.contains(step.name.as_str());
                match misfit(step, outlook, &there).filter(|_| !comes_in) {
                    Some(text) => {
                        self.tell(format!("{} is about {text}", plan.file), &outlook.target)
                    }
                    None => drop(
                        self.ways
                            .insert(key(step, outlook), TargetWay { step, outlook }),
                    ),
                }
            }
        }
        for (text, target) in silences(plan, report) {
            self.tell(text, target);
        }
    }

    fn tell(&mut self, text: String, target: &'a str) {
        self.misfits.entry(text).or_default().push(target);
    }

    /// What is said of a package on a target.
    pub(super) fn way(
        &self,
        package: &SavedPackage,
        result: &SavedTargetResult,
    ) -> Option<TargetWay<'a>> {
        let key = (
            package.name.as_str(),
            package.version.as_deref(),
            result.target.as_str(),
        );
        self.ways
            .get(&key)
            .filter(|way| way.outlook.verdict == result.verdict)
            .copied()
    }

    /// What fits the report, or comes in by the plan, of what a step says.
    pub(super) fn of_step(&self, step: &'a SavedPlanStep) -> impl Iterator<Item = TargetWay<'a>> {
        step.outlooks
            .iter()
            .filter_map(|outlook| self.ways.get(&key(step, outlook)).copied())
    }

    /// Whether all that the plans say fits the report.
    pub(super) fn fits(&self) -> bool {
        self.misfits.is_empty()
    }

    /// Where the plans do not fit the report, each thing once; nothing when they do.
    pub(super) fn misfits(&self) -> HtmlMarkup {
        if self.fits() {
            return HtmlMarkup::nothing();
        }
        let texts = self
            .misfits
            .iter()
            .map(|(text, targets)| format!("{text} on {}", targets.join(", ")));
        let mut items = each("li", texts.take(MISFITS));
        if let Some(more) = self
            .misfits
            .len()
            .checked_sub(MISFITS)
            .filter(|more| *more > 0)
        {
            items.add(element("li", &[], format!("and {more} more")));
        }
        let title = "The plan and the report do not fit everywhere, and what does not fit is left out. Plan again, with the \
                     input and the targets of the scan.";
        let parts = [element("p", &[], title), element("ul", &[], items)];
        element("div", &[("class", "notice"), ("id", "misfits")], parts)
    }
}

fn key<'a>(step: &'a SavedPlanStep, outlook: &'a SavedPlanOutlook) -> WayKey<'a> {
    (&step.name, step.version.as_deref(), &outlook.target)
}

fn is_for(plan: &SavedPlan, target: &str) -> bool {
    plan.content.targets.iter().any(|known| known == target)
}

/// A plan of other targets, or a second one for the same, is a mistake.
fn check(plans: &[SavedPlan], report: &SavedReport) -> Result<(), RenderError> {
    let mut planned: BTreeMap<&str, &SavedPlan> = BTreeMap::new();
    for plan in plans {
        let targets = &plan.content.targets;
        if !targets
            .iter()
            .any(|target| report.content.targets.contains(target))
        {
            return Err(RenderError::ForeignPlan {
                plan: plan.file.clone(),
                report: report.file.clone(),
                expected: report.content.targets.join(", "),
                found: targets.join(", "),
            });
        }
        for target in targets {
            if let Some(other) = planned.insert(target, plan) {
                let (first, second) = (other.file.clone(), plan.file.clone());
                return Err(RenderError::TwoPlans {
                    first,
                    second,
                    target: target.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The report's packages by name, with what it says of them on each target.
struct ReportedPackages<'a>(BTreeMap<&'a str, Vec<(&'a SavedPackage, &'a SavedTargetResult)>>);

impl<'a> ReportedPackages<'a> {
    fn of(report: &'a SavedReport) -> ReportedPackages<'a> {
        let mut named: BTreeMap<&str, Vec<(&SavedPackage, &SavedTargetResult)>> = BTreeMap::new();
        for package in &report.content.packages {
            let results = package.results.iter().map(|result| (package, result));
            named.entry(&package.name).or_default().extend(results);
        }
        ReportedPackages(named)
    }

    /// A package on a target, in each version that is there.
    fn on(&self, name: &str, target: &str) -> Vec<(&'a SavedPackage, &'a SavedTargetResult)> {
        let all = self.0.get(name).into_iter().flatten();
        all.filter(|(_, result)| result.target == target)
            .copied()
            .collect()
    }
}

/// How a plan takes a package for another one than is there; `None` when both mean the same.
fn misfit(
    step: &SavedPlanStep,
    outlook: &SavedPlanOutlook,
    there: &[(&SavedPackage, &SavedTargetResult)],
) -> Option<String> {
    let about = format!(
        "{} {}",
        step.name,
        step.version.as_deref().unwrap_or("without a version")
    );
    let mut same = there
        .iter()
        .filter(|(package, _)| package.version == step.version)
        .map(|(_, result)| result.verdict);
    let Some(found) = same.next() else {
        let other = there
            .first()
            .map(|(package, _)| package.version.as_deref().unwrap_or("no version"));
        return Some(other.map_or_else(
            || format!("{about}, the report does not have it"),
            |other| format!("{about}, the report has {other}"),
        ));
    };
    let planned = outlook.verdict;
    let is_same = found == planned || same.any(|verdict| verdict == planned);
    (!is_same).then(|| {
        format!(
            "{about} as {}, the report found it {}",
            planned.word(),
            found.word()
        )
    })
}

/// Packages that are not ready, of which a plan for their target says nothing at all.
fn silences<'a>(plan: &SavedPlan, report: &'a SavedReport) -> Vec<(String, &'a str)> {
    let says: BTreeSet<(&str, &str)> = plan
        .content
        .steps
        .iter()
        .flat_map(|step| {
            step.outlooks
                .iter()
                .map(|outlook| (step.name.as_str(), outlook.target.as_str()))
        })
        .collect();
    let mut texts = Vec::new();
    for package in &report.content.packages {
        let wanting = package
            .results
            .iter()
            .filter(|result| !result.verdict.is_good());
        let planned = wanting
            .map(|result| result.target.as_str())
            .filter(|target| is_for(plan, target));
        for target in planned.filter(|target| !says.contains(&(package.name.as_str(), *target))) {
            let version = package.version.as_deref().unwrap_or("without a version");
            texts.push((
                format!("{} says nothing of {} {version}", plan.file, package.name),
                target,
            ));
        }
    }
    texts
}

impl TargetWay<'_> {
    /// The answer in a few words, for the table of all packages.
    pub(super) fn short(&self) -> Option<String> {
        let search = self.outlook.search.as_ref()?;
        Some(match (&search.oldest, self.step.course) {
            (Some(oldest), SavedPlanCourse::HeldBack) => format!("first ready {oldest}, held back"),
            (Some(oldest), _) => format!("first ready {oldest}"),
            (None, _) => "no ready version found".to_owned(),
        })
    }

    /// Whether the sources say of every build that is left that it would not keep the GIL off.
    pub(super) fn is_futile(&self) -> bool {
        let newer = self.outlook.newer_build.as_ref();
        self.outlook
            .after
            .build
            .as_ref()
            .is_some_and(SavedPlanBuild::is_futile)
            && newer.is_none_or(|it| it.build.is_futile())
    }

    /// The first ready version, or why there is none; what comes of it; where to ask.
    pub(super) fn notes(&self) -> Vec<LabelledNote> {
        let mut notes = vec![self.first_ready()];
        if self.step.course == SavedPlanCourse::HeldBack {
            let by: Vec<String> = self.step.held_by.iter().map(kept_out).collect();
            notes.push(LabelledNote {
                label: HELD_BACK,
                text: by.join("; "),
            });
        }
        notes.extend(self.comes_of_it().map(|text| LabelledNote {
            label: WITH_PLAN,
            text,
        }));
        if let Some(build) = &self.outlook.after.build {
            notes.push(LabelledNote {
                label: BUILD,
                text: build.reason.clone(),
            });
        }
        if let Some(newer) = &self.outlook.newer_build {
            notes.push(LabelledNote {
                label: BUILD,
                text: format!("{}, if built: {}", newer.version, newer.build.reason),
            });
        }
        let instead = |alternative: &SavedPlanAlternative| {
            format!("{} [{}]", alternative.what, alternative.rule)
        };
        let instead: Vec<String> = self.step.alternatives.iter().map(instead).collect();
        if !instead.is_empty() {
            notes.push(LabelledNote {
                label: INSTEAD,
                text: instead.join("; "),
            });
        }
        let is_settled = self.outlook.after.verdict.is_none_or(Verdict::is_good);
        if let Some(tracker) = self
            .step
            .tracker
            .as_ref()
            .filter(|_| !is_settled && self.step.course != SavedPlanCourse::HeldBack)
        {
            notes.push(LabelledNote {
                label: ASK,
                text: tracker.clone(),
            });
        }
        notes
    }

    fn first_ready(&self) -> LabelledNote {
        let Some(search) = &self.outlook.search else {
            let text = "not known, because no index was asked for other versions".to_owned();
            return LabelledNote {
                label: FIRST_READY,
                text,
            };
        };
        let (label, found) = match &search.oldest {
            Some(oldest) => (FIRST_READY, format!("{oldest}{}", newest(search))),
            None => (NONE_READY, none_ready(search)),
        };
        LabelledNote {
            label,
            text: [vec![found], remarks(search)].concat().join("; "),
        }
    }

    /// What it becomes; `None` when it stays as it is.
    fn comes_of_it(&self) -> Option<String> {
        let after = &self.outlook.after;
        let Some(verdict) = after.verdict else {
            return Some(format!("it goes: {}", after.reason));
        };
        if after.version == self.step.version && verdict == self.outlook.verdict {
            return None;
        }
        let version = after
            .version
            .as_deref()
            .unwrap_or("a version that is not known");
        let still = if verdict == self.outlook.verdict {
            "still "
        } else {
            ""
        };
        Some(format!(
            "{version}, {still}{}: {}",
            verdict.word(),
            after.reason
        ))
    }
}

/// The newest ready version, where it is another one than the oldest.
fn newest(search: &VersionSearch) -> String {
    match &search.newest {
        Some(newest) if search.oldest.as_ref() != Some(newest) => format!(", ready up to {newest}"),
        _ => String::new(),
    }
}
