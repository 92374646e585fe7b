//! What a step says of its targets: how the package stands, what it gets, and what the search looked at.

use crate::model::plan::{
    NewerBuild, PlanAction, PlanStep, ProbeBasis, SearchFrontier, TargetOutlook, VersionProbe,
    VersionSearch,
};
use crate::model::source::Forecast;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::sanitize::harmless;
use super::super::targets::short_target;
use super::super::text::count;

/// Most requirements of a build that are named.
const MOST_REQUIREMENTS: usize = 8;
/// Most looks that are named.
const MOST_PROBES: usize = 4;

/// Labels and texts, in the order in which they are read. What is the same on all targets is said once.
pub(super) fn told(step: &PlanStep, targets: &[Target]) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    let mut add = |label: &'static str, of: &dyn Fn(&TargetOutlook) -> Option<String>| {
        let mut texts: Vec<(String, Vec<Target>)> = Vec::new();
        for outlook in &step.outlooks {
            let Some(text) = of(outlook) else { continue };
            match texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, on)) => on.push(outlook.target),
                None => texts.push((text, vec![outlook.target])),
            }
        }
        for (text, on) in texts {
            let words: Vec<String> = on
                .iter()
                .map(|target| short_target(targets, *target))
                .collect();
            let on = if on.len() == targets.len() {
                String::new()
            } else {
                format!("on {}: ", words.join(", "))
            };
            lines.push((label, format!("{on}{text}")));
        }
    };
    add("now", &|outlook| {
        Some(judged(Some(outlook.verdict), &outlook.reason))
    });
    if matches!(step.course, PlanAction::Change { .. } | PlanAction::Follow) {
        add("then", &|outlook| {
            Some(judged(outlook.after.verdict, &outlook.after.reason))
        });
    }
    add("build", &|outlook| {
        Some(harmless(&outlook.after.build.as_ref()?.reason))
    });
    add("needs", &|outlook| needs(outlook.after.build.as_ref()?));
    add("newer", &|outlook| outlook.newer_build.as_ref().map(newer));
    add("seen", &|outlook| {
        Some(outlook.search.as_ref().map_or_else(not_searched, searched))
    });
    lines
}

/// The verdict and why. What a build becomes has a line of its own, or matters no more.
fn judged(verdict: Option<Verdict>, reason: &str) -> String {
    let reason = match verdict {
        Some(Verdict::Build) => reason.split(": ").next().unwrap_or_default(),
        _ => reason,
    };
    format!(
        "{}: {}",
        verdict.map_or("gone", Verdict::word),
        harmless(reason)
    )
}

/// What has to be there for a build, and what installers fetch for it.
fn needs(forecast: &Forecast) -> Option<String> {
    let fetched: Vec<String> = forecast
        .requires
        .iter()
        .take(MOST_REQUIREMENTS)
        .map(|required| harmless(unconditional(required)))
        .collect();
    let mut fetched = fetched.join(", ");
    if forecast.requires.len() > MOST_REQUIREMENTS {
        fetched.push_str(&format!(
            " and {} more",
            forecast.requires.len() - MOST_REQUIREMENTS
        ));
    }
    let compilers = forecast.needs.join(", ");
    match (compilers.is_empty(), fetched.is_empty()) {
        (true, true) => None,
        (false, true) => Some(compilers),
        (true, false) => Some(format!("what installers fetch for it: {fetched}")),
        (false, false) => Some(format!(
            "{compilers}, and what installers fetch for it: {fetched}"
        )),
    }
}

/// A requirement without its condition, which holds on the target.
fn unconditional(required: &str) -> &str {
    required.split(';').next().unwrap_or_default().trim()
}

/// What a build of the newest version would become, and what it needs where that helps.
fn newer(newer: &NewerBuild) -> String {
    let needs = if newer.forecast.becomes.helps() {
        needs(&newer.forecast)
    } else {
        None
    };
    let needs = needs
        .map(|needs| format!("; it needs {needs}"))
        .unwrap_or_default();
    format!(
        "{}, if built: {}{needs}",
        newer.version,
        harmless(&newer.forecast.reason)
    )
}

fn not_searched() -> String {
    "no index was asked for other versions".to_owned()
}

fn searched(search: &VersionSearch) -> String {
    let found = match (&search.oldest, &search.newest) {
        (Some(oldest), Some(newest)) if oldest == newest => format!("{oldest} is ready"),
        (Some(oldest), Some(newest)) => format!("ready from {oldest} to {newest}"),
        _ => match &search.older {
            Some(older) => format!("{}; {older} works, an older one", none_ready(search)),
            None => none_ready(search),
        },
    };
    [vec![found], remarks(search)].concat().join("; ")
}

/// What else is known: the version right before the first ready one, and what was not searched.
pub(in crate::report) fn remarks(search: &VersionSearch) -> Vec<String> {
    let mut remarks: Vec<String> = before(search).into_iter().collect();
    if search.oldest.is_some() && search.border == SearchFrontier::Open {
        remarks
            .push("an older one may be too: not all were looked at, or could be read".to_owned());
    }
    if let Some(early) = &search.prerelease {
        remarks.push(format!("pre-releases up to {early} were left out"));
    }
    remarks
}

/// Of a search that found no ready version: what was looked at, newest first, and how many there are.
pub(in crate::report) fn none_ready(search: &VersionSearch) -> String {
    if search.versions == 0 {
        return "there is no newer version".to_owned();
    }
    let newer = count(search.versions, "newer version");
    let is_newer = |probe: &&VersionProbe| {
        search
            .older
            .as_ref()
            .is_none_or(|older| probe.version > *older)
    };
    let looks = search
        .probes
        .iter()
        .filter(|probe| probe.seen == ProbeBasis::Bytes)
        .filter(is_newer);
    let looks: Vec<&VersionProbe> = looks.rev().collect();
    let mut named: Vec<String> = looks
        .iter()
        .take(MOST_PROBES)
        .map(|probe| looked(probe))
        .collect();
    if looks.len() > MOST_PROBES {
        named.push(format!("{} more", looks.len() - MOST_PROBES));
    }
    let named = named.join(", ");
    let other_python = search.other_python;
    match (search.fitting, looks.len()) {
        (0, _) if other_python == search.versions => {
            format!("{newer}, none that allows this Python (Requires-Python)")
        }
        (0, _) if other_python > 0 => {
            format!(
                "{newer}: {other_python} that do not allow this Python, the others without a file that fits"
            )
        }
        (0, _) => format!("{newer}, none with a wheel that fits and has its compiled modules"),
        (fitting, looks) if fitting == looks => format!("{newer}: {named}"),
        (fitting, 0) => format!("{newer}, {fitting} with a wheel that fits; none was looked at"),
        (fitting, looks) => {
            format!(
                "{newer}, {fitting} with a wheel that fits; of these, {looks} were looked at: {named}"
            )
        }
    }
}

/// What is known of the version before the oldest ready one.
fn before(search: &VersionSearch) -> Option<String> {
    let oldest = search.oldest.as_ref()?;
    let before = search
        .probes
        .iter()
        .rfind(|probe| probe.version < *oldest)?;
    Some(looked(before))
}

/// The version and what was found: `2.3.3 is gil`, `2.50.3 has no file that fits`.
fn looked(probe: &VersionProbe) -> String {
    let found = match (probe.seen, probe.verdict) {
        (ProbeBasis::Names, Verdict::Blocked) => "has no file that fits".to_owned(),
        (ProbeBasis::Names, Verdict::Build) => "has only an sdist that fits".to_owned(),
        (ProbeBasis::Names, Verdict::PureFallback) => {
            "comes without its compiled modules".to_owned()
        }
        (_, verdict) => format!("is {}", verdict.word()),
    };
    format!("{} {found}", probe.version)
}
