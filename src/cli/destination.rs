//! Where outputs go: which format to which file, or to standard output.

use std::path::{Path, PathBuf};

use ungil::model::report::Report;
use ungil::report::{FORMATS, OutputFormat};

use super::error_page::CliError;

/// One output.
pub(crate) struct OutputDestination {
    /// The format.
    pub(crate) format: &'static OutputFormat<Report>,
    /// The file; `None` for standard output.
    pub(crate) file: Option<PathBuf>,
}

/// What was typed, made out: each `--output FORMAT=FILE`, and what `--format` says for the `--output FILE` that names no
/// format, or for standard output where nothing else goes.
pub(crate) fn parse(
    format: Option<&'static OutputFormat<Report>>,
    outputs: &[String],
    folder: &Path,
) -> Result<Vec<OutputDestination>, CliError> {
    let mut destinations = Vec::new();
    let mut plain: Option<&str> = None;
    for output in outputs {
        match named(output)? {
            Some((format, file)) => destinations.push(OutputDestination {
                format,
                file: place(file, folder)?,
            }),
            None if plain.is_some() => {
                let failure = CliError::new(format!(
                    "--output {output}: only one output can do without its format"
                ));
                return Err(failure.hint(format!("name it, as in --output json={output}")));
            }
            None => plain = Some(output),
        }
    }
    let main = format.map_or_else(|| known("table"), Ok)?;
    let standard_output_is_free = destinations
        .iter()
        .all(|destination| destination.file.is_some());
    if let Some(file) = plain {
        destinations.insert(
            0,
            OutputDestination {
                format: main,
                file: place(file, folder)?,
            },
        );
    } else if format.is_some() || standard_output_is_free {
        destinations.insert(
            0,
            OutputDestination {
                format: main,
                file: None,
            },
        );
    }
    check_twice(&destinations)?;
    Ok(destinations)
}

/// The format and the file of `FORMAT=FILE`; `None` when it is only a file.
fn named(output: &str) -> Result<Option<(&'static OutputFormat<Report>, &str)>, CliError> {
    let Some((word, file)) = output.split_once('=') else {
        // A format alone is more likely a slip than a file of that name.
        return match known(output) {
            Ok(format) => Err(CliError::new(format!(
                "--output {output} names a format and no file"
            ))
            .hint(format!(
                "expected FORMAT=FILE, as in --output {0}=ungil.{0}; a file of that name is ./{0}",
                format.name
            ))),
            Err(_) => Ok(None),
        };
    };
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let format = known(word).map_err(|failure| {
            failure.hint(format!(
                "expected one of {}; a file of that name is ./{output}",
                names().join(", ")
            ))
        })?;
        return Ok(Some((format, file)));
    }
    Ok(None)
}

fn known(word: &str) -> Result<&'static OutputFormat<Report>, CliError> {
    let format = FORMATS.iter().find(|format| format.name == word);
    format.ok_or_else(|| CliError::new(format!("there is no format {word}")))
}

fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name).collect()
}

/// The file; `-` is standard output.
fn place(file: &str, folder: &Path) -> Result<Option<PathBuf>, CliError> {
    match file {
        "" => Err(CliError::new("--output names no file")
            .hint("expected FORMAT=FILE, or FORMAT=- for standard output")),
        "-" => Ok(None),
        _ => Ok(Some(folder.join(file))),
    }
}

/// No two outputs may go to the same place: one would be lost, or both be mixed.
fn check_twice(destinations: &[OutputDestination]) -> Result<(), CliError> {
    for (number, destination) in destinations.iter().enumerate() {
        let Some(other) = destinations
            .iter()
            .skip(number + 1)
            .find(|other| other.file == destination.file)
        else {
            continue;
        };
        let (first, second) = (destination.format.name, other.format.name);
        let file = destination
            .file
            .as_deref()
            .map_or_else(|| "standard output".into(), Path::to_string_lossy);
        let failure = CliError::new(format!("{first} and {second} cannot both go to {file}"));
        return Err(failure.hint("--output FORMAT=FILE gives each a file of its own"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(format: Option<&str>, outputs: &[&str]) -> Result<Vec<String>, String> {
        let outputs: Vec<String> = outputs.iter().map(|output| (*output).to_owned()).collect();
        let format = format.map(|word| known(word).unwrap());
        let destinations =
            parse(format, &outputs, Path::new("/w")).map_err(|failure| format!("{failure:?}"))?;
        let shown = |destination: &OutputDestination| {
            let file = destination
                .file
                .as_deref()
                .map_or_else(|| "-".into(), Path::to_string_lossy);
            format!("{}={file}", destination.format.name)
        };
        Ok(destinations.iter().map(shown).collect())
    }

    #[test]
    fn outputs_find_their_places() {
        for (format, outputs, places) in [
            (None, &[][..], &["table=-"][..]),
            (Some("json"), &[], &["json=-"]),
            (Some("json"), &["report.json"], &["json=/w/report.json"]),
            (None, &["report.txt"], &["table=/w/report.txt"]),
            (None, &["-"], &["table=-"]),
            (
                None,
                &["sarif=u.sarif", "markdown=/tmp/m.md"],
                &["table=-", "sarif=/w/u.sarif", "markdown=/tmp/m.md"],
            ),
            (
                None,
                &["sarif=u.sarif", "json=-"],
                &["sarif=/w/u.sarif", "json=-"],
            ),
            (
                Some("github"),
                &["sarif=u.sarif"],
                &["github=-", "sarif=/w/u.sarif"],
            ),
            (
                None,
                &["sarif=u.sarif", "t.txt"],
                &["table=/w/t.txt", "sarif=/w/u.sarif"],
            ),
            (None, &["json=a=b.json"], &["table=-", "json=/w/a=b.json"]),
            (None, &["./odd=name"], &["table=/w/./odd=name"]),
        ] {
            let places: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
            assert_eq!(parsed(format, outputs), Ok(places), "{outputs:?}");
        }
    }

    #[test]
    fn slips_are_told() {
        for (format, outputs, told) in [
            (None, &["sarfi=u.sarif"][..], "there is no format sarfi"),
            (None, &["json"], "names a format and no file"),
            (None, &["json="], "names no file"),
            (
                None,
                &["a.txt", "b.txt"],
                "only one output can do without its format",
            ),
            (
                None,
                &["json=x", "sarif=x"],
                "json and sarif cannot both go to /w/x",
            ),
            (
                Some("table"),
                &["json=-"],
                "table and json cannot both go to standard output",
            ),
        ] {
            let error = parsed(format, outputs).unwrap_err();
            assert!(error.contains(told), "{outputs:?}: {error}");
        }
    }
}
