//! What PEP 508 markers see on a target.
//!
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>

use pep508_rs::pep440_rs::VersionParseError;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, StringVersion};

use crate::model::name::Version;
use crate::model::target::{Architecture, System, Target};

/// The full version of the interpreter: the target's minor version with this patch release.
pub fn full_version(target: Target, patch: u64) -> Version {
    Version::new([3, u64::from(target.python.minor), patch])
}

/// The values of all markers. Markers cannot tell a free-threaded build from one with the GIL; `platform_release` and
/// `platform_version` are those of a running system, which a target is not, and are left empty.
pub fn environment(target: Target, patch: u64) -> Result<MarkerEnvironment, VersionParseError> {
    let full = full_version(target, patch);
    let (os_name, sys_platform, platform_system) = match target.platform.system {
        System::Manylinux(..) | System::Musllinux(..) => ("posix", "linux", "Linux"),
        System::Macos(..) => ("posix", "darwin", "Darwin"),
        System::Windows => ("nt", "win32", "Windows"),
    };
    let platform_machine = match (target.platform.system, target.platform.architecture) {
        // Windows shouts: `platform.machine()` is what the environment variable PROCESSOR_ARCHITECTURE says.
        (System::Windows, Architecture::X86_64) => "AMD64",
        (System::Windows, Architecture::Aarch64) => "ARM64",
        (system, architecture) => architecture.name_on(system),
    };
    let environment = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: "3",
        os_name,
        platform_machine,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system,
        platform_version: "",
        python_full_version: "3",
        python_version: "3",
        sys_platform,
    })?;
    let minor = Version::new([3, u64::from(target.python.minor)]);
    Ok(environment
        .with_implementation_version(StringVersion::from(full.clone()))
        .with_python_full_version(StringVersion::from(full))
        .with_python_version(StringVersion::from(minor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::MarkerTree;

    fn holds(python: &str, platform: &str, marker: &str) -> bool {
        let target = Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        };
        let tree: MarkerTree = MarkerTree::parse_str::<url::Url>(marker).unwrap();
        tree.evaluate(&environment(target, 0).unwrap(), &[])
    }

    #[test]
    fn markers_see_the_target() {
        let table = [
            ("3.14t", "linux-x86_64", "python_version == '3.14'", true),
            ("3.14t", "linux-x86_64", "python_version < '3.9'", false),
            (
                "3.14t",
                "linux-x86_64",
                "python_full_version >= '3.14.0'",
                true,
            ),
            (
                "3.14t",
                "linux-x86_64",
                "python_full_version > '3.14.0'",
                false,
            ),
            (
                "3.14t",
                "linux-x86_64",
                "sys_platform == 'linux' and os_name == 'posix'",
                true,
            ),
            (
                "3.14t",
                "linux-x86_64",
                "platform_machine == 'x86_64'",
                true,
            ),
            (
                "3.14t",
                "linux-aarch64",
                "platform_machine == 'aarch64'",
                true,
            ),
            (
                "3.14t",
                "macos-arm64",
                "platform_machine == 'arm64' and platform_system == 'Darwin'",
                true,
            ),
            (
                "3.14t",
                "macos-x86_64",
                "platform_machine == 'x86_64' and sys_platform == 'darwin'",
                true,
            ),
            (
                "3.14t",
                "windows-amd64",
                "platform_machine == 'AMD64' and os_name == 'nt'",
                true,
            ),
            (
                "3.14t",
                "windows-arm64",
                "platform_machine == 'ARM64' and sys_platform == 'win32'",
                true,
            ),
            (
                "3.14t",
                "linux-x86_64",
                "platform_python_implementation == 'CPython'",
                true,
            ),
            (
                "3.14t",
                "linux-x86_64",
                "implementation_name == 'pypy'",
                false,
            ),
            ("3.14t", "linux-x86_64", "platform_release == ''", true),
            (
                "3.15t",
                "linux-x86_64",
                "implementation_version >= '3.15'",
                true,
            ),
            ("3.14t", "linux-x86_64", "extra == 'test'", false),
        ];
        for (python, platform, marker, expected) in table {
            assert_eq!(
                holds(python, platform, marker),
                expected,
                "{marker} on {python} {platform}"
            );
        }
    }
}
