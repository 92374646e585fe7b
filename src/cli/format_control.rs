//! `--only-binary` and `--no-binary`: lists of names, `:all:` and `:none:`, as pip reads them.

use ungil::model::request::FormatControl;

use super::error_page::Failure;

/// The packages that the values speak of, the later words weighing more.
pub(crate) fn settle(option: &str, values: &[String]) -> Result<FormatControl, Failure> {
    let mut control = FormatControl::None;
    for word in values.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
        control = match (word, control) {
            (":all:", _) => FormatControl::All,
            (":none:", _) => FormatControl::None,
            (_, FormatControl::All) => FormatControl::All,
            (name, earlier) => {
                let name = name
                    .parse()
                    .map_err(|error| Failure::caused(format!("{option} {name} names no package"), Unnamed(error)))?;
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

/// Why a word is no package's name.
#[derive(Debug, thiserror::Error)]
#[error("{0}; expected names, :all: or :none:")]
struct Unnamed(<ungil::model::name::PackageName as std::str::FromStr>::Err);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], covered: &[&str], not_covered: &[&str]) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let control = settle("--only-binary", &values).unwrap();
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
        assert!(settle("--no-binary", &["a b".to_owned()]).is_err());
    }
}
