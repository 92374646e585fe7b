//! The imports of an image as its code meets them: the slots that the loader fills, and the calls through them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::binary::image::{BinaryImage, IMPORT_WINDOW, ImportKind};
use crate::model::facts::{CallSites, CodeSightings, ImportCalls};

/// Most functions that are named as holding calls of one import.
const MOST_HOLDERS: usize = 16;

/// What an import means to the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImportRole {
    /// Nothing in particular.
    Other,
    /// It is a Python object.
    Object,
    /// It is a type, and so a Python object, too.
    Type,
    /// It is a variable that points to a Python object.
    ObjectPointer,
    /// It frees an object.
    Dealloc,
    /// It returns an object or NULL.
    GivesObject,
}

/// Static objects of the interpreter that are no types.
const OBJECTS: [&str; 5] = [
    "_Py_NoneStruct",
    "_Py_TrueStruct",
    "_Py_FalseStruct",
    "_Py_EllipsisObject",
    "_Py_NotImplementedStruct",
];

/// Functions that are called often and return an object.
const GIVE_OBJECTS: [&str; 24] = [
    "PyDict_GetItem",
    "PyDict_GetItemString",
    "PyDict_GetItemWithError",
    "PyDict_New",
    "PyFloat_FromDouble",
    "PyImport_ImportModule",
    "PyIter_Next",
    "PyList_GetItem",
    "PyList_New",
    "PyLong_FromLong",
    "PyLong_FromSsize_t",
    "PyObject_Call",
    "PyObject_CallNoArgs",
    "PyObject_CallObject",
    "PyObject_GetAttr",
    "PyObject_GetAttrString",
    "PyObject_GetItem",
    "PyObject_GetIter",
    "PyObject_Str",
    "PyTuple_GetItem",
    "PyTuple_New",
    "PyTuple_Pack",
    "PyUnicode_FromString",
    "PyUnicode_FromStringAndSize",
];

fn role(name: &str) -> ImportRole {
    if name == "_Py_Dealloc" {
        ImportRole::Dealloc
    } else if OBJECTS.contains(&name) {
        ImportRole::Object
    } else if name.starts_with("PyExc_") {
        ImportRole::ObjectPointer
    } else if name.starts_with("Py") && name.ends_with("_Type") {
        ImportRole::Type
    } else if GIVE_OBJECTS.binary_search(&name).is_ok() {
        ImportRole::GivesObject
    } else {
        ImportRole::Other
    }
}

/// Calls of one import so far.
#[derive(Clone, Debug, Default)]
struct CallTally {
    sites: CodeSightings,
    holders: BTreeSet<String>,
}

/// The imports of an image and how often its code calls each.
pub(super) struct ImportCallCounts<'image, 'data> {
    image: &'image BinaryImage<'data>,
    roles: Vec<ImportRole>,
    /// The import that the loader puts into each slot.
    slots: HashMap<u64, u32>,
    tallies: BTreeMap<u32, CallTally>,
}

impl<'image, 'data> ImportCallCounts<'image, 'data> {
    pub(super) fn new(image: &'image BinaryImage<'data>) -> ImportCallCounts<'image, 'data> {
        let imports = image.imports();
        let first = imports.first().map_or(u64::MAX, |import| import.address);
        let number = |value: u64| {
            let offset = value
                .checked_sub(first)
                .filter(|offset| offset % IMPORT_WINDOW == 0)?;
            let number = usize::try_from(offset / IMPORT_WINDOW).ok()?;
            imports
                .get(number)
                .filter(|import| import.kind == ImportKind::Symbol)
                .map(|_| number as u32)
        };
        let slots = image
            .relocations()
            .iter()
            .filter_map(|&(slot, value)| Some((slot, number(value)?)));
        let roles = imports.iter().map(|import| match import.kind {
            ImportKind::Symbol => role(&import.name),
            ImportKind::Opaque => ImportRole::Other,
        });
        ImportCallCounts {
            image,
            roles: roles.collect(),
            slots: slots.collect(),
            tallies: BTreeMap::new(),
        }
    }

    /// The import whose address the loader puts into a slot.
    pub(super) fn at_slot(&self, slot: u64) -> Option<u32> {
        self.slots.get(&slot).copied()
    }

    pub(super) fn role(&self, import: u32) -> ImportRole {
        self.roles
            .get(import as usize)
            .copied()
            .unwrap_or(ImportRole::Other)
    }

    /// Counts a call of an import.
    pub(super) fn call(&mut self, import: u32, site: u64) {
        let tally = self.tallies.entry(import).or_default();
        tally.sites.add(site);
        if tally.holders.len() < MOST_HOLDERS
            && let Some(holder) = self.image.function_at(site)
            && !tally.holders.contains(holder)
        {
            tally.holders.insert(holder.to_owned());
        }
    }

    /// All calls, by name.
    pub(super) fn finish(self) -> Vec<ImportCalls> {
        let mut calls: Vec<ImportCalls> = Vec::new();
        for (number, tally) in self.tallies {
            let Some(import) = self.image.imports().get(number as usize) else {
                continue;
            };
            let CodeSightings { count, example } = tally.sites;
            let functions = tally.holders.into_iter().collect();
            calls.push(ImportCalls {
                function: import.name.clone(),
                sites: CallSites {
                    count,
                    example,
                    functions,
                },
            });
        }
        calls.sort_by(|left, right| left.function.cmp(&right.function));
        calls
    }
}
