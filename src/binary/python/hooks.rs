//! The functions by which an interpreter could import a module, and the names that they stand for.
//!
//! The import system takes the last component of the module's name, which is the file's name up to its first dot, or
//! the folder's name for a package's `__init__`. Names in ASCII are looked for as `PyInit_x` and `PyModExport_x`, others
//! as `PyInitU_x` and `PyModExportU_x` in Punycode with `-` written as `_`.
//! <https://docs.python.org/3/c-api/extension-modules.html>

use crate::binary::image::Image;
use crate::model::facts::{Hook, HookKind, InitFacts};

const PREFIXES: [(&str, HookKind, bool); 4] = [
    ("PyInit_", HookKind::Init, false),
    ("PyInitU_", HookKind::Init, true),
    ("PyModExport_", HookKind::Export, false),
    ("PyModExportU_", HookKind::Export, true),
];

/// Every hook that an image exports, by name, with nothing known about it yet but its name.
pub(super) fn hooks(image: &Image<'_>, path: &str) -> Vec<Hook> {
    let wanted = module_of_path(path);
    let found = image.exports().iter().filter_map(|(symbol, &address)| {
        let (kind, module) = parse(symbol)?;
        let matches_file_name = wanted == Some(module.as_str());
        Some(Hook {
            symbol: symbol.clone(),
            kind,
            module,
            address,
            matches_file_name,
            facts: InitFacts::unknown("its code was not followed"),
        })
    });
    found.collect()
}

/// Whether an exported name is a hook's.
pub(super) fn is_hook(symbol: &str) -> bool {
    parse(symbol).is_some()
}

fn parse(symbol: &str) -> Option<(HookKind, String)> {
    PREFIXES.iter().find_map(|&(prefix, kind, is_encoded)| {
        let name = symbol.strip_prefix(prefix)?;
        let module = if is_encoded { decode(name) } else { Some(name.to_owned()) };
        // The import system never looks for an encoded name that is ASCII, nor for a plain one that is not.
        module.filter(|module| !module.is_empty() && module.is_ascii() != is_encoded).map(|module| (kind, module))
    })
}

/// The last component of the name under which a file is imported.
fn module_of_path(path: &str) -> Option<&str> {
    let mut components = path.rsplit(['/', '\\']);
    let stem = components.next()?.split('.').next()?;
    if stem == "__init__" { components.next() } else { Some(stem) }
}

/// Decodes Punycode (RFC 3492) in which `-` was written as `_`.
fn decode(encoded: &str) -> Option<String> {
    const BASE: u32 = 36;
    let (basic, digits) = encoded.rsplit_once('_').unwrap_or(("", encoded));
    let mut output: Vec<char> = basic.chars().collect();
    if !encoded.is_ascii() || digits.is_empty() || encoded.len() > 255 {
        return None;
    }
    let (mut code, mut position, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = digits.bytes().peekable();
    while digits.peek().is_some() {
        let (before, mut weight) = (position, 1_u32);
        for step in (BASE..).step_by(BASE as usize) {
            let digit = match digits.next()? {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                letter @ b'A'..=b'Z' => u32::from(letter - b'A'),
                number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
                _ => return None,
            };
            position = position.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
        }
        let length = u32::try_from(output.len()).ok()? + 1;
        bias = adapt(position - before, length, before == 0);
        code = code.checked_add(position / length)?;
        position %= length;
        output.insert(position as usize, char::from_u32(code)?);
        position += 1;
    }
    Some(output.into_iter().collect())
}

fn adapt(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_parsed_and_decoded() {
        let cases = [
            ("PyInit__speedups", Some((HookKind::Init, "_speedups"))),
            ("PyModExport_rpds", Some((HookKind::Export, "rpds"))),
            // "spam" with an umlaut, "lančmít" and "スパム" are the examples of PEP 489.
            ("PyInitU_lanmt_2sa6t", Some((HookKind::Init, "lančmít"))),
            ("PyInitU_zck5b2b", Some((HookKind::Init, "スパム"))),
            ("PyModExportU_zck5b2b", Some((HookKind::Export, "スパム"))),
            ("PyInit_", None),
            ("PyInitU_", None),
            ("PyInitU_!!!", None),
            ("PyInit_zażółć", None),
            ("PyModule_Create2", None),
            ("HPyInit_x", None),
        ];
        for (symbol, expected) in cases {
            let expected = expected.map(|(kind, module)| (kind, module.to_owned()));
            assert_eq!(parse(symbol), expected, "{symbol}");
        }
    }

    #[test]
    fn paths_name_modules() {
        let cases = [
            ("a/b/_x.cpython-314t-x86_64-linux-gnu.so", "_x"),
            ("_x.pyd", "_x"),
            ("a\\b\\_x.cp314t-win_amd64.pyd", "_x"),
            ("mypy/__init__.cpython-314-darwin.so", "mypy"),
            ("plain", "plain"),
        ];
        for (path, expected) in cases {
            assert_eq!(module_of_path(path), Some(expected), "{path}");
        }
    }
}
