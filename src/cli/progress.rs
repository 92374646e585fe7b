//! How far the run is, on standard error, while it is a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use ungil::index::{self, Subject};
use ungil::report::harmless;
use ungil::scan::{self, Event};

/// Shows one line that changes.
pub(crate) struct Progress {
    bar: ProgressBar,
    listings: AtomicU64,
}

impl Progress {
    /// A line on standard error.
    pub(crate) fn shown() -> Progress {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress::on(bar)
    }

    /// Nothing at all.
    pub(crate) fn hidden() -> Progress {
        Progress::on(ProgressBar::hidden())
    }

    fn on(bar: ProgressBar) -> Progress {
        Progress { bar, listings: AtomicU64::new(0) }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl scan::Observer for Progress {
    fn notice(&self, event: Event<'_>) {
        self.bar.set_message(match event {
            Event::Resolving { target } => format!("resolving for {target}"),
            Event::Searching { package } => format!("searching ready versions of {package}"),
            Event::Examined { filename, done, of } => format!("looked into {done} of {of}: {}", harmless(filename)),
        });
    }
}

impl index::Observer for Progress {
    fn event(&self, event: index::Event) {
        match event {
            index::Event::Started(Subject::File(filename)) => {
                self.bar.set_message(format!("fetching parts of {}", harmless(&filename)));
            }
            index::Event::Finished(Subject::Listing(package)) => {
                let number = self.listings.fetch_add(1, Ordering::Relaxed) + 1;
                self.bar.set_message(format!("resolving: {number} packages looked up, now {package}"));
            }
            index::Event::Repeated { url, why } => {
                self.bar.set_message(format!("trying {} again: {}", harmless(&url), harmless(&why)));
            }
            index::Event::Started(_) | index::Event::Finished(_) => {}
        }
    }
}
