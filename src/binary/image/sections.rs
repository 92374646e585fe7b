//! Sections that code may write to once the image is loaded.
//!
//! Segments are too coarse for that where the format has sections inside of them: they hold what the loader seals, and
//! its own tables. Where an ELF file has no section headers, its segments have to do.

use object::{Object, ObjectSection, SectionFlags};

use super::BinaryImage;
use crate::model::facts::ImageFormat;

/// Most sections that are looked at.
const MOST_SECTIONS: usize = 4096;
/// `SHF_WRITE`, `SHF_ALLOC` and `SHF_TLS`: <https://www.sco.com/developers/gabi/latest/ch4.sheader.html>
const WRITE: u64 = 1;
const ALLOCATED: u64 = 2;
const THREAD_LOCAL: u64 = 0x400;
/// Tables that the loader fills in, and each thread's own memory.
const LOADERS: [&str; 14] = [
    ".got",
    ".got.plt",
    ".plt",
    ".dynamic",
    ".init_array",
    ".fini_array",
    "__got",
    "__auth_got",
    "__la_symbol_ptr",
    "__nl_symbol_ptr",
    "__mod_init_func",
    "__mod_term_func",
    ".idata",
    ".tls",
];

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WritableSection {
    /// Its name; empty where the file has none.
    pub name: String,
    /// Lowest virtual address.
    pub address: u64,
    /// Bytes that come from the file.
    pub initialised: u64,
    /// Bytes of zeros.
    pub zeroed: u64,
}

impl BinaryImage<'_> {
    /// Sections that code may write to once the image is loaded, without the loader's tables and thread-local memory.
    pub fn writable_sections(&self) -> Vec<WritableSection> {
        let sections = if self.format == ImageFormat::Pe {
            None
        } else {
            self.sections_in_headers()
        };
        sections.unwrap_or_else(|| self.writable_segments())
    }

    /// `None` when the file lists none.
    fn sections_in_headers(&self) -> Option<Vec<WritableSection>> {
        let file = object::File::parse(self.data).ok()?;
        let mut sections = file.sections().take(MOST_SECTIONS).peekable();
        sections.peek()?;
        let found = sections.filter_map(|section| {
            let name = section.name().ok()?;
            let address = section.address();
            let is_thread_local = name.starts_with("__thread_");
            if !self.is_writable_section(section.flags(), address)
                || LOADERS.contains(&name)
                || is_thread_local
            {
                return None;
            }
            let initialised = section.file_range().map_or(0, |(_, size)| size);
            let zeroed = section.size().saturating_sub(initialised);
            Some(WritableSection {
                name: name.to_owned(),
                address,
                initialised,
                zeroed,
            })
        });
        Some(found.collect())
    }

    fn is_writable_section(&self, flags: SectionFlags, address: u64) -> bool {
        let by_flags = match flags {
            SectionFlags::Elf { sh_flags, .. } => {
                let flags = sh_flags.0;
                flags & (WRITE | ALLOCATED) == WRITE | ALLOCATED && flags & THREAD_LOCAL == 0
            }
            _ => true,
        };
        by_flags
            && self
                .segment_at(address)
                .is_some_and(|segment| segment.writable)
            && !self.is_read_only(address)
    }

    fn writable_segments(&self) -> Vec<WritableSection> {
        let segments = self
            .segments
            .iter()
            .filter(|segment| segment.writable && !LOADERS.contains(&segment.name.as_str()));
        let found = segments.map(|segment| {
            let end = segment.address.saturating_add(segment.size);
            // What is sealed is at the beginning of its segment.
            let sealed = self
                .sealed
                .iter()
                .filter(|&&(start, _)| segment.contains(start));
            let address = sealed
                .map(|&(_, sealed)| sealed.min(end))
                .max()
                .unwrap_or(segment.address);
            let from_file = segment
                .address
                .saturating_add(segment.bytes.len() as u64)
                .min(end);
            let initialised = from_file.saturating_sub(address);
            let zeroed = end.saturating_sub(address).saturating_sub(initialised);
            WritableSection {
                name: segment.name.clone(),
                address,
                initialised,
                zeroed,
            }
        });
        found
            .filter(|section| section.initialised > 0 || section.zeroed > 0)
            .collect()
    }
}
