//! What a plan is made for: requests, or an environment's versions as if they were lines of a requirements file.

use crate::installed::InstalledEnvironment;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::Requests;

use super::super::installed;
use super::super::{PlanError, ScanError, ScanSettings, ScanSubjects};

/// What is asked for, and for which targets.
pub(super) struct PlanRequest {
    pub(super) settings: ScanSettings,
    pub(super) requests: Requests,
    /// The same for when the versions of an environment do not go together: each as it is.
    pub(super) apart: Option<Requests>,
}

/// Makes out what is asked for.
pub(super) fn asked(
    settings: &ScanSettings,
    inputs: &ScanSubjects,
) -> Result<PlanRequest, ScanError> {
    let alone = |settings: &ScanSettings| PlanRequest {
        settings: settings.clone(),
        requests: inputs.requests.clone(),
        apart: None,
    };
    match inputs.environments.as_slice() {
        _ if !inputs.wheelhouses.is_empty() => Err(PlanError::Wheels.into()),
        [] => Ok(alone(settings)),
        [environment] if inputs.requests.is_empty() => {
            of_environment(environment, settings, &inputs.requests)
        }
        _ => Err(PlanError::Several.into()),
    }
}

/// Constraints and indexes of the requests count for the environment too.
fn of_environment(
    environment: &InstalledEnvironment,
    settings: &ScanSettings,
    requests: &Requests,
) -> Result<PlanRequest, ScanError> {
    let installed::ReinstallRequest {
        targets,
        lines,
        lock,
        problems,
    } = installed::again(environment, settings)?;
    let environment = Some(environment.shown.clone());
    let requests = Requests {
        problems,
        environment,
        ..requests.clone()
    };
    let apart = Requests {
        locks: vec![lock],
        ..requests.clone()
    };
    let settings = ScanSettings {
        targets,
        ..settings.clone()
    };
    Ok(PlanRequest {
        settings,
        requests: Requests {
            requests: lines,
            ..requests
        },
        apart: Some(apart),
    })
}

/// The versions each as it is, since as a set they have no solution.
pub(super) fn told_apart(apart: &Requests, error: &ScanError) -> Requests {
    let place = apart.environment.clone().unwrap_or_default();
    let why = error.to_string().lines().collect::<Vec<_>>().join("; ");
    let message =
        format!("its versions are looked at one by one, since they do not go together: {why}");
    let mut requests = apart.clone();
    requests.problems.push(Problem {
        kind: ProblemKind::Resolution,
        package: None,
        place,
        message,
    });
    requests
}
