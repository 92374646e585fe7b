//! `--only-binary` and `--no-binary`: lists of names, `:all:` and `:none:`, as pip reads them.

use ungil::model::name::PackageName;
use ungil::model::request::FormatControl;

/// Why a word is no package's name.
type BadPackageName = <PackageName as std::str::FromStr>::Err;

/// The packages of which one more value speaks too, the later words weighing more.
pub(crate) fn and(earlier: FormatControl, value: &str) -> Result<FormatControl, BadPackageName> {
    let mut control = earlier;
    for word in value
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        control = match (word, control) {
            (":all:", _) => FormatControl::All,
            (":none:", _) => FormatControl::None,
            (_, FormatControl::All) => FormatControl::All,
            (name, earlier) => {
                let name = name.parse()?;
                let mut names = match earlier {
                    FormatControl::Names(names) => names,
                    FormatControl::None | FormatControl::All => Default::default(),
                };
                names.insert(name);
                FormatControl::Names(names)
            }
        };
    }
    Ok(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], covered: &[&str], not_covered: &[&str]) {
        let control = values.iter().fold(FormatControl::None, |control, value| {
            and(control, value).unwrap()
        });
        for name in covered {
            assert!(control.covers(&name.parse().unwrap()), "{values:?} {name}");
        }
        for name in not_covered {
            assert!(!control.covers(&name.parse().unwrap()), "{values:?} {name}");
        }
    }

    #[test]
    fn names_are_normalised_and_later_words_weigh_more() {
        check(&[], &[], &["a"]);
        check(&["A_b,c", "d"], &["a-b", "c", "d"], &["e"]);
        check(&[":all:"], &["a"], &[]);
        check(&["a", ":none:", "b"], &["b"], &["a"]);
        assert!(and(FormatControl::None, "a b").is_err());
    }
}
