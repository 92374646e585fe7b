//! How far the run is, on standard error, while it is a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use ungil::report::harmless;
use ungil::scan::{Event, Observer};

/// Shows one line that changes.
pub(crate) struct Progress {
    bar: ProgressBar,
    bytes: AtomicU64,
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
        Progress { bar, bytes: AtomicU64::new(0), listings: AtomicU64::new(0) }
    }

    fn say(&self, text: String) {
        self.bar.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn notice(&self, event: Event<'_>) {
        match event {
            Event::Resolving { target } => self.say(format!("resolving for {target}")),
            Event::ListingFetched { package } => {
                let number = self.listings.fetch_add(1, Ordering::Relaxed) + 1;
                self.say(format!("resolving: {number} packages looked up, now {package}"));
            }
            Event::FileOpened { filename, number, of } => {
                let bytes = HumanBytes(self.bytes.load(Ordering::Relaxed));
                self.say(format!("reading {number} of {of} ({bytes} fetched): {}", harmless(filename)));
            }
            Event::BytesFetched { bytes } => {
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Event::Repeated { url, why } => self.say(format!("trying {} again: {}", harmless(url), harmless(why))),
        }
    }
}
