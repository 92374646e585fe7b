//! Which layers an image has: `manifest.json` as `docker save` writes it, or the index and manifests of OCI.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/image-index.md>,
//! <https://docs.docker.com/reference/api/engine/version/v1.48/> (`manifest.json` of an exported image).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::archive::blobs::ImageFiles;
use crate::archive::limits::ArchiveLimits;
use crate::model::target::Architecture;

/// Most images of one archive.
const MOST_IMAGES: usize = 256;
/// Most layers of one image; container engines stop at 127.
const MOST_LAYERS: usize = 1024;
/// Most indexes and manifests of one archive.
const MOST_STEPS: usize = 4096;
/// How many indexes lead to each other.
const DEEPEST: usize = 4;
/// The name that `docker` and `podman` give an image of an index.
const NAMES: [&str; 2] = [
    "org.opencontainers.image.ref.name",
    "io.containerd.image.name",
];

/// One image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageManifest {
    /// What tells it from the others.
    pub(super) name: Option<String>,
    /// Names of the files of its layers, the lowest first.
    pub(super) layers: Vec<String>,
    /// Processor that it is for, when it is one that ungil judges.
    pub(super) architecture: Option<Architecture>,
}

/// One entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImageEntry {
    #[serde(default)]
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// An index or a manifest, by what it has.
#[derive(Deserialize)]
struct ListedManifests {
    #[serde(default)]
    manifests: Vec<BlobDescriptor>,
    #[serde(default)]
    layers: Vec<BlobDescriptor>,
    config: Option<BlobDescriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlobDescriptor {
    digest: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    platform: Option<ImageConfig>,
}

/// The part of an image's configuration, or of a descriptor's platform, that says what it runs on.
#[derive(Clone, Default, Deserialize)]
struct ImageConfig {
    #[serde(default)]
    architecture: String,
}

/// The images of an archive.
pub(super) fn read(
    blobs: &ImageFiles,
    limits: &ArchiveLimits,
) -> Result<Vec<ImageManifest>, String> {
    let reader = ManifestReader { blobs, limits };
    let images = if blobs.has("manifest.json") {
        reader.saved()?
    } else {
        reader.indexed()?
    };
    match images.iter().find(|image| image.layers.len() > MOST_LAYERS) {
        Some(image) => Err(format!(
            "an image of {} layers; expected at most {MOST_LAYERS}",
            image.layers.len()
        )),
        None if images.len() > MOST_IMAGES => Err(format!(
            "{} images; expected at most {MOST_IMAGES}",
            images.len()
        )),
        None if images.is_empty() => Err("it names no image".to_owned()),
        None => Ok(images),
    }
}

struct ManifestReader<'a> {
    blobs: &'a ImageFiles,
    limits: &'a ArchiveLimits,
}

impl ManifestReader<'_> {
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let bytes = self
            .blobs
            .read(name, self.limits.metadata_bytes)
            .map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))
    }

    fn saved(&self) -> Result<Vec<ImageManifest>, String> {
        let saved: Vec<SavedImageEntry> = self.json("manifest.json")?;
        let manifest = |saved: SavedImageEntry| ImageManifest {
            name: saved
                .repo_tags
                .and_then(|tags| tags.into_iter().next())
                .or_else(|| Some(saved.config.clone())),
            layers: saved.layers,
            architecture: self.architecture(&saved.config),
        };
        Ok(saved.into_iter().map(manifest).collect())
    }

    /// What the image's configuration says; one that cannot be read says nothing.
    fn architecture(&self, config: &str) -> Option<Architecture> {
        self.json(config)
            .ok()
            .and_then(|config: ImageConfig| architecture(&config.architecture))
    }

    fn indexed(&self) -> Result<Vec<ImageManifest>, String> {
        let ListedManifests { manifests, .. } = self.json("index.json")?;
        let mut left: Vec<(BlobDescriptor, Option<String>, usize)> = manifests
            .into_iter()
            .rev()
            .map(|descriptor| (descriptor, None, 0))
            .collect();
        let (mut images, mut steps) = (Vec::new(), 0);
        while let Some((descriptor, above, depth)) = left.pop() {
            steps += 1;
            if depth >= DEEPEST || steps > MOST_STEPS {
                return Err(format!(
                    "more than {DEEPEST} indexes that lead to each other, or {MOST_STEPS} manifests"
                ));
            }
            if descriptor.is_attestation() {
                continue;
            }
            let name = descriptor.name().or(above);
            let listed: ListedManifests = self.json(&blob(&descriptor.digest)?)?;
            if !listed.manifests.is_empty() {
                let below = listed.manifests.into_iter().rev();
                // An index may name images for other platforms that were not fetched.
                let there =
                    below.filter(|it| blob(&it.digest).is_ok_and(|name| self.blobs.has(&name)));
                left.extend(there.map(|descriptor| (descriptor, name.clone(), depth + 1)));
                continue;
            }
            let layers = listed
                .layers
                .iter()
                .map(|layer| blob(&layer.digest))
                .collect::<Result<_, _>>()?;
            let config = listed.config.and_then(|config| blob(&config.digest).ok());
            let architecture = config.and_then(|config| self.architecture(&config));
            let platform = descriptor
                .platform
                .as_ref()
                .map(|platform| platform.architecture.clone());
            let name = match (name, platform) {
                (Some(name), Some(platform)) => format!("{name} {platform}"),
                (name, platform) => name.or(platform).unwrap_or(descriptor.digest),
            };
            images.push(ImageManifest {
                name: Some(name),
                layers,
                architecture,
            });
        }
        Ok(images)
    }
}

impl BlobDescriptor {
    fn name(&self) -> Option<String> {
        let annotations = self.annotations.as_ref()?;
        NAMES
            .iter()
            .find_map(|name| annotations.get(*name))
            .cloned()
    }

    /// Whether it says something about another image (<https://docs.docker.com/build/metadata/attestations/attestation-storage/>).
    fn is_attestation(&self) -> bool {
        self.annotations
            .as_ref()
            .is_some_and(|annotations| annotations.contains_key("vnd.docker.reference.type"))
    }
}

/// The name of the file that a digest names.
fn blob(digest: &str) -> Result<String, String> {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match digest.split_once(':') {
        Some((algorithm, hex)) if plain(algorithm) && plain(hex) => {
            Ok(format!("blobs/{algorithm}/{hex}"))
        }
        _ => Err(format!(
            "`{digest}` is no digest; expected something like sha256:0123…"
        )),
    }
}

/// As Go calls processors.
fn architecture(name: &str) -> Option<Architecture> {
    match name {
        "amd64" => Some(Architecture::X86_64),
        "arm64" => Some(Architecture::Aarch64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_a_file_and_leads_nowhere_else() {
        assert_eq!(blob("sha256:0aF"), Ok("blobs/sha256/0aF".to_owned()));
        for digest in ["sha256:../../x", "sha256", "sha256:", ":0", "a/b:0"] {
            assert!(blob(digest).is_err(), "{digest}");
        }
    }
}
