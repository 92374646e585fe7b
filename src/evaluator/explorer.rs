//! The work list: follows paths, forks them at branches on unknowns, takes them together where they meet too often,
//! and stops at the limits.
//!
//! Two paths that arrive at one fork with the same call stack and the same modules are compared: what is covered by an
//! earlier one is dropped, and once a fork has seen a few, later ones are joined into one that covers all of them. So
//! the work is proportional to the code that is reached, not to the number of paths through it.

mod answers;
mod calls;
mod effects;
mod exceptions;
mod guard_calls;
mod noreturn;
mod other_entries;
mod past_declaration;
mod past_settled;
mod settled;
mod static_guards;
mod unfollowed;

use std::rc::Rc;

use self::effects::CodeEffects;
use self::guard_calls::GuardCalls;
use self::noreturn::NoReturn;
use self::past_declaration::PastDeclarations;
use crate::binary::image::{BinaryImage, LandingPad};
use crate::evaluator::cpu::flags::BranchCondition;
use crate::evaluator::cpu::fuel::{EvaluationLimits, PathFuel};
use crate::evaluator::cpu::machine::{SharedMachine, TargetInterpreter};
use crate::evaluator::cpu::state::{END, PathState, VectorRegisters};
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::externals::CallModels;
use crate::evaluator::isa::{AccessSite, CallSite, InstructionSet, InstructionSuccessor};
use crate::evaluator::memory::{DataLayout, PathMemory};
use crate::evaluator::outcome::create_slot::{self, CreateResult};
use crate::evaluator::outcome::{self, PathOutcome};
use crate::evaluator::siblings::{ImportResolver, NoSiblings};
use crate::evaluator::values::hash::{FastMap, hash_combine};
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};
use crate::model::facts::HookKind;

/// The function that declares a single-phase module.
const DECLARATION: &str = "PyUnstable_Module_SetGIL";
/// Paths that one fork sees one by one before it joins them.
const SEPARATE_PATHS: usize = 2;
/// How often a run begins again because it met a guard of one-time initialisation that it had lost sight of.
const MOST_STARTS: usize = 6;
/// Most reasons that are kept.
const MOST_REASONS: usize = 8;
/// Pages that one path may write.
const MOST_PAGES: usize = 512;

/// What a function is followed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FollowPurpose {
    /// It is a hook, or a function that a hook hands over to.
    Hook(HookKind),
    /// It makes the object, with what the slot `Py_mod_create` is called with.
    Create,
    /// It is a function of a library beside the file: what it returns counts.
    Answer,
}

/// Follows all paths of one function on the instruction set `I`.
pub(super) struct PathExecutor<'a, 'data, I> {
    pub(super) machine: SharedMachine<'a, 'data>,
    isa: I,
    models: CallModels,
    noreturn: NoReturn,
    guard_calls: GuardCalls,
    past_declarations: PastDeclarations,
    /// Where code goes on when a call throws, by the address to which it returns.
    landing_pads: FastMap<u64, Option<LandingPad>>,
    blank: Rc<VectorRegisters>,
    /// What is known of the image's data from the start.
    layout: Rc<DataLayout>,
    /// The places in the code that can call imports of these names, once looked for.
    call_sites: FastMap<&'static str, Vec<CallSite>>,
    /// What all of them declare, if it is the same constant, once looked for.
    declared: Option<Option<u64>>,
    /// What initialisers may write, once looked for.
    initialised: Option<Rc<Vec<(u64, u64)>>>,
    /// What functions do that others call back, by their addresses.
    callbacks: FastMap<u64, Rc<CodeEffects>>,
    /// Addresses of variables that code hands on that no path follows.
    handed_on: Vec<u64>,
    /// What changes a variable, by its address; nothing where it may be changed through a pointer.
    writers: FastMap<u64, Option<Vec<AccessSite>>>,
    /// Addresses of the instructions that were carried out.
    followed: FastMap<u64, ()>,
    /// Whether something outside got an address by which it could call the image's code.
    is_exposed: bool,
    /// The function that is followed.
    hook: u64,
    /// How many calls inside each other are followed, the hook's included; deeper ones are skipped.
    levels: usize,
    /// Last component of the name of the module that the hook is for.
    module_name: String,
    purpose: FollowPurpose,
    seen: FastMap<u64, Vec<PathState>>,
    worklist: Vec<PathState>,
    raising: Vec<PathState>,
    /// Paths on which something was thrown.
    thrown: Vec<PathState>,
    /// Paths whose module is settled.
    settled_paths: Vec<PathState>,
    /// Whether these are what is followed now.
    follows_settled: bool,
    /// Paths on which the import may succeed.
    pub(super) outcomes: Vec<PathOutcome>,
    /// What they make, when they are followed for that.
    pub(super) create_results: Vec<CreateResult>,
    /// What they return, when they are followed for that.
    returned: Vec<MachineValue>,
    /// What binds imports to libraries beside the file.
    pub(super) siblings: &'a dyn ImportResolver,
    /// What imports always return, as far as that was looked at.
    answers: FastMap<usize, Option<u64>>,
    /// Why paths were given up that might have counted.
    pub(super) abandoned: Vec<String>,
}

impl<'a, 'data, I: InstructionSet> PathExecutor<'a, 'data, I> {
    /// Prepares a run.
    pub(super) fn new(
        image: &'a BinaryImage<'data>,
        purpose: FollowPurpose,
        module_name: &str,
        interpreter: TargetInterpreter,
        limits: EvaluationLimits,
    ) -> PathExecutor<'a, 'data, I> {
        let convention = I::convention(image.format);
        PathExecutor {
            machine: SharedMachine::new(image, convention, interpreter, PathFuel::new(limits)),
            isa: I::default(),
            models: CallModels::default(),
            noreturn: NoReturn::default(),
            guard_calls: GuardCalls::default(),
            past_declarations: PastDeclarations::default(),
            landing_pads: FastMap::default(),
            blank: PathState::new(0, convention, PathMemory::default()).vectors,
            layout: Rc::new(DataLayout::of(image)),
            call_sites: FastMap::default(),
            declared: None,
            initialised: None,
            callbacks: FastMap::default(),
            handed_on: Vec::new(),
            writers: FastMap::default(),
            followed: FastMap::default(),
            is_exposed: false,
            hook: 0,
            levels: usize::MAX,
            module_name: module_name.to_owned(),
            purpose,
            seen: FastMap::default(),
            worklist: Vec::new(),
            raising: Vec::new(),
            thrown: Vec::new(),
            settled_paths: Vec::new(),
            follows_settled: false,
            outcomes: Vec::new(),
            create_results: Vec::new(),
            returned: Vec::new(),
            siblings: &NoSiblings,
            answers: FastMap::default(),
            abandoned: Vec::new(),
        }
    }

    fn explore_all(&mut self, hook: u64) {
        for turn in 1..=MOST_STARTS {
            self.machine.guards.begin(turn == MOST_STARTS);
            self.run(hook);
            if !self.machine.guards.begins_again() {
                return;
            }
            self.forget_paths();
        }
    }

    /// Follows every path from a hook, and calls that are nested in at most so many others; deeper ones are skipped.
    pub(super) fn explore(&mut self, hook: u64, levels: usize) {
        self.forget_paths();
        self.hook = hook;
        self.levels = levels;
        self.machine.fuel.refill(levels);
        self.explore_all(hook);
    }

    fn forget_paths(&mut self) {
        self.seen.clear();
        self.worklist.clear();
        self.raising.clear();
        self.thrown.clear();
        self.settled_paths.clear();
        self.outcomes.clear();
        self.create_results.clear();
        self.returned.clear();
        self.abandoned.clear();
    }

    fn run(&mut self, hook: u64) {
        let mut memory = PathMemory::new(Rc::clone(&self.layout), &self.machine.guards);
        // Both run after other code.
        if matches!(self.purpose, FollowPurpose::Create | FollowPurpose::Answer) {
            memory.give_up_image(self.machine.image);
        } else {
            memory.spoil(&self.initialised());
        }
        let mut state = PathState::new(hook, self.machine.convention, memory);
        I::enter(&mut self.machine, &mut state, END);
        self.worklist.push(state);
        while let Some(state) = self.next() {
            self.follow(state);
            if self.machine.guards.begins_again() {
                return;
            }
            if let Some(limit) = self.machine.fuel.exhausted() {
                self.abandon(limit);
                return;
            }
        }
        self.follow_settled();
    }

    /// What initialisers may have written when the hook begins.
    fn initialised(&mut self) -> Rc<Vec<(u64, u64)>> {
        if let Some(known) = &self.initialised {
            return Rc::clone(known);
        }
        let effects = self.initialisers();
        self.handed_on.extend(effects.names);
        let writes = Rc::new(effects.writes);
        self.initialised = Some(Rc::clone(&writes));
        writes
    }

    /// The path to follow next: innermost calls first, and within a function the one that is furthest behind, so that
    /// paths meet before they go on. Paths with an exception come last, those with one of C++ behind them.
    fn next(&mut self) -> Option<PathState> {
        let list = match (self.worklist.is_empty(), self.raising.is_empty()) {
            (false, _) => &mut self.worklist,
            (true, false) => &mut self.raising,
            (true, true) => &mut self.thrown,
        };
        let rank = |state: &PathState| (state.frames.len(), std::cmp::Reverse(state.pc));
        let best = list
            .iter()
            .enumerate()
            .max_by_key(|(_, state)| rank(state))
            .map(|(index, _)| index)?;
        Some(list.swap_remove(best))
    }

    fn abandon(&mut self, why: String) {
        if !self.follows_settled
            && self.abandoned.len() < MOST_REASONS
            && !self.abandoned.contains(&why)
        {
            self.abandoned.push(why);
        }
    }

    fn follow(&mut self, mut state: PathState) {
        while self.machine.fuel.has_steps() {
            self.machine.fuel.steps += 1;
            if state.pc == END {
                return self.finish(state);
            }
            let address = state.pc;
            self.followed.insert(address, ());
            let on = match self.isa.step(&mut self.machine, &mut state) {
                // A jump to itself never ends.
                InstructionSuccessor::Next(target) if target == address => return,
                InstructionSuccessor::Next(address) => {
                    state.pc = address;
                    true
                }
                InstructionSuccessor::Wait(next) => match self.wait(state, next) {
                    Some(waiting) => {
                        state = waiting;
                        true
                    }
                    None => return,
                },
                InstructionSuccessor::Fork(condition) => return self.fork(state, condition),
                InstructionSuccessor::Jump(target) => self.jump(&mut state, target),
                InstructionSuccessor::Call { target, return_to } => {
                    self.call(&mut state, target, return_to)
                }
                InstructionSuccessor::Return(target) => self.ret(&mut state, target),
                InstructionSuccessor::Dead => return,
                InstructionSuccessor::Stuck(why) => {
                    self.abandon(format!("{why} at {address:#x}"));
                    return;
                }
            };
            if !on || self.keep_settled(&state) {
                return;
            }
            let depth = self.machine.fuel.depth();
            if state.frames.len() > depth {
                self.abandon(format!("calls nest deeper than {depth} at {address:#x}"));
                return;
            }
            if state.memory.size() > MOST_PAGES {
                state.memory.give_up_heap();
            }
            if state.memory.size() > MOST_PAGES {
                self.abandon(format!(
                    "a path writes more than {MOST_PAGES} pages at {address:#x}"
                ));
                return;
            }
        }
    }

    fn finish(&mut self, mut state: PathState) {
        let value = state.register(self.machine.convention.result);
        state.pc = END;
        self.machine.note(&mut state, TraceEvent::Return { value });
        if state.exception_set && self.purpose != FollowPurpose::Answer
            || self.ends_as_settled(&state, value)
        {
            return;
        }
        match self.purpose {
            FollowPurpose::Hook(kind) => {
                let outcome = outcome::read(&self.machine, &state, value, kind);
                if let Some(object) = outcome.as_ref().and_then(|outcome| outcome.obscured) {
                    self.machine.guards.note_object(object);
                }
                let is_new = |outcome: &PathOutcome| {
                    !self.outcomes.iter().any(|other| other.agrees(outcome))
                };
                if self.outcomes.len() < MOST_REASONS {
                    self.outcomes.extend(outcome.filter(is_new));
                }
            }
            FollowPurpose::Create => {
                let made = create_slot::read(&self.machine, value)
                    .filter(|made| !self.create_results.contains(made));
                self.create_results.extend(made);
            }
            FollowPurpose::Answer if !self.returned.contains(&value) => self.returned.push(value),
            FollowPurpose::Answer => {}
        }
    }

    fn fork(&mut self, mut state: PathState, condition: BranchCondition) {
        self.machine.fuel.forks += 1;
        self.trim(&mut state);
        let Some(state) = self.merge_at_fork(state) else {
            return;
        };
        let other = state.clone();
        self.branch(other, condition, true);
        self.branch(state, condition.opposite(), false);
    }

    /// Goes on behind an instruction that waits for another thread. There is none, so what was here before in the same
    /// state waits forever: loops on a lock that is taken end here.
    fn wait(&mut self, mut state: PathState, next: u64) -> Option<PathState> {
        self.trim(&mut state);
        let mut state = self.merge_at_fork(state)?;
        state.pc = next;
        Some(state)
    }

    /// Drops what lies below the stack.
    fn trim(&self, state: &mut PathState) {
        if let Some(stack) = state
            .register(self.machine.convention.stack_pointer)
            .known()
            && region(stack) == MemoryRegion::Stack
        {
            state.memory.trim(stack);
        }
    }

    fn branch(&mut self, mut state: PathState, condition: BranchCondition, taken: bool) {
        if state.assume(condition, &self.machine.symbols) {
            state.pending_branch = Some(taken);
            self.machine.note(&mut state, TraceEvent::Branch { taken });
            self.enlist(state);
        }
    }

    fn enlist(&mut self, state: PathState) {
        if state.exception_set {
            self.raising.push(state)
        } else {
            self.worklist.push(state)
        }
    }

    /// Compares a path with those that were here before; `None` when nothing new would come of it.
    fn merge_at_fork(&mut self, mut state: PathState) -> Option<PathState> {
        let mut key = state.key(self.machine.convention);
        for _ in 0..4 {
            match self.seen.get(&key).and_then(|others| others.first()) {
                Some(other) if !same_place(other, &state) => key = hash_combine(key, 1),
                Some(_) | None => break,
            }
        }
        let others = self.seen.entry(key).or_default();
        others.retain(|other| same_place(other, &state));
        if others
            .iter()
            .any(|other| state.is_subsumed_by(other, self.machine.image, self.machine.convention))
        {
            return None;
        }
        if others.len() >= SEPARATE_PATHS
            && let Some(widest) = others.pop()
        {
            state.join(&widest, self.machine.image, self.machine.convention);
        }
        others.push(state.clone());
        Some(state)
    }
}

fn same_place(left: &PathState, right: &PathState) -> bool {
    left.pc == right.pc
        && left.exception_set == right.exception_set
        && left.modules == right.modules
        && left.frames.len() == right.frames.len()
        && left.frames.iter().zip(&right.frames).all(|(left, right)| {
            Rc::ptr_eq(left, right)
                || left.return_to == right.return_to && left.stack == right.stack
        })
}

#[cfg(test)]
pub(in crate::evaluator) mod tests;
