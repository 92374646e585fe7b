//! Small real distributions: wheels around the compiled fixtures, and sdists, put together as build tools do it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A wheel in the making.
#[derive(Clone)]
pub(super) struct Wheel {
    pub(super) filename: String,
    headers: Vec<String>,
    members: Vec<(String, Vec<u8>)>,
}

impl Wheel {
    /// One with a Python file in it, named for its tags.
    pub(super) fn new(filename: &str) -> Wheel {
        let wheel = Wheel {
            filename: filename.to_owned(),
            headers: Vec::new(),
            members: Vec::new(),
        };
        let path = format!("{}/__init__.py", wheel.parts()[0]);
        wheel.member(&path, "\"\"\"A package.\"\"\"\n")
    }

    /// With one more file.
    pub(super) fn member(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Wheel {
        self.members.push((path.to_owned(), bytes.into()));
        self
    }

    /// With a compiled fixture.
    pub(super) fn module(self, path: &str, fixture: &str) -> Wheel {
        self.member(path, compiled(fixture))
    }

    /// With bytes that cannot be packed, as models and bundled libraries are.
    pub(super) fn ballast(self, path: &str, length: usize) -> Wheel {
        let mut state = 1_u64;
        let next = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        self.member(path, next.take(length).collect::<Vec<u8>>())
    }

    /// Requiring something.
    pub(super) fn requires(self, requirement: &str) -> Wheel {
        self.says(&format!("Requires-Dist: {requirement}"))
    }

    /// With one more line in METADATA.
    pub(super) fn says(mut self, header: &str) -> Wheel {
        self.headers.push(header.to_owned());
        self
    }

    /// Name and version, as the file name has them.
    pub(super) fn parts(&self) -> [&str; 2] {
        let mut parts = self.filename.split('-');
        [parts.next().unwrap(), parts.next().unwrap()]
    }

    /// The content of METADATA.
    pub(super) fn metadata(&self) -> String {
        let [name, version] = self.parts();
        let mut lines = vec![
            "Metadata-Version: 2.1".to_owned(),
            format!("Name: {name}"),
            format!("Version: {version}"),
        ];
        lines.extend(self.headers.iter().cloned());
        lines.join("\n") + "\n"
    }

    /// The file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let [name, version] = self.parts();
        let info = format!("{name}-{version}.dist-info");
        let mut members = self.members.clone();
        members.push((format!("{info}/METADATA"), self.metadata().into_bytes()));
        members.push((format!("{info}/WHEEL"), self.wheel_file().into_bytes()));
        let mut record: String = members
            .iter()
            .map(|(path, bytes)| {
                format!(
                    "{path},sha256={},{}\n",
                    urlsafe_base64(&Sha256::digest(bytes)),
                    bytes.len()
                )
            })
            .collect();
        record.push_str(&format!("{info}/RECORD,,\n"));
        members.push((format!("{info}/RECORD"), record.into_bytes()));
        zip(&members)
    }

    fn wheel_file(&self) -> String {
        let stem = self.filename.strip_suffix(".whl").unwrap();
        let mut tags = stem.rsplitn(4, '-');
        let (platform, abi, python) = (
            tags.next().unwrap(),
            tags.next().unwrap(),
            tags.next().unwrap(),
        );
        let pure = platform == "any";
        let mut text =
            format!("Wheel-Version: 1.0\nGenerator: hand (1.0)\nRoot-Is-Purelib: {pure}\n");
        for python in python.split('.') {
            for abi in abi.split('.') {
                for platform in platform.split('.') {
                    text.push_str(&format!("Tag: {python}-{abi}-{platform}\n"));
                }
            }
        }
        text
    }
}

/// The bytes of a compiled fixture.
pub(super) fn compiled(fixture: &str) -> Vec<u8> {
    std::fs::read(fixture_path(fixture)).unwrap()
}

/// Where a compiled fixture is.
pub(super) fn fixture_path(fixture: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binary/built")
        .join(fixture)
}

/// An sdist (`.tar.gz`) that promises its metadata.
pub(super) fn sdist(name: &str, version: &str, requires: &[&str]) -> Vec<u8> {
    let mut info = format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n");
    for requirement in requires {
        info.push_str(&format!("Requires-Dist: {requirement}\n"));
    }
    let project = format!("[project]\nname = \"{name}\"\nversion = \"{version}\"\n");
    sdist_of(
        name,
        version,
        &[("PKG-INFO", &info), ("pyproject.toml", &project)],
    )
}

/// An sdist (`.tar.gz`) of these files.
pub(super) fn sdist_of(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut archive = tar::Builder::new(packer);
    for (file, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(
                &mut header,
                format!("{name}-{version}/{file}"),
                content.as_bytes(),
            )
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut output = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut output);
    for (path, bytes) in members {
        let builder = archive
            .new_file(path.as_str())
            .compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = builder.start().unwrap();
        let packer = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(packer);
        writer.write_all(bytes).unwrap();
        let (packer, descriptor) = writer.finish().unwrap();
        packer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    output
}

/// As RECORD has digests: <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>
pub(super) fn urlsafe_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            text.push(char::from(
                DIGITS[(number >> (18 - 6 * position) & 63) as usize],
            ));
        }
    }
    text
}
