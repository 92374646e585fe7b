//! Suites and tests, and how they are written as XML 1.0. Texts are harmless already: no character that XML forbids is
//! among them.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::super::RenderError;

/// A suite of tests.
pub(super) struct TestSuite {
    /// Its name.
    pub(super) name: String,
    /// What else is said of it.
    pub(super) properties: Vec<(&'static str, String)>,
    /// Its tests.
    pub(super) cases: Vec<TestCase>,
}

/// One test.
pub(super) struct TestCase {
    /// What it is sorted under; readers take dots for levels.
    pub(super) class: String,
    /// Its name.
    pub(super) name: String,
    /// How it ended.
    pub(super) outcome: TestOutcome,
}

/// How a test ended: a message, and for some a longer text.
pub(super) enum TestOutcome {
    /// Well.
    Passed(String),
    /// Something is wrong.
    Failure(String, String),
    /// It could not be told.
    Error(String, String),
    /// Somebody decided that it does not count.
    Skipped(String),
}

/// How many tests of which outcome.
#[derive(Default)]
struct TestCounts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl TestCounts {
    fn of<'a>(suites: impl IntoIterator<Item = &'a TestSuite>) -> TestCounts {
        let mut counts = TestCounts::default();
        for case in suites.into_iter().flat_map(|suite| &suite.cases) {
            counts.tests += 1;
            match case.outcome {
                TestOutcome::Passed(_) => {}
                TestOutcome::Failure(..) => counts.failures += 1,
                TestOutcome::Error(..) => counts.errors += 1,
                TestOutcome::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

type XmlWriter = Writer<Vec<u8>>;

/// Writes the document.
pub(super) fn write(suites: &[TestSuite], generated: Option<&str>) -> Result<Vec<u8>, RenderError> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut writer, suites, generated).map_err(RenderError::Xml)?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn document(
    writer: &mut XmlWriter,
    suites: &[TestSuite],
    generated: Option<&str>,
) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = TestCounts::of(suites);
    let root = writer
        .create_element("testsuites")
        .with_attribute(("name", "ungil"));
    let root = root.with_attribute(("tests", counts.tests.to_string().as_str()));
    let root = root.with_attribute(("failures", counts.failures.to_string().as_str()));
    let root = root.with_attribute(("errors", counts.errors.to_string().as_str()));
    root.write_inner_content(|writer| {
        suites
            .iter()
            .try_for_each(|suite| write_suite(writer, suite, generated))
    })?;
    Ok(())
}

fn write_suite(
    writer: &mut XmlWriter,
    suite: &TestSuite,
    generated: Option<&str>,
) -> io::Result<()> {
    let counts = TestCounts::of([suite]);
    let mut element = writer
        .create_element("testsuite")
        .with_attribute(("name", suite.name.as_str()));
    for (name, number) in [
        ("tests", counts.tests),
        ("failures", counts.failures),
        ("errors", counts.errors),
        ("skipped", counts.skipped),
    ] {
        element = element.with_attribute((name, number.to_string().as_str()));
    }
    if let Some(time) = generated {
        element = element.with_attribute(("timestamp", time));
    }
    element.write_inner_content(|writer| {
        if !suite.properties.is_empty() {
            writer
                .create_element("properties")
                .write_inner_content(|writer| {
                    suite.properties.iter().try_for_each(|(name, value)| {
                        let property = writer
                            .create_element("property")
                            .with_attribute(("name", *name));
                        property
                            .with_attribute(("value", value.as_str()))
                            .write_empty()
                            .map(|_| ())
                    })
                })?;
        }
        suite
            .cases
            .iter()
            .try_for_each(|case| write_case(writer, case))
    })?;
    Ok(())
}

fn write_case(writer: &mut XmlWriter, case: &TestCase) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("classname", case.class.as_str()));
    let element = element.with_attribute(("name", case.name.as_str()));
    element.write_inner_content(|writer| match &case.outcome {
        TestOutcome::Passed(text) => writer
            .create_element("system-out")
            .write_text_content(BytesText::new(text))
            .map(|_| ()),
        TestOutcome::Failure(message, text) => write_outcome(writer, "failure", message, text),
        TestOutcome::Error(message, text) => write_outcome(writer, "error", message, text),
        TestOutcome::Skipped(message) => write_outcome(writer, "skipped", message, ""),
    })?;
    Ok(())
}

fn write_outcome(writer: &mut XmlWriter, name: &str, message: &str, text: &str) -> io::Result<()> {
    let element = writer
        .create_element(name)
        .with_attribute(("message", message));
    if text.is_empty() {
        element.write_empty()?;
    } else {
        element.write_text_content(BytesText::new(text))?;
    }
    Ok(())
}
