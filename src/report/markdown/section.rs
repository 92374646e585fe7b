//! Tables and lists that keep within a number of bytes and say what they leave out.

/// Rows or items of one kind, and how many bytes they may take.
pub(super) struct MarkdownSection {
    /// What stands above them, with its line breaks.
    pub(super) head: String,
    /// A line each, the most important first.
    pub(super) lines: Vec<String>,
    /// Most bytes of all lines.
    pub(super) room: usize,
}

impl MarkdownSection {
    /// The lines that fit, and how many more there are. Empty without lines.
    pub(super) fn text(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let mut text = self.head.clone();
        let mut used = 0;
        let mut shown = 0;
        for line in &self.lines {
            used += line.len() + 1;
            if used > self.room {
                break;
            }
            text.push_str(line);
            text.push('\n');
            shown += 1;
        }
        match self.lines.len() - shown {
            0 => {}
            more => text.push_str(&format!("\nand {more} more\n")),
        }
        text
    }

    /// The same behind a line that opens it. The blank line lets the content be Markdown again.
    pub(super) fn folded(&self, summary: &str) -> String {
        match self.text() {
            text if text.is_empty() => text,
            text => format!("<details>\n<summary>{summary}</summary>\n\n{text}\n</details>\n"),
        }
    }
}
