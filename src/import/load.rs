//! Whether the interpreter accepts the file: memory layout, `Py_mod_abi`, slot ids.
//!
//! Each check answers yes, no with the consequence, or that it could not be told. How each version reacts was read from
//! CPython's `Python/import.c`, `Objects/moduleobject.c` and `Python/modsupport.c`; only 3.13t was also run.

use crate::model::evidence::Evidence;
use crate::model::facts::{
    Abi, AbiInfo, Fact, Flavour, GilDeclaration, Hook, HookKind, ImageFacts, ImageFormat, InitKind,
};
use crate::model::outcome::Cause;
use crate::model::target::Python;

/// What one check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoadCheck {
    /// Nothing against it.
    Accepted,
    /// The import fails or crashes.
    Refused(LoadRefusal),
    /// It could not be told; why.
    Unclear(String),
}

/// Why a file does not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoadRefusal {
    /// Which kind of reason.
    pub(super) cause: Cause,
    /// The consequence in words.
    pub(super) reason: String,
    /// What shows it.
    pub(super) evidence: Vec<Evidence>,
}

fn refused(cause: Cause, reason: String, evidence: &[Evidence]) -> LoadCheck {
    LoadCheck::Refused(LoadRefusal {
        cause,
        reason,
        evidence: evidence.to_vec(),
    })
}

/// Every check that applies, in the order in which the interpreter would stumble: an export hook's slots are read before
/// anything of the file's layout matters, a definition's header before its slots.
pub(super) fn checks(image: &ImageFacts, hook: &Hook, python: Python) -> Vec<LoadCheck> {
    let layout = layout(image, hook, python);
    if !has_slots(hook) {
        return vec![layout];
    }
    let slots = slots(hook, python);
    let abi_info = abi_info(hook, python);
    match hook.kind {
        HookKind::Export => vec![abi_info, layout, slots],
        HookKind::Init => vec![layout, slots, abi_info],
    }
}

/// Whether the module is made from slots, as far as is known. Another file's module and one that the hook makes itself
/// are not.
fn has_slots(hook: &Hook) -> bool {
    let delegated = matches!(
        hook.facts.gil.value(),
        Some(GilDeclaration::Delegated { .. })
    );
    !delegated && hook.facts.init.value() != Some(&InitKind::SinglePhase)
}

/// Compares the layout that the code was compiled for with the target's.
fn layout(image: &ImageFacts, hook: &Hook, python: Python) -> LoadCheck {
    let Abi { flavour, versions } = match &image.abi {
        Fact::Known { value, .. } => value.clone(),
        Fact::Unknown { why, .. } => {
            return LoadCheck::Unclear(format!(
                "it could not be read which build the file was compiled for ({why})"
            ));
        }
    };
    let fits_build = match flavour {
        Flavour::FreeThreaded => python.free_threaded,
        Flavour::Gil | Flavour::Abi3 | Flavour::GilOrAbi3 => !python.free_threaded,
        Flavour::Abi3t => true,
    };
    if !fits_build {
        let reason = format!(
            "compiled for {}; {}",
            name_of(flavour),
            foreign_build(image.format, hook, python)
        );
        return refused(Cause::ForeignAbi, reason, image.abi.evidence());
    }
    let too_old = versions.0.is_some_and(|oldest| oldest > python.minor);
    let too_new = versions.1.is_some_and(|newest| newest < python.minor);
    if !too_old && !too_new {
        return LoadCheck::Accepted;
    }
    let bounds = match versions {
        (Some(oldest), Some(newest)) if oldest == newest => format!("CPython 3.{oldest}"),
        (Some(oldest), Some(newest)) => format!("CPython 3.{oldest} to 3.{newest}"),
        (Some(oldest), None) => format!("CPython 3.{oldest} and newer"),
        (None, newest) => format!("CPython up to 3.{}", newest.unwrap_or(python.minor)),
    };
    let one_version = matches!(flavour, Flavour::Gil | Flavour::FreeThreaded);
    if image.format == ImageFormat::Pe && one_version {
        // The file needs the other version's DLL by name: `GetPythonImport` in Python/dynload_win.c refuses it, or the
        // DLL is not there, or a second runtime is loaded beside the first.
        let reason = format!(
            "compiled for {bounds}; on {python} its Python DLL is missing or a second runtime is loaded"
        );
        return refused(Cause::ForeignAbi, reason, image.abi.evidence());
    }
    LoadCheck::Unclear(format!(
        "the file was compiled for {bounds}, and what {python} makes of it is not defined"
    ))
}

fn name_of(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Gil => "a build with the GIL",
        Flavour::FreeThreaded => "the free-threaded build",
        Flavour::Abi3 => "the stable ABI of builds with the GIL (abi3)",
        Flavour::Abi3t => "the stable ABI of both builds (abi3t)",
        Flavour::GilOrAbi3 => "builds with the GIL",
    }
}

/// What happens when the other build's file is imported.
///
/// 3.13t was run (multi-phase: `SystemError`; single-phase: segmentation fault); 3.14t has the same code; 3.15t checks the
/// header in `PyModuleDef_Init`, which a single-phase module never reaches.
fn foreign_build(format: ImageFormat, hook: &Hook, python: Python) -> String {
    let init = hook.facts.init.value().copied();
    if !python.free_threaded {
        return format!(
            "importing it on {python} raises ImportError for a missing symbol, or crashes"
        );
    }
    if format == ImageFormat::Pe {
        return format!(
            "importing it on {python} fails for a missing Python DLL, or loads a second runtime and crashes"
        );
    }
    match (init, python.minor) {
        (Some(InitKind::MultiPhase), 15..) => {
            format!("importing it on {python} raises SystemError (invalid PyModuleDef)")
        }
        (Some(InitKind::MultiPhase), _) => {
            format!("importing it on {python} raises SystemError (uninitialized object)")
        }
        (Some(InitKind::SinglePhase), _) => {
            format!("importing it on {python} crashes the interpreter")
        }
        (Some(InitKind::Export) | None, _) => format!("importing it on {python} fails or crashes"),
    }
}

/// Slot ids of `Py_mod_gil`: up to 3.14, and as renumbered in 3.15. <https://peps.python.org/pep-0820/>
const GIL_SLOTS: [u32; 2] = [4, 87];

/// The largest slot id that a version knows (`_Py_mod_LAST_SLOT`, `_Py_slot_COUNT` - 1).
const LAST_SLOTS: &[(u8, u32)] = &[(0, 2), (12, 3), (13, 4), (15, 110)];

/// Whether the interpreter knows every slot of the definition.
fn slots(hook: &Hook, python: Python) -> LoadCheck {
    let ids = match &hook.facts.slots {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return LoadCheck::Unclear(format!("the module's slots could not be read ({why})"));
        }
    };
    let last = LAST_SLOTS
        .iter()
        .rev()
        .find(|(minor, _)| *minor <= python.minor)
        .map_or(0, |(_, last)| *last);
    if let Some(id) = ids.iter().find(|id| **id > last) {
        // From 3.15 on a slot may be marked as optional, and versions after it may know more.
        if python.minor >= 15 {
            return LoadCheck::Unclear(format!(
                "the module has slot {id}, newer than ungil's table of slots"
            ));
        }
        let reason = format!(
            "the module has slot {id}, which {python} does not know, so importing it raises SystemError"
        );
        return refused(Cause::UnknownSlot, reason, hook.facts.slots.evidence());
    }
    if ids.iter().filter(|id| GIL_SLOTS.contains(id)).count() > 1 {
        let reason = "the module has the slot Py_mod_gil twice, so importing it raises SystemError"
            .to_owned();
        return refused(Cause::UnknownSlot, reason, hook.facts.slots.evidence());
    }
    LoadCheck::Accepted
}

/// `PyABIInfo` flags. <https://docs.python.org/3.15/c-api/stable.html#abi-checking>
mod flags {
    pub(super) const STABLE: u16 = 1;
    pub(super) const GIL: u16 = 2;
    pub(super) const FREE_THREADED: u16 = 4;
    pub(super) const INTERNAL: u16 = 8;
}

/// The first minor version that reads `Py_mod_abi`.
const FIRST_WITH_ABI_INFO: u8 = 15;

/// What `PyABIInfo_Check` would say.
fn abi_info(hook: &Hook, python: Python) -> LoadCheck {
    if python.minor < FIRST_WITH_ABI_INFO {
        return LoadCheck::Accepted;
    }
    let mismatch = |why: &str| {
        let reason = format!("Py_mod_abi {why}, so importing it on {python} raises ImportError");
        refused(
            Cause::AbiInfoMismatch,
            reason,
            hook.facts.abi_info.evidence(),
        )
    };
    match &hook.facts.abi_info {
        Fact::Unknown { why, .. } => {
            LoadCheck::Unclear(format!("Py_mod_abi could not be read ({why})"))
        }
        Fact::Known { value: None, .. } if hook.kind == HookKind::Export => {
            mismatch("is missing, although a module made from slots alone must have it")
        }
        Fact::Known { value: None, .. } => LoadCheck::Accepted,
        Fact::Known {
            value: Some(info), ..
        } => match compare(*info, python) {
            Ok(LoadCheck::Accepted) => LoadCheck::Accepted,
            Ok(check) => check,
            Err(why) => mismatch(&why),
        },
    }
}

/// `PyABIInfo_Check` of `Python/modsupport.c`; the error says what does not fit.
fn compare(info: AbiInfo, python: Python) -> Result<LoadCheck, String> {
    if info.major == 0 {
        return Ok(LoadCheck::Accepted);
    }
    if info.major > 1 {
        return Err(format!("has the version {}, which is too high", info.major));
    }
    let has = |flag: u16| info.flags & flag != 0;
    match (has(flags::GIL), has(flags::FREE_THREADED)) {
        (true, false) if python.free_threaded => {
            return Err("names builds with the GIL only".to_owned());
        }
        (false, true) if !python.free_threaded => {
            return Err("names free-threaded builds only".to_owned());
        }
        _ => {}
    }
    if info.abi_version == 0 {
        return Ok(LoadCheck::Accepted);
    }
    let wanted = (
        (info.abi_version >> 24) & 0xff,
        (info.abi_version >> 16) & 0xff,
    );
    let running = (3, u32::from(python.minor));
    let wanted_text = format!("{}.{}", wanted.0, wanted.1);
    if has(flags::STABLE) {
        return if wanted >= (3, 2) && wanted <= running {
            Ok(LoadCheck::Accepted)
        } else {
            Err(format!("names the stable ABI of {wanted_text}"))
        };
    }
    if wanted != running {
        return Err(format!("names version {wanted_text}"));
    }
    if has(flags::INTERNAL) {
        return Ok(LoadCheck::Unclear(format!(
            "the module only loads on one release of {wanted_text}"
        )));
    }
    Ok(LoadCheck::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::InitFacts;

    fn python(text: &str) -> Python {
        text.parse().unwrap()
    }

    #[test]
    fn abi_info_is_compared_as_cpython_does() {
        let info = |major, flags, abi_version| AbiInfo {
            major,
            minor: 0,
            flags,
            build_version: 0,
            abi_version,
        };
        let table = [
            (info(0, 2, 0x030e_0000), "3.15t", Ok(true)),
            (
                info(2, 7, 0),
                "3.15t",
                Err("has the version 2, which is too high"),
            ),
            (
                info(1, 2, 0x030f_02f0),
                "3.15t",
                Err("names builds with the GIL only"),
            ),
            (info(1, 2, 0x030f_02f0), "3.15", Ok(true)),
            (info(1, 4, 0x030f_02f0), "3.15t", Ok(true)),
            (
                info(1, 4, 0x030f_02f0),
                "3.15",
                Err("names free-threaded builds only"),
            ),
            (info(1, 4, 0), "3.15t", Ok(true)),
            (
                info(1, 3, 0x030f_0000),
                "3.15t",
                Err("names builds with the GIL only"),
            ),
            (info(1, 7, 0x030f_0000), "3.15t", Ok(true)),
            (info(1, 7, 0x030f_0000), "3.16t", Ok(true)),
            (
                info(1, 7, 0x0310_0000),
                "3.15t",
                Err("names the stable ABI of 3.16"),
            ),
            (info(1, 4, 0x030f_0000), "3.16t", Err("names version 3.15")),
            (info(1, 12, 0x030f_02f0), "3.15t", Ok(false)),
            (info(1, 0, 0), "3.15t", Ok(true)),
        ];
        for (info, target, expected) in table {
            let got = compare(info, python(target)).map(|check| check == LoadCheck::Accepted);
            assert_eq!(got, expected.map_err(str::to_owned), "{info:?} {target}");
        }
    }

    #[test]
    fn slots_are_known_by_version() {
        let hook = |ids: &[u32]| Hook {
            symbol: "PyInit_a".into(),
            kind: HookKind::Init,
            module: "a".into(),
            address: 0,
            matches_file_name: true,
            facts: InitFacts {
                init: Fact::known(InitKind::MultiPhase, Vec::new()),
                gil: Fact::unknown("it was not asked"),
                abi_info: Fact::known(None, Vec::new()),
                slots: Fact::known(ids.to_vec(), Vec::new()),
                interpreters: Fact::default(),
            },
        };
        let kind = |check: LoadCheck| match check {
            LoadCheck::Accepted => "accepted",
            LoadCheck::Refused(_) => "refused",
            LoadCheck::Unclear(_) => "unclear",
        };
        let table: &[(&[u32], &str, &str)] = &[
            (&[1, 2, 4], "3.13t", "accepted"),
            (&[1, 2, 4], "3.12", "refused"),
            (&[85, 87], "3.14t", "refused"),
            (&[92], "3.14t", "refused"),
            (&[85, 87, 109], "3.15t", "accepted"),
            (&[2, 4], "3.15t", "accepted"),
            (&[4, 87], "3.15t", "refused"),
            (&[111], "3.15t", "unclear"),
            (&[], "3.14t", "accepted"),
        ];
        for (ids, target, expected) in table {
            assert_eq!(
                kind(slots(&hook(ids), python(target))),
                *expected,
                "{ids:?} {target}"
            );
        }
    }
}
