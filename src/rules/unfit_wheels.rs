//! Wheels that do not fit, in words: which interpreters and platforms they are for.

use crate::model::target::Python;
use crate::model::wheel_name::WheelName;

use super::words::some;

/// How many interpreters, or how many platforms of the only one, are named.
const NAMED: usize = 3;

/// How many wheels there are, and for what: `6 wheels that have them do not fit: cp310-abi3 (Linux x86_64, macOS arm64)`.
pub(super) fn in_words(filenames: &[String], python: Python) -> String {
    let mut is_abi3 = false;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for wheel in filenames
        .iter()
        .filter_map(|filename| filename.parse::<WheelName>().ok())
    {
        let tags = interpreter(&wheel);
        is_abi3 |= tags.ends_with("-abi3");
        let platform = wheel
            .platform
            .first()
            .map(|tag| platform(tag))
            .unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == tags) {
            Some((_, platforms)) if platforms.contains(&platform) => {}
            Some((_, platforms)) => platforms.push(platform),
            None => groups.push((tags, vec![platform])),
        }
    }
    let told = match groups.as_slice() {
        [(tags, platforms)] => format!(
            "{tags} ({})",
            some(platforms.iter().map(String::as_str), NAMED)
        ),
        several => some(several.iter().map(|(tags, _)| tags.as_str()), NAMED),
    };
    let (noun, verb) = if filenames.len() == 1 {
        ("wheel that has", "does")
    } else {
        ("wheels that have", "do")
    };
    let why = if is_abi3 && python.free_threaded {
        "; abi3 does not count on a free-threaded build"
    } else {
        ""
    };
    format!(
        "{} {noun} them {verb} not fit: {told}{why}",
        filenames.len()
    )
}

/// Both tags, or the ABI's alone where it names the interpreter already.
fn interpreter(wheel: &WheelName) -> String {
    let (python, abi) = (wheel.python.join("."), wheel.abi.join("."));
    if abi.starts_with(&python) {
        abi
    } else {
        format!("{python}-{abi}")
    }
}

/// A platform tag without the release that it asks for.
pub(super) fn platform(tag: &str) -> String {
    let mut parts = tag.split('_');
    let system = parts.next().unwrap_or_default();
    let architecture: Vec<&str> = parts
        .skip_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let name = match system.trim_end_matches(|character: char| character.is_ascii_digit()) {
        "manylinux" | "linux" => "Linux",
        "musllinux" => "musl",
        "macosx" => "macOS",
        "win" if system == "win" => "Windows",
        _ => system,
    };
    format!("{name} {}", architecture.join("_"))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_told_by_interpreter_and_platform() {
        let check = |tags: &[&str], expected: &str| {
            let filenames: Vec<String> = tags
                .iter()
                .map(|tags| format!("a-1.0-{tags}.whl"))
                .collect();
            assert_eq!(in_words(&filenames, "3.14t".parse().unwrap()), expected);
        };
        check(
            &[
                "cp310-abi3-manylinux2014_x86_64",
                "cp310-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64",
                "cp310-abi3-macosx_10_9_universal2",
                "cp310-abi3-win32",
            ],
            "4 wheels that have them do not fit: cp310-abi3 (Linux x86_64, Linux aarch64, macOS universal2 and 1 more); \
             abi3 does not count on a free-threaded build",
        );
        check(
            &["cp314-cp314-win_amd64"],
            "1 wheel that has them does not fit: cp314 (Windows amd64)",
        );
        check(
            &["cp314-cp314t-musllinux_1_2_x86_64", "py3-none-win32"],
            "2 wheels that have them do not fit: cp314t, py3-none",
        );
    }
}
