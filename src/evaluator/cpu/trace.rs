//! The steps of a path, kept in one list for all paths: each step knows the one before it.

use crate::binary::image::BinaryImage;
use crate::evaluator::values::value::MachineValue;
use crate::model::evidence::Evidence;

/// Most steps that are told of one path: its last ones.
const MAX_EVENTS: usize = 512;

/// One thing that a path did.
#[derive(Clone, Copy, Debug)]
pub(in crate::evaluator) enum TraceEvent {
    /// Called an import.
    Call { import: usize },
    /// That import always returns this number, as the library beside the file shows.
    Answer { import: usize, number: u64 },
    /// Called a function of the C++ run time that is part of the image.
    Runtime { address: u64 },
    /// Went one way where both were possible.
    Branch { taken: bool },
    /// Called something that could not be followed.
    Unfollowed,
    /// Called a function of the image that was not followed.
    Skipped,
    /// Went on where an exception of C++ led.
    LandingPad,
    /// Handed a definition to `PyModuleDef_Init`.
    Definition { value: MachineValue },
    /// Created a module.
    Module { definition: MachineValue },
    /// Called `PyUnstable_Module_SetGIL`.
    SetGil { value: MachineValue },
    /// Returned from the hook.
    Return { value: MachineValue },
}

#[derive(Clone, Copy, Debug)]
struct TraceNode {
    before: u32,
    address: u64,
    what: TraceEvent,
}

/// Every step of every path.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct StepTrace {
    nodes: Vec<TraceNode>,
}

impl StepTrace {
    /// Adds a step after another one.
    pub(in crate::evaluator) fn push(
        &mut self,
        before: u32,
        address: u64,
        what: TraceEvent,
    ) -> u32 {
        match u32::try_from(self.nodes.len()) {
            Ok(index) if index < u32::MAX => {
                self.nodes.push(TraceNode {
                    before,
                    address,
                    what,
                });
                index
            }
            Ok(_) | Err(_) => before,
        }
    }

    /// A path's steps in order.
    pub(in crate::evaluator) fn render(&self, last: u32, image: &BinaryImage) -> Vec<Evidence> {
        let mut steps = Vec::new();
        let mut next = last;
        while let Some(node) = self.nodes.get(next as usize)
            && steps.len() < MAX_EVENTS
        {
            steps.push(describe(node, image));
            next = node.before;
        }
        steps.reverse();
        steps
    }
}

fn describe(node: &TraceNode, image: &BinaryImage) -> Evidence {
    let evidence = match node.what {
        TraceEvent::Call { import } => {
            let name = image
                .imports()
                .get(import)
                .map_or("?", |import| import.name.as_str());
            Evidence::new("call").symbol(name)
        }
        TraceEvent::Answer { import, number } => {
            let name = image
                .imports()
                .get(import)
                .map_or("?", |import| import.name.as_str());
            Evidence::new("the library beside it always returns")
                .symbol(name)
                .value(number.to_string())
        }
        TraceEvent::Runtime { address } => Evidence::new("call")
            .symbol(image.symbol_name_at(address).unwrap_or("the C++ run time")),
        TraceEvent::Branch { taken } => Evidence::new("branch on an unknown").value(if taken {
            "condition holds"
        } else {
            "condition does not hold"
        }),
        TraceEvent::Unfollowed => Evidence::new("call through an unknown pointer"),
        TraceEvent::Skipped => Evidence::new("call that is skipped"),
        TraceEvent::LandingPad => Evidence::new("landing pad of an exception"),
        TraceEvent::Definition { value } => Evidence::new("module definition")
            .symbol("PyModuleDef_Init")
            .value(number(value)),
        TraceEvent::Module { definition } => {
            Evidence::new("module created from definition").value(number(definition))
        }
        TraceEvent::SetGil { value } => Evidence::new("GIL declared")
            .symbol("PyUnstable_Module_SetGIL")
            .value(number(value)),
        TraceEvent::Return { value } => Evidence::new("hook returns").value(number(value)),
    };
    evidence.address(node.address)
}

/// A value in words.
fn number(value: MachineValue) -> String {
    match value {
        MachineValue::Known(number) if number < 10 => number.to_string(),
        MachineValue::Known(number) => format!("{number:#x}"),
        MachineValue::Symbol { .. } => "result of a call".into(),
        MachineValue::Unknown(_) => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;

    #[test]
    fn steps_of_a_path_are_told_in_order() {
        on_machine(|machine, state| {
            machine.note(state, TraceEvent::Branch { taken: true });
            let mut other = state.clone();
            machine.note(&mut other, TraceEvent::Unfollowed);
            machine.note(
                state,
                TraceEvent::Return {
                    value: MachineValue::Known(0),
                },
            );
            let steps = machine.trace.render(state.trace, machine.image);
            let words: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
            assert_eq!(words, ["branch on an unknown", "hook returns"]);
        });
    }
}
