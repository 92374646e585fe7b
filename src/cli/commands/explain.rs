//! `ungil explain`: the page about a rule, or the list of rules.

use ungil::rules;

use super::super::args::ExplainArguments;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::output;

/// Runs the command.
pub(crate) fn run(typed: &ExplainArguments) -> Result<Exit, Failure> {
    let Some(rule) = &typed.rule else {
        let list: String =
            rules::builtin()?.rules().iter().map(|rule| format!("{:<28}  {}\n", rule.id, rule.title)).collect();
        output::write(list.as_bytes(), None)?;
        return Ok(Exit::Clean);
    };
    let page = rules::explain(rule)
        .ok_or_else(|| Failure::new(format!("there is no rule {rule}")).hint("`ungil explain` lists them"))?;
    output::write(page.as_bytes(), None)?;
    Ok(Exit::Clean)
}
