//! What a person can look up to check a claim.

use serde::{Deserialize, Serialize};

/// One thing seen in a file: enough to find it again with `readelf`, `objdump` or a hex dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// What was seen, in words: `slot Py_mod_gil`, `imported symbol`, `static PyModuleDef header`.
    pub what: String,
    /// The symbol, string or library concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Virtual address in the image, as a disassembler shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The value read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// File and line in a source distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Evidence {
    /// Evidence that so far only says what was seen.
    pub fn new(what: impl Into<String>) -> Evidence {
        Evidence {
            what: what.into(),
            ..Evidence::default()
        }
    }

    /// Adds the symbol, string or library concerned.
    pub fn symbol(mut self, symbol: impl Into<String>) -> Evidence {
        self.symbol = Some(symbol.into());
        self
    }

    /// Adds the virtual address.
    pub fn address(mut self, address: u64) -> Evidence {
        self.address = Some(address);
        self
    }

    /// Adds the value read.
    pub fn value(mut self, value: impl Into<String>) -> Evidence {
        self.value = Some(value.into());
        self
    }

    /// Adds file and line in a source distribution.
    pub fn place(mut self, place: impl Into<String>) -> Evidence {
        self.place = Some(place.into());
        self
    }
}
