//! The work list: follows paths, forks them at branches on unknowns, takes them together where they meet too often,
//! and stops at the limits.
//!
//! Two paths that arrive at one fork with the same call stack and the same modules are compared: what is covered by an
//! earlier one is dropped, and once a fork has seen a few, later ones are joined into one that covers all of them. So
//! the work is proportional to the code that is reached, not to the number of paths through it.

mod access;
mod calls;
mod runtime;
mod settled;
mod static_guards;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::binary::image::Image;
use crate::evaluator::cpu::flags::Condition;
use crate::evaluator::cpu::state::{END, FastHasher, State, hash_combine};
use crate::evaluator::create_slot::{self, CreateResult};
use crate::evaluator::definition::{self, Outcome};
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa::convention::Convention;
use crate::evaluator::isa::{arm64, x86};
use crate::evaluator::trace::{Trace, TraceEvent};
use crate::evaluator::values::symbol::Symbols;
use crate::evaluator::values::value::{Region, Value, region};
use crate::evaluator::{Context, Limits};
use crate::model::facts::HookKind;

/// What stack protectors compare with: any number would do.
pub(super) const CANARY: u64 = 0x00c0_ffee_1234_5600;
/// The function that declares a single-phase module.
const DECLARATION: &str = "PyUnstable_Module_SetGIL";
/// Paths that one fork sees one by one before it joins them.
const SEPARATE_PATHS: usize = 2;
/// How often a run begins again because it met a guard of one-time initialisation that it had lost sight of.
const MOST_STARTS: usize = 6;
/// What part of the limits holds where outer calls alone are followed.
const SHARE_OF_OUTER: u64 = 8;
/// How many units of eight bytes are handled at once for what one instruction costs.
const UNITS: u64 = 8;
/// Most reasons that are kept.
const MOST_REASONS: usize = 8;
/// Pages that one path may write.
const MOST_PAGES: usize = 512;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// How an instruction goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Successor {
    /// With the instruction at this address.
    Next(u64),
    /// Anywhere: a jump to a computed address.
    Jump(Value),
    /// Into a call.
    Call { target: Value, return_to: u64 },
    /// Back to the caller, to this address.
    Return(Value),
    /// Both ways: the condition depends on unknowns.
    Fork(Condition),
    /// With the instruction at this address, after something that only another thread can bring about.
    Wait(u64),
    /// Nowhere: the instruction traps.
    Dead,
    /// Unknown how: the instruction cannot be followed.
    Stuck(String),
}

/// What a function is followed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is a hook, or a function that a hook hands over to.
    Hook(HookKind),
    /// It makes the object, with what the slot `Py_mod_create` is called with.
    Create,
}

/// What the paths of one run share.
pub(super) struct Executor<'a, 'data> {
    pub(super) image: &'a Image<'data>,
    pub(super) convention: &'static Convention,
    pub(super) context: Context,
    pub(super) symbols: Symbols,
    /// Models of the imports that were called so far.
    pub(super) models: Map<usize, Option<CallModel>>,
    pub(super) code: Map<u64, iced_x86::Instruction>,
    pub(super) arm_code: Map<u64, yaxpeax_arm::armv8::a64::Instruction>,
    pub(super) trace: Trace,
    /// Functions of which is known whether they may return.
    pub(super) returning: Map<u64, bool>,
    /// Instructions looked at for that.
    pub(super) surveyed: u64,
    blank: std::rc::Rc<crate::evaluator::cpu::state::Vectors>,
    /// What is known of the image's data from the start.
    layout: std::rc::Rc<crate::evaluator::memory::Layout>,
    allocation_ids: Map<(u64, u64, u64), u64>,
    /// Functions of the C++ run time that are part of the image, by address, once looked for.
    runtime: Option<Map<u64, CallModel>>,
    /// The places in the code that can declare what a module does with the GIL, once looked for.
    declarations: Option<Vec<u64>>,
    /// What all of them declare, if it is the same constant, once looked for.
    declared: Option<Option<u64>>,
    /// Words with guards of one-time initialisation that were met, sorted.
    guards: Vec<u64>,
    /// Objects that paths ended with, as (start, end), sorted.
    objects: Vec<(u64, u64)>,
    /// Whether a guard was met whose state was not known, though nothing but the run time ever changes it.
    begins_again: bool,
    /// How often the run has begun.
    starts: usize,
    /// How many calls inside each other are followed, the hook's included; deeper ones are skipped.
    levels: usize,
    /// Last component of the name of the module that the hook is for.
    module_name: String,
    given: Limits,
    /// Those of this way of following.
    limits: Limits,
    pub(super) purpose: Purpose,
    seen: Map<u64, Vec<State>>,
    worklist: Vec<State>,
    raising: Vec<State>,
    /// Paths on which the import may succeed.
    pub(super) outcomes: Vec<Outcome>,
    /// What they make, when they are followed for that.
    pub(super) create_results: Vec<CreateResult>,
    /// Why paths were given up that might have counted.
    pub(super) abandoned: Vec<String>,
    /// Instructions executed.
    pub(super) steps: u64,
    /// Paths forked.
    pub(super) forks: u64,
}

impl<'a, 'data> Executor<'a, 'data> {
    /// Prepares a run.
    pub(super) fn new(
        image: &'a Image<'data>,
        convention: &'static Convention,
        purpose: Purpose,
        module_name: &str,
        context: Context,
        limits: Limits,
    ) -> Executor<'a, 'data> {
        Executor {
            image,
            convention,
            context,
            symbols: Symbols::default(),
            models: Map::default(),
            code: Map::default(),
            arm_code: Map::default(),
            trace: Trace::default(),
            returning: Map::default(),
            surveyed: 0,
            blank: State::new(0, convention, crate::evaluator::memory::Memory::default()).vectors,
            layout: std::rc::Rc::new(crate::evaluator::memory::Layout::of(image)),
            allocation_ids: Map::default(),
            runtime: None,
            declarations: None,
            declared: None,
            guards: Vec::new(),
            objects: Vec::new(),
            begins_again: false,
            starts: 0,
            levels: usize::MAX,
            module_name: module_name.to_owned(),
            given: limits,
            limits,
            purpose,
            seen: Map::default(),
            worklist: Vec::new(),
            raising: Vec::new(),
            outcomes: Vec::new(),
            create_results: Vec::new(),
            abandoned: Vec::new(),
            steps: 0,
            forks: 0,
        }
    }

    fn explore_all(&mut self, hook: u64) {
        for turn in 1..=MOST_STARTS {
            self.starts = turn;
            self.run(hook);
            if !std::mem::take(&mut self.begins_again) {
                return;
            }
            self.forget_paths();
        }
    }

    /// Follows every path from a hook, and calls that are nested in at most so many others; deeper ones are skipped.
    pub(super) fn explore(&mut self, hook: u64, levels: usize) {
        self.forget_paths();
        self.levels = levels;
        // What sees outer calls alone is cheap where it helps, and must not add much where it does not.
        let share = if levels == usize::MAX { 1 } else { SHARE_OF_OUTER };
        self.limits = Limits { steps: self.given.steps / share, forks: self.given.forks / share, ..self.given };
        (self.steps, self.forks) = (0, 0);
        self.explore_all(hook);
    }

    fn forget_paths(&mut self) {
        self.seen.clear();
        self.worklist.clear();
        self.raising.clear();
        self.outcomes.clear();
        self.create_results.clear();
        self.abandoned.clear();
    }

    fn run(&mut self, hook: u64) {
        let layout = std::rc::Rc::clone(&self.layout);
        let mut memory = crate::evaluator::memory::Memory::new(layout, self.guards.clone(), self.objects.clone());
        if self.purpose == Purpose::Create {
            memory.give_up_image(self.image);
        }
        let mut state = State::new(hook, self.convention, memory);
        let stack = state.register(self.convention.stack_pointer);
        match self.convention.link {
            Some(link) => {
                state.push_frame(END, stack.known().unwrap_or_default());
                state.set_register(link, Value::Known(END));
            }
            None => self.push_return(&mut state, END),
        }
        self.worklist.push(state);
        while let Some(state) = self.next() {
            self.follow(state);
            if self.begins_again {
                return;
            }
            if let Some(limit) = self.exhausted() {
                self.abandon(limit);
                return;
            }
        }
    }

    /// The path to follow next: innermost calls first, and within a function the one that is furthest behind, so that
    /// paths meet before they go on. Paths with an exception come last.
    fn next(&mut self) -> Option<State> {
        let list = if self.worklist.is_empty() { &mut self.raising } else { &mut self.worklist };
        let rank = |state: &State| (state.frames.len(), std::cmp::Reverse(state.pc));
        let best = list.iter().enumerate().max_by_key(|(_, state)| rank(state)).map(|(index, _)| index)?;
        Some(list.swap_remove(best))
    }

    fn exhausted(&self) -> Option<String> {
        if self.steps >= self.limits.steps {
            return Some(format!("the limit of {} instructions was reached", self.limits.steps));
        }
        (self.forks >= self.limits.forks)
            .then(|| format!("the limit of {} branches on unknowns was reached", self.limits.forks))
    }

    fn abandon(&mut self, why: String) {
        if self.abandoned.len() < MOST_REASONS && !self.abandoned.contains(&why) {
            self.abandoned.push(why);
        }
    }

    fn follow(&mut self, mut state: State) {
        while self.steps < self.limits.steps {
            self.steps += 1;
            if state.pc == END {
                return self.finish(state);
            }
            let address = state.pc;
            let flow = match self.convention.link {
                Some(_) => arm64::step(self, &mut state),
                None => x86::step(self, &mut state),
            };
            let on = match flow {
                // A jump to itself never ends.
                Successor::Next(target) if target == address => return,
                Successor::Next(address) => {
                    state.pc = address;
                    true
                }
                Successor::Wait(next) => match self.wait(state, next) {
                    Some(waiting) => {
                        state = waiting;
                        true
                    }
                    None => return,
                },
                Successor::Fork(condition) => return self.fork(state, condition),
                Successor::Jump(target) => self.jump(&mut state, target),
                Successor::Call { target, return_to } => self.call(&mut state, target, return_to),
                Successor::Return(target) => self.ret(&mut state, target),
                Successor::Dead => return,
                Successor::Stuck(why) => {
                    self.abandon(format!("{why} at {address:#x}"));
                    return;
                }
            };
            if !on {
                return;
            }
            if state.frames.len() > self.limits.depth {
                self.abandon(format!("calls nest deeper than {} at {address:#x}", self.limits.depth));
                return;
            }
            if state.memory.size() > MOST_PAGES {
                state.memory.give_up_heap();
            }
            if state.memory.size() > MOST_PAGES {
                self.abandon(format!("a path writes more than {MOST_PAGES} pages at {address:#x}"));
                return;
            }
        }
    }

    fn finish(&mut self, mut state: State) {
        let value = state.register(self.convention.result);
        state.pc = END;
        self.note(&mut state, TraceEvent::Return { value });
        if state.exception_set {
            return;
        }
        match self.purpose {
            Purpose::Hook(kind) => {
                let outcome = definition::read(self, &state, value, kind);
                let is_new = |outcome: &Outcome| !self.outcomes.iter().any(|other| other.agrees(outcome));
                if self.outcomes.len() < MOST_REASONS {
                    self.outcomes.extend(outcome.filter(is_new));
                }
            }
            Purpose::Create => {
                let made = create_slot::read(self, value).filter(|made| !self.create_results.contains(made));
                self.create_results.extend(made);
            }
        }
    }

    /// Goes on behind an instruction that waits for another thread. There is none, so what was here before in the same
    /// state waits forever: loops on a lock that is taken end here.
    fn wait(&mut self, mut state: State, next: u64) -> Option<State> {
        self.trim(&mut state);
        let mut state = self.merge_at_fork(state)?;
        state.pc = next;
        Some(state)
    }

    fn fork(&mut self, mut state: State, condition: Condition) {
        self.forks += 1;
        self.trim(&mut state);
        let Some(state) = self.merge_at_fork(state) else { return };
        let other = state.clone();
        self.branch(other, condition, true);
        self.branch(state, condition.opposite(), false);
    }

    /// Drops what lies below the stack.
    fn trim(&self, state: &mut State) {
        if let Some(stack) = state.register(self.convention.stack_pointer).known()
            && region(stack) == Region::Stack
        {
            state.memory.trim(stack);
        }
    }

    fn branch(&mut self, mut state: State, condition: Condition, taken: bool) {
        if state.assume(condition, &self.symbols) {
            state.pending_branch = Some(taken);
            self.note(&mut state, TraceEvent::Branch { taken });
            self.enlist(state);
        }
    }

    fn enlist(&mut self, state: State) {
        if state.exception_set { self.raising.push(state) } else { self.worklist.push(state) }
    }

    /// Compares a path with those that were here before; `None` when nothing new would come of it.
    fn merge_at_fork(&mut self, mut state: State) -> Option<State> {
        let mut key = state.key(self.convention);
        for _ in 0..4 {
            match self.seen.get(&key).and_then(|others| others.first()) {
                Some(other) if !same_place(other, &state) => key = hash_combine(key, 1),
                Some(_) | None => break,
            }
        }
        let others = self.seen.entry(key).or_default();
        others.retain(|other| same_place(other, &state));
        if others.iter().any(|other| state.is_subsumed_by(other, self.image, self.convention)) {
            return None;
        }
        if others.len() >= SEPARATE_PATHS
            && let Some(widest) = others.pop()
        {
            state.join(&widest, self.image, self.convention);
        }
        others.push(state.clone());
        Some(state)
    }

    /// The answer to a condition; `None` when both ways are open, and then the instruction gives [`Successor::Fork`].
    pub(super) fn ask(&self, state: &mut State, condition: Condition) -> Option<bool> {
        state.pending_branch.take().or_else(|| state.decide(condition, &self.symbols))
    }

    /// Counts work on memory that one instruction or call causes: so many bytes.
    pub(super) fn consume_fuel(&mut self, bytes: u64) {
        let most = self.limits.steps.max(self.steps);
        self.steps = self.steps.saturating_add(bytes / (8 * UNITS)).min(most);
    }

    /// Notes a step of a path.
    pub(super) fn note(&mut self, state: &mut State, what: TraceEvent) {
        state.trace = self.trace.push(state.trace, state.pc, what);
    }
}

fn same_place(left: &State, right: &State) -> bool {
    left.pc == right.pc
        && left.exception_set == right.exception_set
        && left.modules == right.modules
        && left.frames.len() == right.frames.len()
        && left.frames.iter().zip(&right.frames).all(|(left, right)| {
            std::rc::Rc::ptr_eq(left, right) || left.return_to == right.return_to && left.stack == right.stack
        })
}
