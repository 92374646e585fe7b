//! Facts made by hand for tests: a good module, of which a test changes what it is about.

use ungil::model::distribution::DistributionFacts;
use ungil::model::facts::{
    Abi, CodeFacts, Fact, Flavour, Generator, GilDeclaration, Hook, HookKind, ImageFacts,
    ImageFormat, InitFacts, InitKind, Interpreters, LimitedApi, ModuleFacts, Refcounts, Toolchain,
    WritableData,
};
use ungil::model::target::Target;

pub(crate) fn target(python: &str, platform: &str) -> Target {
    Target {
        python: python.parse().unwrap(),
        platform: platform.parse().unwrap(),
    }
}

pub(crate) fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Vec::new())
}

/// A multi-phase hook `PyInit_NAME` that declares that it does not need the GIL.
pub(crate) fn hook(name: &str) -> Hook {
    Hook {
        symbol: format!("PyInit_{name}"),
        kind: HookKind::Init,
        module: name.to_owned(),
        address: 0x1000,
        matches_file_name: true,
        facts: InitFacts {
            init: known(InitKind::MultiPhase),
            gil: known(GilDeclaration::Slot { value: 1 }),
            abi_info: known(None),
            slots: known(vec![2, 4]),
            interpreters: known(Some(Interpreters::Supported)),
        },
    }
}

/// The same with another declaration.
pub(crate) fn declaring(name: &str, gil: GilDeclaration) -> Hook {
    let hook = hook(name);
    Hook {
        facts: InitFacts {
            gil: known(gil),
            ..hook.facts.clone()
        },
        ..hook
    }
}

/// An ELF image for x86-64 with these hooks, compiled for the free-threaded build.
pub(crate) fn image(hooks: Vec<Hook>) -> ImageFacts {
    ImageFacts {
        format: ImageFormat::Elf,
        architecture: "x86_64".to_owned(),
        hooks: known(hooks),
        python_imports: known(vec!["PyModuleDef_Init".to_owned()]),
        python_exports: known(Vec::new()),
        libraries: known(vec!["libc.so.6".to_owned()]),
        abi: known(Abi {
            flavour: Flavour::FreeThreaded,
            versions: (None, None),
        }),
        refcounts: known(Refcounts::InlineBiased),
        toolchain: known(Toolchain {
            generator: Generator::CApi,
            version: None,
        }),
        limited_api: known(LimitedApi::default()),
        hazards: known(Vec::new()),
        porting: known(Vec::new()),
        writable_data: known(WritableData::default()),
        code: known(CodeFacts {
            is_complete: true,
            ..CodeFacts::default()
        }),
    }
}

/// A wheel of which nothing is worth a word.
pub(crate) fn distribution() -> DistributionFacts {
    DistributionFacts {
        free_threading: known(None),
        requires_python: known(None),
        generator: known(None),
        name_claims: known(Vec::new()),
        wheel_claims: known(Vec::new()),
        release: known(Vec::new()),
        natives: known(Vec::new()),
    }
}

pub(crate) fn file(path: &str, images: Vec<ImageFacts>) -> ModuleFacts {
    ModuleFacts {
        path: path.to_owned(),
        size: 4096,
        images,
    }
}
