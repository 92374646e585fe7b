#![no_main]
#![allow(dead_code, reason = "every target is in one file")]

#[path = "../../tests/it/fuzz_targets.rs"]
mod fuzz_targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_targets::simple_page(bytes));
