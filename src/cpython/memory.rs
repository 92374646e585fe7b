//! Memory that CPython's objects are read from: an image's, or that of an evaluator which has followed code that fills
//! them.

/// Longest text that is read.
const LONGEST_TEXT: u64 = 256;

/// Memory with values that may not be known.
pub trait PartialMemory {
    /// 4 or 8.
    fn pointer_size(&self) -> u64;

    /// The number of 1, 2, 4 or 8 bytes at an address; `None` when what the interpreter will see there is not known.
    fn number(&self, address: u64, size: u64) -> Option<u64>;

    /// A pointer, or a number of a pointer's size.
    fn pointer(&self, address: u64) -> Option<u64> {
        self.number(address, self.pointer_size())
    }

    /// A text that ends with a zero byte.
    fn text(&self, start: u64) -> Option<String> {
        let mut bytes = Vec::new();
        for offset in 0..LONGEST_TEXT {
            match self.number(start.wrapping_add(offset), 1)? {
                0 => return String::from_utf8(bytes).ok(),
                byte => bytes.push(byte as u8),
            }
        }
        None
    }
}
