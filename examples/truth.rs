//! Compares the evaluator with the truth: what CPython did with the GIL when it imported each module of pinned wheels.
//!
//! `cargo run --release --example truth -- --table FILE --wheels DIR [--platform P] [--explain TEXT]`
//!
//! Prints the confusion matrix by platform, generator and wheel, the rows that are wrong or unknown with the reason, and
//! the time that evaluation alone takes per module; then for which build each file was compiled, by its facts, and what
//! a free-threaded interpreter would do with it under a name that it looks for. The last line is
//! `N right, N wrong, N unknown of N`; the exit code is 1 when a row is wrong. `--explain` also prints the deciding path of the members whose path contains TEXT.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ungil::binary::image::{Image, images};
use ungil::evaluator::{Evaluation, EvaluationLimits, InitFunction, NoSiblings, TargetInterpreter, evaluate};
use ungil::import;
use ungil::model::facts::{Declaration, Fact, HookKind};
use ungil::model::target::Target;

/// How often each module is evaluated.
const RUNS: usize = 3;
/// What takes longer is measured by the time that the thread is on a processor, where the system tells.
const LONG: Duration = Duration::from_millis(2);
/// So much time of that kind is enough.
const ENOUGH: Duration = Duration::from_millis(60);
/// Most evaluations for that.
const MOST_RUNS: u32 = 60;

type Failure = Box<dyn std::error::Error>;

/// A row of the table.
#[derive(serde::Deserialize)]
struct Row {
    wheel: String,
    platform: String,
    member: String,
    truth: String,
    generator: Option<String>,
}

struct Arguments {
    table: PathBuf,
    wheels: PathBuf,
    platform: Option<String>,
    explain: Option<String>,
}

/// What the evaluator makes of a row.
struct RowResult {
    word: String,
    why: String,
    time: Option<Duration>,
    steps: u64,
    forks: u64,
}

#[derive(Default)]
struct Tally {
    cells: BTreeMap<(String, String), usize>,
}

impl Tally {
    fn add(&mut self, truth: &str, answer: &str) {
        *self.cells.entry((truth.to_owned(), answer.to_owned())).or_default() += 1;
    }

    fn print(&self, title: &str) {
        let cells: Vec<String> =
            self.cells.iter().map(|((truth, answer), count)| format!("{truth} -> {answer}: {count}")).collect();
        println!("{title:<28} {}", cells.join(", "));
    }
}

fn main() -> Result<ExitCode, Failure> {
    let arguments = arguments()?;
    let mut by_wheel: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in std::fs::read_to_string(&arguments.table)?.lines() {
        let row: Row = serde_json::from_str(line)?;
        if arguments.platform.as_ref().is_none_or(|platform| *platform == row.platform) {
            by_wheel.entry(row.wheel.clone()).or_default().push(row);
        }
    }
    let mut tallies: [BTreeMap<String, Tally>; 3] = Default::default();
    let mut times = Vec::new();
    let (mut right, mut wrong, mut unknown, mut skipped) = (0, 0, 0, 0);
    let mut builds = Tally::default();
    for (wheel, rows) in &by_wheel {
        let path = arguments.wheels.join(wheel);
        let Ok(bytes) = std::fs::read(&path) else {
            println!("missing: {}", path.display());
            skipped += rows.len();
            continue;
        };
        for row in rows {
            if row.truth == "unknown" {
                skipped += 1;
                continue;
            }
            let member = unpack(&bytes, &row.member)?;
            let answer = judge(row, &member, &arguments)?;
            builds.add(&row.truth, &build(row, &member)?);
            let keys = [row.platform.clone(), row.generator.clone().unwrap_or_else(|| "none".into()), wheel.clone()];
            for (tally, key) in tallies.iter_mut().zip(keys) {
                tally.entry(key).or_default().add(&row.truth, &answer.word);
            }
            if let Some(time) = answer.time {
                times.push((time, answer.steps, answer.forks, row.platform.clone(), row.member.clone()));
            }
            if answer.word == row.truth {
                right += 1;
            } else if answer.word == "unknown" {
                unknown += 1;
                println!("unknown: {} {} (truth {}): {}", row.platform, row.member, row.truth, answer.why);
            } else {
                wrong += 1;
                println!(
                    "WRONG: {} {}: truth {}, answer {}: {}",
                    row.platform, row.member, row.truth, answer.word, answer.why
                );
            }
        }
    }
    for (title, tally) in ["platform", "generator", "wheel"].iter().zip(&tallies) {
        println!("\nby {title}:");
        tally.iter().for_each(|(key, tally)| tally.print(key));
    }
    print_times(times);
    println!("\nby build:");
    builds.cells.iter().for_each(|((truth, build), count)| println!("{truth:<14} {count:>5}  {build}"));
    println!("{skipped} rows skipped: without a truth, or their wheel is missing");
    println!("{right} right, {wrong} wrong, {unknown} unknown of {}", right + wrong + unknown);
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> Result<Arguments, Failure> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
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

fn judge(row: &Row, member: &[u8], arguments: &Arguments) -> Result<RowResult, Failure> {
    let plain = |word: &str, why: String| RowResult { word: word.into(), why, time: None, steps: 0, forks: 0 };
    let images = match images(member) {
        Ok(images) => images,
        Err(error) => return Ok(plain("unknown", error.to_string())),
    };
    let wanted = match row.platform.as_str() {
        "macos_arm64" => "aarch64",
        "macos_x86_64" => "x86_64",
        _ => "",
    };
    let Some(image) = images.iter().find(|image| wanted.is_empty() || image.architecture == wanted) else {
        return Ok(plain("unknown", "no image for the architecture".into()));
    };
    let Some(hook) = hook(image, &row.member) else { return Ok(plain("not_a_module", "no hook".into())) };
    let free_threaded = free_threaded(row, image);
    let context = TargetInterpreter { minor: minor(row), free_threaded };
    let made = name(&row.member);
    let init_function = InitFunction { address: hook, kind: HookKind::Init, module: &made, create: None };
    let run = || evaluate(image, init_function, context, EvaluationLimits::default(), &NoSiblings);
    let evaluation = run();
    let time = measure(|| drop(run()));
    if arguments.explain.as_ref().is_some_and(|text| row.member.contains(text)) {
        println!("{} {}:", row.platform, row.member);
        for step in &evaluation.trace {
            println!(
                "  {:#x} {} {} {}",
                step.address.unwrap_or(0),
                step.what,
                step.symbol.as_deref().unwrap_or(""),
                step.value.as_deref().unwrap_or("")
            );
        }
        println!("  {:?} {:?}", evaluation.facts.init.value(), evaluation.facts.gil);
        println!(
            "  slots {:?} name {:?} steps {} forks {}",
            evaluation.facts.slots.value(),
            evaluation.name.value(),
            evaluation.steps,
            evaluation.forks
        );
    }
    let (word, why) = word(&evaluation, free_threaded);
    Ok(RowResult { word, why, time: Some(time), steps: evaluation.steps, forks: evaluation.forks })
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
    let (true, Some(before)) = (shortest >= LONG, on_processor()) else { return shortest };
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
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// For which build the facts say that the file was compiled, and what a free-threaded 3.13 does with it when its name is
/// one that every interpreter looks for.
fn build(row: &Row, member: &[u8]) -> Result<String, Failure> {
    let Some(mut facts) = ungil::examine::read(&row.member, member)? else { return Ok("no object file".into()) };
    let (platform, suffix) = match row.platform.as_str() {
        "macos_arm64" => ("macos-arm64", "so"),
        "win_amd64" => ("windows-amd64", "pyd"),
        _ => ("linux-x86_64", "so"),
    };
    let target = Target { python: "3.13t".parse()?, platform: platform.parse()? };
    let abi = import::image_for(&facts, target).and_then(|image| image.abi.value());
    let flavour = abi.map_or_else(|| "unknown build".to_owned(), |abi| format!("{:?}", abi.flavour));
    let stem = facts.path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
    let folder = facts.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    facts.path = format!("{folder}/{stem}.{suffix}").trim_start_matches('/').to_owned();
    let outcome = import::outcomes(std::slice::from_ref(&facts), target).pop();
    Ok(match outcome {
        Some(outcome) => format!("{flavour}: {:?}", outcome.gil),
        None => "no module".to_owned(),
    })
}

/// The hook that the import system would look for.
fn hook(image: &Image, member: &str) -> Option<u64> {
    image.exports().get(&format!("PyInit_{}", name(member))).copied()
}

/// Last component of the module's name.
fn name(member: &str) -> String {
    let path = Path::new(member);
    let stem = path.file_name().and_then(|file| file.to_str()?.split('.').next()).unwrap_or_default();
    let package = path.parent().and_then(|parent| parent.file_name()?.to_str()).unwrap_or_default();
    (if stem == "__init__" { package } else { stem }).to_owned()
}

/// The version of CPython that the wheel was built for: 13, unless its tags say 14 or newer.
fn minor(row: &Row) -> u8 {
    let mut tags = row.wheel.split('-').filter_map(|part| part.strip_prefix("cp3")?.strip_suffix('t')?.parse().ok());
    tags.next_back().unwrap_or(13)
}

/// Which build's object layout the file was compiled for.
fn free_threaded(row: &Row, image: &Image) -> bool {
    const PROOFS: [&str; 5] = [
        "_Py_DecRefShared",
        "_Py_DecRefSharedDebug",
        "_Py_MergeZeroLocalRefcount",
        "_Py_GetThreadLocal_Addr",
        "PyUnstable_Module_SetGIL",
    ];
    PROOFS.iter().any(|name| image.import_named(name).is_some())
        || row.wheel.contains(&format!("-cp3{}t-", minor(row))) && !row.member.contains(".abi3.")
}

fn word(evaluation: &Evaluation, free_threaded: bool) -> (String, String) {
    if evaluation.fails {
        return ("not_a_module".into(), "every path fails".into());
    }
    match &evaluation.facts.gil {
        Fact::Known { .. } if !free_threaded => ("gil_abi".into(), "compiled for the build with the GIL".into()),
        Fact::Known { value: Declaration::Slot { value } | Declaration::SetGil { value }, .. } => {
            let word = if *value == 0 { "gil_used" } else { "gil_not_used" };
            (word.into(), format!("declared {value}"))
        }
        Fact::Known { value: Declaration::Absent, .. } => ("gil_used".into(), "nothing declared".into()),
        Fact::Known { value: Declaration::NotAModule, .. } => ("gil_used".into(), "no module is made".into()),
        Fact::Known { value: Declaration::Delegated { to }, .. } => ("unknown".into(), format!("delegated to {to}")),
        Fact::Unknown { why, .. } => ("unknown".into(), why.clone()),
    }
}

fn print_times(mut times: Vec<(Duration, u64, u64, String, String)>) {
    times.sort();
    let long = match on_processor() {
        Some(_) => format!("; from {LONG:?} on the thread's time on a processor, the mean of several"),
        None => String::new(),
    };
    println!("\ntime of evaluation alone, the shortest of {RUNS} runs of each module by the clock{long}:");
    let platforms: std::collections::BTreeSet<&str> = times.iter().map(|(.., platform, _)| platform.as_str()).collect();
    for platform in platforms {
        let of_platform: Vec<Duration> =
            times.iter().filter(|(.., other, _)| other == platform).map(|(time, ..)| *time).collect();
        print_shares(platform, &of_platform);
    }
    print_shares("all", &times.iter().map(|(time, ..)| *time).collect::<Vec<_>>());
    for (time, steps, forks, platform, member) in times.iter().rev().take(12) {
        println!("  {time:?} for {steps} instructions, {forks} forks: {platform} {member}");
    }
}

/// Prints what partial_lanes and nearly ends a sorted list of times.
fn print_shares(title: &str, times: &[Duration]) {
    let at = |part: f64| times.get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)));
    let (Some(median), Some(high), Some(longest)) = (at(0.5), at(0.99), times.last()) else { return };
    let (count, sum) = (times.len(), times.iter().sum::<Duration>());
    println!(
        "{title:<28} {count} modules: median {median:?}, 99th percentile {high:?}, longest {longest:?}, sum {sum:?}"
    );
}
