//! Compares the product with the truth: what CPython did with the GIL when it imported each module of pinned wheels.
//!
//! `cargo run --release --example truth -- --table FILE --wheels DIR [--platform P] [--explain TEXT]`
//!
//! Each file is judged as a scan does it (`judge.rs`). Prints the confusion matrix by platform, generator and wheel, the
//! rows that are wrong or unknown with the reason, the time that following the hook alone takes per module, and for which
//! build each file was compiled. The last line is `N right, N wrong, N unknown of N`; the exit code is 1 when a row is
//! wrong. `--explain` also prints the deciding path of the members whose path contains TEXT. A row without `wheel` names
//! a file below DIR.

mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use judge::{Answer, Row};
use ungil::binary::image::images;
use ungil::evaluator::{
    EvaluationLimits, HookEvaluation, InitFunction, NoSiblings, TargetInterpreter, evaluate,
};
use ungil::examine::SiblingLibraries;
use ungil::import;
use ungil::model::facts::{Flavour, HookKind};

/// How often each module is evaluated.
const RUNS: usize = 3;
/// What takes longer is measured by the time that the thread is on a processor, where the system tells.
const LONG: Duration = Duration::from_millis(2);
/// So much time of that kind is enough.
const ENOUGH: Duration = Duration::from_millis(60);
/// Most evaluations for that.
const MOST_RUNS: u32 = 60;

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    table: PathBuf,
    wheels: PathBuf,
    platform: Option<String>,
    explain: Option<String>,
}

/// What following the hook takes.
struct Cost {
    time: Duration,
    steps: u64,
    forks: u64,
    platform: String,
    member: String,
}

#[derive(Default)]
struct Tally {
    cells: BTreeMap<(String, String), usize>,
}

impl Tally {
    fn add(&mut self, truth: &str, answer: &str) {
        *self
            .cells
            .entry((truth.to_owned(), answer.to_owned()))
            .or_default() += 1;
    }

    fn print(&self, title: &str) {
        let cells: Vec<String> = self
            .cells
            .iter()
            .map(|((truth, answer), count)| format!("{truth} -> {answer}: {count}"))
            .collect();
        println!("{title:<28} {}", cells.join(", "));
    }
}

fn main() -> Result<ExitCode, Failure> {
    let arguments = arguments()?;
    let mut counts = Counts::default();
    for (wheel, rows) in &rows(&arguments)? {
        let path = arguments.wheels.join(wheel);
        if !path.exists() {
            println!("missing: {}", path.display());
            counts.skipped += rows.len();
            continue;
        }
        let archive = if wheel.is_empty() {
            Vec::new()
        } else {
            std::fs::read(&path)?
        };
        for row in rows {
            if row.truth == "unknown" {
                counts.skipped += 1;
                continue;
            }
            let bytes = match (&row.wheel, &row.file) {
                (Some(_), _) => unpack(&archive, &row.member)?,
                (None, file) => {
                    std::fs::read(arguments.wheels.join(file.as_ref().unwrap_or(&row.member)))?
                }
            };
            let answer = judge::judge(row, &bytes)?;
            explain(row, &answer, &bytes, &arguments);
            counts.costs.extend(cost(row, &answer, &bytes));
            counts.add(row, wheel, &answer);
        }
    }
    counts.print();
    Ok(if counts.wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The rows that are asked for, by wheel; files without one are under an empty name.
fn rows(arguments: &Arguments) -> Result<BTreeMap<String, Vec<Row>>, Failure> {
    let mut by_wheel: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in std::fs::read_to_string(&arguments.table)?.lines() {
        let row: Row = serde_json::from_str(line)?;
        if arguments
            .platform
            .as_ref()
            .is_none_or(|platform| *platform == row.platform)
        {
            by_wheel
                .entry(row.wheel.clone().unwrap_or_default())
                .or_default()
                .push(row);
        }
    }
    Ok(by_wheel)
}

/// How the answers compare.
#[derive(Default)]
struct Counts {
    /// By platform, by generator, by wheel.
    tallies: [BTreeMap<String, Tally>; 3],
    /// By the build that the file was compiled for.
    builds: Tally,
    costs: Vec<Cost>,
    right: usize,
    wrong: usize,
    unknown: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, row: &Row, wheel: &str, answer: &Answer) {
        self.builds.add(&row.truth, &build(row, answer));
        let generator = row.generator.clone().unwrap_or_else(|| "none".into());
        let keys = [
            row.platform.clone(),
            format!("{} {generator}", row.platform),
            wheel.to_owned(),
        ];
        for (tally, key) in self.tallies.iter_mut().zip(keys) {
            tally.entry(key).or_default().add(&row.truth, answer.word);
        }
        let (platform, member, truth) = (&row.platform, &row.member, &row.truth);
        match answer.word {
            word if word == row.truth => self.right += 1,
            "unknown" => {
                self.unknown += 1;
                println!(
                    "unknown: {platform} {member} (truth {truth}): {}",
                    answer.why
                );
            }
            word => {
                self.wrong += 1;
                println!(
                    "WRONG: {platform} {member}: truth {truth}, answer {word}: {}",
                    answer.why
                );
            }
        }
    }

    fn print(&mut self) {
        for (title, tally) in ["platform", "generator", "wheel"].iter().zip(&self.tallies) {
            println!("\nby {title}:");
            tally.iter().for_each(|(key, tally)| tally.print(key));
        }
        print_times(&mut self.costs);
        println!("\nby build:");
        self.builds
            .cells
            .iter()
            .for_each(|((truth, build), count)| println!("{truth:<14} {count:>5}  {build}"));
        println!(
            "{} rows skipped: without a truth, or their wheel is missing",
            self.skipped
        );
        let all = self.right + self.wrong + self.unknown;
        println!(
            "{} right, {} wrong, {} unknown of {all}",
            self.right, self.wrong, self.unknown
        );
    }
}

fn arguments() -> Result<Arguments, Failure> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        given.insert(word, value);
    }
    let mut take = |name: &str| given.remove(name);
    let arguments = Arguments {
        table: take("--table").ok_or("--table FILE is needed")?.into(),
        wheels: take("--wheels").ok_or("--wheels DIR is needed")?.into(),
        platform: take("--platform"),
        explain: take("--explain"),
    };
    match given.keys().next() {
        Some(other) => Err(format!("unknown argument {other}").into()),
        None => Ok(arguments),
    }
}

fn unpack(wheel: &[u8], member: &str) -> Result<Vec<u8>, Failure> {
    let archive = rawzip::ZipArchive::from_slice(wheel)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        if entry.file_path().as_ref() != member.as_bytes() {
            continue;
        }
        let method = entry.compression_method();
        let local = archive.get_entry(entry.wayfinder())?;
        let mut bytes = Vec::new();
        if method == rawzip::CompressionMethod::STORE {
            bytes.extend_from_slice(local.data());
        } else {
            flate2::read::DeflateDecoder::new(local.data()).read_to_end(&mut bytes)?;
        }
        return Ok(bytes);
    }
    Err(format!("{member} is not in the wheel").into())
}

/// Prints the deciding path of a member that is asked for.
fn explain(row: &Row, answer: &Answer, bytes: &[u8], arguments: &Arguments) {
    let wanted = arguments
        .explain
        .as_ref()
        .is_some_and(|text| row.member.contains(text));
    let Some(facts) = answer.facts.as_ref().filter(|_| wanted) else {
        return;
    };
    println!(
        "{} {}: {}, {}",
        row.platform, row.member, answer.word, answer.why
    );
    for explanation in ungil::examine::explain(facts, bytes, &SiblingLibraries::none()) {
        println!(" {} {}", explanation.architecture, explanation.hook);
        for step in &explanation.steps {
            let (symbol, value) = (
                step.symbol.as_deref().unwrap_or(""),
                step.value.as_deref().unwrap_or(""),
            );
            println!(
                "  {:#x} {} {symbol} {value}",
                step.address.unwrap_or(0),
                step.what
            );
        }
        println!(
            "  {} instructions, {} forks",
            explanation.instructions, explanation.branches
        );
    }
}

/// What it takes to follow the hook that the import system would look for, and the function in `Py_mod_create`.
fn cost(row: &Row, answer: &Answer, bytes: &[u8]) -> Option<Cost> {
    let facts = import::image_for(answer.facts.as_ref()?, judge::target(row).ok()?)?;
    let images = images(bytes).ok()?;
    let image = images
        .iter()
        .find(|image| image.architecture == facts.architecture)?;
    let module = judge::module_name(&row.member);
    let address = image.exports().get(&format!("PyInit_{module}")).copied()?;
    let flavour = facts.abi.value().map(|abi| abi.flavour);
    let free_threaded =
        flavour.is_none_or(|it| matches!(it, Flavour::FreeThreaded | Flavour::Abi3t));
    let context = TargetInterpreter {
        minor: judge::minor(row),
        free_threaded,
    };
    let init_function = InitFunction {
        address,
        kind: HookKind::Init,
        module,
        create: None,
    };
    let run = || {
        evaluate(
            image,
            init_function,
            context,
            EvaluationLimits::default(),
            &NoSiblings,
        )
    };
    let HookEvaluation { steps, forks, .. } = run();
    let time = measure(|| drop(run()));
    Some(Cost {
        time,
        steps,
        forks,
        platform: row.platform.clone(),
        member: row.member.clone(),
    })
}

/// How long something takes. On a machine with other work, the shortest of several times is the one that says most of
/// the program; what takes long is never left alone, and then the system's account of the thread says more, which grows
/// in steps of some milliseconds.
fn measure(run: impl Fn()) -> Duration {
    let clock = || {
        let started = Instant::now();
        run();
        started.elapsed()
    };
    let shortest = (0..RUNS).map(|_| clock()).min().unwrap_or_default();
    let (true, Some(before)) = (shortest >= LONG, on_processor()) else {
        return shortest;
    };
    let mut used = Duration::ZERO;
    let mut runs = 0;
    while used < ENOUGH && runs < MOST_RUNS {
        run();
        runs += 1;
        used = on_processor().unwrap_or_default().saturating_sub(before);
    }
    shortest.min(used / runs)
}

/// For how long this thread has been on a processor, where the system tells.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace()
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// For which build the facts say that the file was compiled, and the answer.
fn build(row: &Row, answer: &Answer) -> String {
    let image = answer.facts.as_ref().zip(judge::target(row).ok());
    let Some(image) = image.and_then(|(facts, target)| import::image_for(facts, target)) else {
        return "no image".to_owned();
    };
    let flavour = image.abi.value().map_or_else(
        || "unknown build".to_owned(),
        |abi| format!("{:?}", abi.flavour),
    );
    format!("{flavour}: {}", answer.word)
}

fn print_times(costs: &mut [Cost]) {
    costs.sort_by_key(|cost| cost.time);
    let long = match on_processor() {
        Some(_) => {
            format!("; from {LONG:?} on the thread's time on a processor, the mean of several")
        }
        None => String::new(),
    };
    println!(
        "\ntime of evaluation alone, the shortest of {RUNS} runs of each module by the clock{long}:"
    );
    let platforms: BTreeSet<&str> = costs.iter().map(|cost| cost.platform.as_str()).collect();
    for platform in platforms {
        let of_platform = costs.iter().filter(|cost| cost.platform == platform);
        print_shares(
            platform,
            &of_platform.map(|cost| cost.time).collect::<Vec<_>>(),
        );
    }
    print_shares(
        "all",
        &costs.iter().map(|cost| cost.time).collect::<Vec<_>>(),
    );
    for cost in costs.iter().rev().take(12) {
        let Cost {
            time,
            steps,
            forks,
            platform,
            member,
        } = cost;
        println!("  {time:?} for {steps} instructions, {forks} forks: {platform} {member}");
    }
}

/// Prints the median, the 99th percentile and the end of a sorted list of times.
fn print_shares(title: &str, times: &[Duration]) {
    let at = |part: f64| {
        times.get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)))
    };
    let (Some(median), Some(high), Some(longest)) = (at(0.5), at(0.99), times.last()) else {
        return;
    };
    let (count, sum) = (times.len(), times.iter().sum::<Duration>());
    println!(
        "{title:<28} {count} modules: median {median:?}, 99th percentile {high:?}, longest {longest:?}, sum {sum:?}"
    );
}
