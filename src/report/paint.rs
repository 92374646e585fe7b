//! Colours: which role a piece of text plays, and how that role looks.

use anstyle::AnsiColor;

use crate::model::outcome::Gil;
use crate::model::verdict::Verdict;

/// Whether escape sequences for colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaintStyle {
    /// No escape sequences at all.
    #[default]
    Plain,
    /// ANSI colours.
    Coloured,
}

/// What a piece of text is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PaintRole {
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

impl PaintRole {
    /// The role of a verdict's word.
    pub(super) fn of_verdict(verdict: Verdict) -> PaintRole {
        match verdict {
            Verdict::Pure | Verdict::Ready => PaintRole::Good,
            Verdict::PureFallback => PaintRole::Lesser,
            Verdict::Unknown => PaintRole::Open,
            Verdict::Build => PaintRole::Caution,
            Verdict::Gil | Verdict::Crash | Verdict::Blocked => PaintRole::Bad,
        }
    }

    /// The role of an outcome's word.
    pub(super) fn of_gil(gil: Gil) -> PaintRole {
        match gil {
            Gil::NotUsed => PaintRole::Good,
            Gil::Delegated => PaintRole::Caution,
            Gil::Unknown => PaintRole::Open,
            Gil::Used | Gil::NotLoadable => PaintRole::Bad,
        }
    }

    fn look(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        let in_colour = |colour: AnsiColor| plain.fg_color(Some(colour.into()));
        match self {
            PaintRole::Good => in_colour(AnsiColor::Green),
            PaintRole::Lesser => in_colour(AnsiColor::Cyan),
            PaintRole::Open => in_colour(AnsiColor::Magenta).bold(),
            PaintRole::Caution => in_colour(AnsiColor::Yellow),
            PaintRole::Bad => in_colour(AnsiColor::Red).bold(),
            PaintRole::Heading => plain.bold(),
            PaintRole::Faint => plain.dimmed(),
        }
    }
}

/// A sign that tells the roles apart without colours.
pub(super) fn sign(role: PaintRole) -> char {
    match role {
        PaintRole::Good => '✓',
        PaintRole::Lesser => '~',
        PaintRole::Open => '?',
        PaintRole::Caution => '!',
        PaintRole::Bad => '✗',
        PaintRole::Heading | PaintRole::Faint => ' ',
    }
}

impl PaintStyle {
    /// The text in the role's look; it must be harmless already.
    pub(super) fn paint(self, role: PaintRole, text: &str) -> String {
        match self {
            PaintStyle::Plain => text.to_owned(),
            PaintStyle::Coloured if text.trim().is_empty() => text.to_owned(),
            PaintStyle::Coloured => {
                let look = role.look();
                format!("{}{text}{}", look.render(), look.render_reset())
            }
        }
    }
}
