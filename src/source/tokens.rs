//! Sources as tokens; comments are gone.
//!
//! Nothing in a comment or a string is taken for code. Lexers read every byte once, and Python is parsed as well.

use super::token::{LARGEST, SourceDialect, SourceToken};
use super::{preprocessor, python, rust_lexer};

/// The tokens of a source; `None` when it is too large or its parser gives up.
pub(super) fn tokens(dialect: SourceDialect, text: &str) -> Option<Vec<SourceToken<'_>>> {
    match dialect {
        SourceDialect::C | SourceDialect::Cpp => {
            (text.len() <= LARGEST).then(|| preprocessor::tokens(dialect, text))
        }
        SourceDialect::Python => python::read(text).map(|python| python.tokens),
        SourceDialect::Rust => (text.len() <= LARGEST).then(|| rust_lexer::tokens(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::{TokenContext, TokenKind};
    use super::*;

    fn words(dialect: SourceDialect, text: &str) -> Vec<(String, u8, u8)> {
        let tokens = tokens(dialect, text).unwrap();
        let words = tokens.iter().filter(|token| token.kind == TokenKind::Word);
        words
            .map(|token| {
                (
                    token.text.to_owned(),
                    token.reach.certain,
                    token.reach.possible,
                )
            })
            .collect()
    }

    #[test]
    fn comments_strings_and_dead_branches_do_not_count() {
        let text = "/* a */ // b\nchar *s = \"c\";\n#if 0\nint d;\n#else\nint e;\n#endif\n";
        let found = words(SourceDialect::C, text);
        let live: Vec<&str> = found
            .iter()
            .filter(|(_, certain, _)| *certain == 0b111)
            .map(|(word, ..)| word.as_str())
            .collect();
        assert_eq!(live, ["char", "s", "int", "e"]);
        assert!(
            found
                .iter()
                .any(|(word, _, possible)| word == "d" && *possible == 0),
            "{found:?}"
        );
    }

    #[test]
    fn branches_of_conditions_have_their_reach() {
        let text = "#if PY_VERSION_HEX >= 0x030F0000\nint a;\n#elif defined(Py_GIL_DISABLED)\nint b;\n#else\nint c;\n\
                    #endif\n#ifndef Py_GIL_DISABLED\nint d;\n#endif\n#ifdef HAVE_X\nint e;\n#endif\n";
        let found = words(SourceDialect::Cpp, text);
        let reach = |name: &str| {
            found
                .iter()
                .find(|(word, ..)| word == name)
                .map(|(_, certain, possible)| (*certain, *possible))
        };
        assert_eq!(reach("a"), Some((0b100, 0b100)));
        assert_eq!(reach("b"), Some((0b011, 0b011)));
        assert_eq!(reach("c"), Some((0, 0)));
        assert_eq!(reach("d"), Some((0, 0)));
        assert_eq!(reach("e"), Some((0, 0b111)));
        assert_eq!(reach("HAVE_X"), None);
    }

    #[test]
    fn choices_of_python_are_seen() {
        let text = "import os\nif os.environ.get('X'):\n    a = 1\nif v >= 3:\n    b = 1\nc = 1\n";
        let tokens = tokens(SourceDialect::Python, text).unwrap();
        let stand = |name: &str| {
            tokens
                .iter()
                .find(|it| it.text == name)
                .map(|it| (it.place, it.reach.certain))
        };
        assert_eq!(stand("a"), Some((TokenContext::Choice, 0)));
        assert_eq!(stand("b"), Some((TokenContext::Code, 0)));
        assert_eq!(stand("c"), Some((TokenContext::Code, 0b111)));
    }

    #[test]
    fn deep_and_broken_sources_do_no_harm() {
        for text in [
            "(".repeat(50_000),
            "#if A\n".repeat(5_000),
            "{\"".repeat(20_000),
            "\u{1F600}#[".repeat(2_000),
        ] {
            for dialect in [
                SourceDialect::C,
                SourceDialect::Cpp,
                SourceDialect::Rust,
                SourceDialect::Python,
            ] {
                let _ = tokens(dialect, &text);
            }
        }
    }
}
