//! Colours: which role a piece of text plays, and how that role looks.

use anstyle::AnsiColor;

use crate::model::outcome::Gil;
use crate::model::verdict::Verdict;

/// Whether escape sequences for colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences at all.
    #[default]
    Plain,
    /// ANSI colours.
    Coloured,
}

/// What a piece of text is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing to do.
    Good,
    /// It works, with something lost.
    Lesser,
    /// Not known.
    Open,
    /// Somebody has to look.
    Caution,
    /// It stands in the way.
    Bad,
    /// Titles.
    Heading,
    /// Labels, rules and what is read last.
    Faint,
}

impl Role {
    /// The role of a verdict's word.
    pub(super) fn of_verdict(verdict: Verdict) -> Role {
        match verdict {
            Verdict::Pure | Verdict::Ready => Role::Good,
            Verdict::PureFallback => Role::Lesser,
            Verdict::Unknown => Role::Open,
            Verdict::Build => Role::Caution,
            Verdict::Gil | Verdict::Crash | Verdict::Blocked => Role::Bad,
        }
    }

    /// The role of an outcome's word.
    pub(super) fn of_gil(gil: Gil) -> Role {
        match gil {
            Gil::NotUsed => Role::Good,
            Gil::Delegated => Role::Caution,
            Gil::Unknown => Role::Open,
            Gil::Used | Gil::NotLoadable => Role::Bad,
        }
    }

    fn look(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        let in_colour = |colour: AnsiColor| plain.fg_color(Some(colour.into()));
        match self {
            Role::Good => in_colour(AnsiColor::Green),
            Role::Lesser => in_colour(AnsiColor::Cyan),
            Role::Open => in_colour(AnsiColor::Magenta).bold(),
            Role::Caution => in_colour(AnsiColor::Yellow),
            Role::Bad => in_colour(AnsiColor::Red).bold(),
            Role::Heading => plain.bold(),
            Role::Faint => plain.dimmed(),
        }
    }
}

/// A sign that tells the roles apart without colours.
pub(super) fn sign(role: Role) -> char {
    match role {
        Role::Good => '✓',
        Role::Lesser => '~',
        Role::Open => '?',
        Role::Caution => '!',
        Role::Bad => '✗',
        Role::Heading | Role::Faint => ' ',
    }
}

impl Style {
    /// The text in the role's look; it must be harmless already.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Coloured if text.trim().is_empty() => text.to_owned(),
            Style::Coloured => {
                let look = role.look();
                format!("{}{text}{}", look.render(), look.render_reset())
            }
        }
    }
}
