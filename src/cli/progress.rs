//! How far the run is, on standard error, while it is a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use ungil::index::{self, FetchSubject};
use ungil::report::harmless;
use ungil::scan::{self, ScanEvent};

/// Shows one line that changes.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    listings: AtomicU64,
}

impl ProgressLine {
    /// A line on standard error.
    pub(crate) fn shown() -> ProgressLine {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        ProgressLine::on(bar)
    }

    /// Nothing at all.
    pub(crate) fn hidden() -> ProgressLine {
        ProgressLine::on(ProgressBar::hidden())
    }

    fn on(bar: ProgressBar) -> ProgressLine {
        ProgressLine {
            bar,
            listings: AtomicU64::new(0),
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.end();
    }
}

impl scan::ScanObserver for ProgressLine {
    fn notice(&self, event: ScanEvent<'_>) {
        self.bar.set_message(match event {
            ScanEvent::Resolving { target } => format!("resolving for {target}"),
            ScanEvent::Searching { package } => format!("searching ready versions of {package}"),
            ScanEvent::Examined { filename, done, of } => {
                format!("looked into {done} of {of}: {}", harmless(filename))
            }
        });
    }
}

impl index::FetchObserver for ProgressLine {
    fn event(&self, event: index::FetchEvent) {
        match event {
            index::FetchEvent::Started(FetchSubject::File(filename)) => {
                self.bar
                    .set_message(format!("fetching parts of {}", harmless(&filename)));
            }
            index::FetchEvent::Finished(FetchSubject::Listing(package)) => {
                let number = self.listings.fetch_add(1, Ordering::Relaxed) + 1;
                self.bar.set_message(format!(
                    "resolving: {number} packages looked up, now {package}"
                ));
            }
            index::FetchEvent::Repeated { url, why } => {
                self.bar.set_message(format!(
                    "trying {} again: {}",
                    harmless(&url),
                    harmless(&why)
                ));
            }
            index::FetchEvent::Started(_) | index::FetchEvent::Finished(_) => {}
        }
    }
}
