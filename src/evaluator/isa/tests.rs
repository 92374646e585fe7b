//! Single instructions against what a processor did: result, memory and every condition.
//!
//! A row is an instruction, the state before it and what it changed. The evaluator carries it out with everything known,
//! and then with parts of the state hidden: what it then says that it knows must still be what the processor found.
//! Unknown is allowed, wrong is not. `fixtures/instructions/README.md` tells where rows come from.

mod arm64;
mod call_sites;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod host;
mod state;
mod x86;

use self::state::{Cpu, Difference, Part};
use crate::binary::image::{BinaryImage, images};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::fuel::{EvaluationLimits, PathFuel};
use crate::evaluator::cpu::machine::{SharedMachine, TargetInterpreter};
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::HEAP;

/// Where the instruction lies.
const CODE: u64 = 0x1000_0000;
/// How far a branch of a row leads.
const TAKEN: u64 = 0x20;
/// Where the memory of a row begins, and its words of eight bytes.
const MEMORY: u64 = HEAP;
const WORDS: usize = 16;

/// Small random numbers: <https://prng.di.unimi.it/splitmix64.c>
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number on which arithmetic is likely to stumble.
    fn number(&mut self) -> u64 {
        const EDGES: [u64; 20] = [
            0,
            1,
            2,
            3,
            5,
            0x7f,
            0x80,
            0xff,
            0x100,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0x1_0000_0000,
            0x7fff_ffff_ffff_ffff,
            0x8000_0000_0000_0000,
            u64::MAX,
            0x1234_5678_9abc_def0,
        ];
        match self.below(4) {
            0 => self.next(),
            1 => self.next() >> 32,
            _ => EDGES[self.below(EDGES.len() as u64) as usize],
        }
    }
}

/// The image that the machine stands on: no row reads it.
fn image() -> BinaryImage<'static> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binary/built/elf-x86_64-room.so");
    let bytes: &'static [u8] = std::fs::read(path).unwrap().leak();
    images(bytes).unwrap().remove(0)
}

/// The rows in the repository.
fn rows(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/instructions");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// What was counted.
#[derive(Clone, Debug, Default)]
struct Tally {
    rows: u64,
    /// States that were compared: every row once as it is and several times with hidden parts.
    states: u64,
    stuck: std::collections::BTreeMap<String, u64>,
    wrong: Vec<String>,
}

impl Tally {
    fn finish(self, what: &str) {
        println!(
            "{what}: {} rows, {} states, {} wrong; not followed: {:?}",
            self.rows,
            self.states,
            self.wrong.len(),
            self.stuck
        );
        let shown = self
            .wrong
            .iter()
            .take(60)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            self.wrong.is_empty(),
            "{what}: {} wrong of {} rows\n{shown}",
            self.wrong.len(),
            self.rows
        );
        assert!(self.rows > 0, "{what}: no row");
    }
}

/// An instruction and what a processor did.
#[derive(Clone, Debug)]
struct Row {
    text: String,
    /// Bytes of code: a row of two instructions is carried out to its end.
    length: u64,
    before: Cpu,
    after: Cpu,
    /// Letters of the flags that the architecture leaves undefined.
    undefined: String,
    /// Whether C is clear where a subtraction borrows.
    inverts_carry: bool,
}

struct Bench {
    machine: SharedMachine<'static, 'static>,
    convention: &'static CallingConvention,
}

impl Bench {
    fn new(convention: &'static CallingConvention) -> Bench {
        let image: &'static BinaryImage<'static> = Box::leak(Box::new(image()));
        let interpreter = TargetInterpreter {
            minor: 14,
            free_threaded: false,
        };
        let fuel = PathFuel::new(EvaluationLimits::default());
        Bench {
            machine: SharedMachine::new(image, convention, interpreter, fuel),
            convention,
        }
    }

    /// Carries out an instruction both ways where it forks; `None` when it cannot be followed.
    fn run(
        &mut self,
        row: &Row,
        hidden: &[Part],
        step: &mut impl FnMut(&mut SharedMachine, &mut PathState) -> InstructionSuccessor,
    ) -> Result<Vec<(PathState, bool)>, String> {
        let state = row.before.state(
            &mut self.machine,
            self.convention,
            row.inverts_carry,
            hidden,
        );
        let mut found = Vec::new();
        let mut waiting = vec![state];
        while let Some(mut state) = waiting.pop() {
            match step(&mut self.machine, &mut state) {
                InstructionSuccessor::Next(address)
                    if address > CODE && address < CODE + row.length =>
                {
                    state.pc = address;
                    waiting.push(state);
                }
                InstructionSuccessor::Next(address) | InstructionSuccessor::Wait(address) => {
                    found.push((state, address == CODE + TAKEN))
                }
                InstructionSuccessor::Fork(condition) => {
                    for (condition, taken) in [(condition, true), (condition.opposite(), false)] {
                        let mut way = state.clone();
                        if way.assume(condition, &self.machine.symbols) {
                            way.pending_branch = Some(taken);
                            waiting.push(way);
                        }
                    }
                }
                InstructionSuccessor::Stuck(why) => return Err(why),
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(found)
    }

    fn compare(
        &mut self,
        row: &Row,
        tally: &mut Tally,
        hidden: &[Part],
        step: &mut impl FnMut(&mut SharedMachine, &mut PathState) -> InstructionSuccessor,
    ) {
        tally.states += 1;
        let ways = match self.run(row, hidden, step) {
            Ok(ways) => ways,
            Err(_) => {
                let name = row
                    .text
                    .split_once(' ')
                    .map_or(row.text.as_str(), |(name, _)| name);
                *tally.stuck.entry(name.to_owned()).or_default() += 1;
                return;
            }
        };
        let differences: Vec<Vec<Difference>> = ways
            .iter()
            .map(|(state, taken)| row.differences(&self.machine, state, *taken))
            .collect();
        if !differences.iter().any(Vec::is_empty) && tally.wrong.len() < 5_000 {
            let found = differences.into_iter().next();
            tally.wrong.push(format!(
                "{} [hidden {hidden:?}]\n    {}\n    {found:?}",
                row.text, row.before
            ));
        }
    }

    /// The row as it is, and with parts of it hidden.
    fn check(
        &mut self,
        row: &Row,
        tally: &mut Tally,
        random: &mut Random,
        mut step: impl FnMut(&mut SharedMachine, &mut PathState) -> InstructionSuccessor,
    ) {
        tally.rows += 1;
        self.compare(row, tally, &[], &mut step);
        let parts = row.before.parts();
        self.compare(row, tally, &parts, &mut step);
        for _ in 0..2 {
            let some: Vec<Part> = parts
                .iter()
                .copied()
                .filter(|_| random.below(3) == 0)
                .collect();
            self.compare(row, tally, &some, &mut step);
        }
        if let Some(&part) = parts.get(random.below(parts.len().max(1) as u64) as usize) {
            self.compare(row, tally, &[part.named()], &mut step);
        }
    }
}
