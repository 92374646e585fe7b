//! How much of a hostile archive is read before we stop: every limit in one place.
//!
//! A limit that is reached is a problem that names the limit and both numbers; the rest of the archive goes on. The
//! defaults leave room above the largest honest files known (torch: 13,000 members, a library of 520 MB unpacked;
//! `ziglang`: 19,500 members; highest honest ratio seen in a compiled file: 19).

/// A kibibyte.
const KIB: u64 = 1 << 10;
/// A mebibyte.
const MIB: u64 = 1 << 20;
/// A gibibyte.
const GIB: u64 = 1 << 30;

/// Bounds on what is read and how requests are cut. All sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Members that are listed; those after them are not looked at.
    pub members: usize,
    /// Requirements of one run, and packages of its lock files.
    pub requirements: usize,
    /// Instructions that are followed of the hooks of one archive's modules; of those after them, only the first ones.
    pub evaluation_steps: u64,
    /// Problems that are told of one archive; of the others only how many there are.
    pub problems: usize,
    /// Names that are looked at while environments are searched for below a folder.
    pub searched: usize,
    /// Entries of all layers of a container image.
    pub image_entries: usize,
    /// Bytes of small files (metadata, records) and of names that are kept of one container image.
    pub kept_bytes: u64,
    /// Bytes that are unpacked of a container image's archive in all, whatever its layers are…
    pub image_floor_bytes: u64,
    /// …and this many more for each packed byte of a layer: layers are named as often as somebody likes.
    pub image_ratio: u64,
    /// Length of a member's path.
    pub path_bytes: usize,
    /// Size of a zip file's central directory, with what stands between it and the end of the file.
    pub directory_bytes: u64,
    /// Unpacked size of one member.
    pub member_bytes: u64,
    /// Bytes of archives that are unpacked at once, over all that are looked into at the same time.
    pub memory_bytes: u64,
    /// Unpacked size of the libraries beside its modules that are read of one archive.
    pub sibling_bytes: u64,
    /// Unpacked size of all members that are read from one archive.
    pub total_bytes: u64,
    /// Unpacked size divided by packed size of one member; counts only above `ratio_floor_bytes`.
    pub ratio: u64,
    /// Unpacked size up to which any ratio is accepted: text of one letter packs a thousandfold and harms nobody.
    pub ratio_floor_bytes: u64,
    /// Size of `METADATA`, `PKG-INFO`, `WHEEL` and `pyproject.toml`.
    pub metadata_bytes: u64,
    /// Size of `RECORD`.
    pub record_bytes: u64,
    /// Unpacked size of that part of an sdist that is read.
    pub sdist_bytes: u64,
    /// Packed size up to which an sdist is fetched for its sources.
    pub sdist_packed_bytes: u64,
    /// Size of one source in an sdist.
    pub source_bytes: u64,
    /// Unpacked bytes that looking at a member's beginning may give.
    pub prefix_bytes: u64,
    /// What is read from the end of a zip file at first.
    pub tail_bytes: u64,
    /// Ranges whose distance is at most this are fetched in one request.
    pub gap_bytes: u64,
    /// More requests than this for the members of one call are joined, the nearest neighbours first…
    pub requests: usize,
    /// …as long as what would be fetched for nothing between two neighbours is at most this.
    pub widest_gap_bytes: u64,
    /// The longest range that is fetched in one request; longer members come in several.
    pub request_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> ArchiveLimits {
        ArchiveLimits {
            members: 65_536,
            requirements: 20_000,
            evaluation_steps: 4_000_000,
            problems: 50,
            searched: 10_000_000,
            image_entries: 1_500_000,
            kept_bytes: 256 * MIB,
            image_floor_bytes: GIB,
            image_ratio: 50,
            path_bytes: 4096,
            directory_bytes: 16 * MIB,
            member_bytes: 768 * MIB,
            memory_bytes: GIB,
            // One library of jaxlib has 350 MB.
            sibling_bytes: 512 * MIB,
            total_bytes: 16 * GIB,
            ratio: 200,
            ratio_floor_bytes: 16 * MIB,
            metadata_bytes: 4 * MIB,
            record_bytes: 16 * MIB,
            sdist_bytes: GIB,
            sdist_packed_bytes: 256 * MIB,
            source_bytes: 32 * MIB,
            prefix_bytes: 32 * MIB,
            tail_bytes: 64 * KIB,
            gap_bytes: 64 * KIB,
            requests: 4,
            widest_gap_bytes: MIB,
            request_bytes: 32 * MIB,
        }
    }
}

impl ArchiveLimits {
    /// Fewer requests at the price of more bytes, for whoever looks into many wheels of one package.
    pub fn few_requests() -> ArchiveLimits {
        ArchiveLimits {
            requests: 1,
            widest_gap_bytes: 8 * MIB,
            ..ArchiveLimits::default()
        }
    }
}
