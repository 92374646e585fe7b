//! What is required comes before what requires it: a package is changed on ground that is settled already.

use std::collections::BTreeSet;

use crate::model::name::PackageName;
use crate::model::plan::PlanStep;

/// The steps in the order in which to take them; among those that do not depend on each other, by name.
pub(super) fn leaves_first(mut steps: Vec<PlanStep>) -> Vec<PlanStep> {
    steps.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    let mut ordered: Vec<PlanStep> = Vec::with_capacity(steps.len());
    while !steps.is_empty() {
        let above: BTreeSet<PackageName> = steps.iter().flat_map(requiring).cloned().collect();
        // In a circle nobody is a leaf.
        let next = steps
            .iter()
            .position(|step| !above.contains(&step.name))
            .unwrap_or(0);
        ordered.push(steps.remove(next));
    }
    ordered
}

/// Packages that require it, at any distance, itself left out.
fn requiring(step: &PlanStep) -> impl Iterator<Item = &PackageName> {
    step.required_by
        .iter()
        .flat_map(|required| &required.path)
        .filter(|name| **name != step.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;
    use crate::model::plan::PlanAction;
    use crate::model::resolution::RequiredBy;

    fn ordered(steps: &[(&str, &[&str])]) -> String {
        let place = Place {
            file: "r".into(),
            line: None,
            column: None,
        };
        let step = |(name, path): &(&str, &[&str])| PlanStep {
            name: name.parse().unwrap(),
            version: None,
            required_by: vec![RequiredBy {
                place: place.clone(),
                path: path.iter().map(|name| name.parse().unwrap()).collect(),
            }],
            outlooks: Vec::new(),
            course: PlanAction::Unclear,
            tracker: None,
            alternatives: Vec::new(),
        };
        let ordered = leaves_first(steps.iter().map(step).collect());
        ordered
            .iter()
            .map(|step| step.name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn leaves_come_first() {
        assert_eq!(
            ordered(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]),
            "c b a"
        );
        assert_eq!(ordered(&[("z", &[]), ("m", &[]), ("a", &["m"])]), "a m z");
        assert_eq!(
            ordered(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]),
            "c a b"
        );
    }
}
