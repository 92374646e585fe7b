//! Instructions of A64: rows that qemu carried out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Opcode};

use super::state::Cpu;
use super::{Bench, CODE, Random, Row, Tally};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::arm64::Arm64;
use crate::model::facts::ImageFormat;

fn words(hex: &str) -> Vec<u32> {
    (0..hex.len())
        .step_by(8)
        .map(|index| {
            u32::from_str_radix(&hex[index..index + 8], 16)
                .unwrap()
                .swap_bytes()
        })
        .collect()
}

fn name(text: &str) -> &str {
    text.split([' ', '.', '\t']).next().unwrap()
}

/// Rows of instructions for which this holds.
fn check_rows(what: &str, rows: &str, wanted: impl Fn(&str) -> bool) {
    let (mut bench, mut tally, mut random) = (
        Bench::new(Arm64::convention(ImageFormat::Elf)),
        Tally::default(),
        Random(7),
    );
    let mut set = Arm64::default();
    for line in rows.lines() {
        let [text, code, before, after] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if !wanted(name(text)) {
            continue;
        }
        let words = words(code);
        let before = Cpu::default().with(before);
        let after = before.clone().with(after);
        let length = 4 * words.len() as u64;
        let row = Row {
            text: text.into(),
            length,
            before,
            after,
            undefined: String::new(),
            inverts_carry: true,
        };
        bench.check(&row, &mut tally, &mut random, |machine, state| {
            set.step_word(machine, state, words[((state.pc - CODE) / 4) as usize])
        });
    }
    tally.finish(what);
}

/// The name of an opcode without what it holds.
fn opcode_name(opcode: Opcode) -> String {
    format!("{opcode:?}").split('(').next().unwrap().to_owned()
}

macro_rules! instructions {
    ($($name:ident)*) => {
        /// The instructions that have tests.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check_rows(stringify!($name), &super::rows("aarch64.tsv"), |name| name == stringify!($name)); })*
    };
}

instructions! {
    adc adcs add adds addv adr adrp and ands asr axflag b bfi bfxil bic bics cas casa casab casah
    casal casalb casalh casb cash casl caslb caslh casp caspal cbnz cbz ccmn ccmp cfinv cinc clrex
    cls clz cmeq cmn cmp cnt crc32b crc32cx crc32w csel cset csetm csinc csinv csneg dmb dsb dup eon
    eor ext extr fadd fccmp fccmpe fcmp fcmpe fcsel fcvtzs fmov fneg ins isb ld1 ld1r ld2 ld2r ld3
    ld3r ld4 ld4r ldadd ldadda ldaddal ldaddalh ldaddb ldaddl ldapr ldaprb ldaprh ldapur ldapurb
    ldapurh ldapursb ldapursh ldapursw ldar ldarb ldarh ldaxp ldaxr ldaxrb ldaxrh ldclr ldclra
    ldclral ldclralh ldclrb ldclrl ldeor ldeora ldeoral ldeoralh ldeorb ldeorl ldlar ldlarb ldlarh
    ldnp ldp ldpsw ldr ldrb ldrh ldrsb ldrsh ldrsw ldset ldseta ldsetal ldsetalh ldsetb ldsetl
    ldsmax ldsmaxa ldsmaxal ldsmaxalh ldsmaxb ldsmaxl ldtr ldtrb ldtrh ldtrsb ldtrsh ldtrsw ldumin
    ldumina lduminal lduminalh lduminb lduminl ldxp ldxr ldxrb ldxrh lsl lsr madd mneg mov movi movk
    movn movz mrs msr msub mul mvn mvni neg negs nop orn orr prfm prfum rbit rev rev16 rev32 rmif
    ror sbc sbcs sbfiz sbfx scvtf sdiv setf16 setf8 smaddl smov smsubl smulh st1 st2 st3 st4 stadd
    stclr stllr stllrb stllrh stlr stlrb stlrh stlur stlurb stlurh stnp stp str strb strh stset sttr
    sttrb sttrh sub subs swp swpa swpal swpalh swpb swpl sxtb sxth sxtw tbl tbnz tbz trn1 tst ubfiz
    ubfx udiv umaddl umaxv umov umsubl umulh uxtb uxth uzp1 xaflag xtn xtn2 zip1 zip2
}

#[test]
fn every_row_has_a_test() {
    for line in super::rows("aarch64.tsv").lines() {
        assert!(NAMES.contains(&name(line)), "{} has no test", name(line));
    }
}

/// Every mnemonic that a model names has a row.
#[test]
fn every_mnemonic_that_is_modelled_has_rows() {
    /// Words that are no instructions, and instructions of which only where they lead counts.
    const LEFT_OUT: &[&str] = &[
        "AAPCS64", "ANY", "BARRIER", "BL", "BLR", "BR", "BREAK", "BRK", "COMPARE", "HLT", "IMAGE",
        "LANES", "LD", "LINK", "LOAD", "MAX", "NOTHING", "OUTSIDE", "REACH", "RET", "SETF", "SP",
        "ST", "STACK", "SVC", "SWAP", "THREAD", "UDF", "UNKNOWN", "UXTW", "WINDOWS", "YIELD",
    ];
    let sources = [
        include_str!("../arm64.rs"),
        include_str!("../arm64/access.rs"),
        include_str!("../arm64/arithmetic.rs"),
        include_str!("../arm64/atomic.rs"),
        include_str!("../arm64/branches.rs"),
        include_str!("../arm64/encoding.rs"),
        include_str!("../arm64/lookups.rs"),
        include_str!("../arm64/memory.rs"),
        include_str!("../arm64/operand.rs"),
        include_str!("../arm64/vector.rs"),
        include_str!("../arm64/xrefs.rs"),
    ];
    let rows = super::rows("aarch64.tsv");
    let codes = rows
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .flat_map(words);
    let opcodes = codes.filter_map(|word| {
        InstDecoder::default()
            .decode(&mut U8Reader::new(&word.to_le_bytes()))
            .ok()
    });
    // Assemblers have names of their own for some forms: `lsl` is a UBFM.
    let names = rows.lines().map(|line| name(line).to_uppercase());
    let tested: BTreeSet<String> = opcodes
        .map(|instruction| opcode_name(instruction.opcode))
        .chain(names)
        .collect();
    let code = sources
        .iter()
        .filter_map(|text| text.split("#[cfg(test)]").next())
        .flat_map(str::lines);
    let code = code.map(|line| line.split("//").next().unwrap_or_default());
    let words: BTreeSet<&str> = code
        .flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let is_mnemonic = |word: &&str| {
        let mut letters = word.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
            && word.len() > 1
            && letters.all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
    };
    let missing: Vec<&str> = words
        .into_iter()
        .filter(is_mnemonic)
        .filter(|word| !tested.contains(*word) && !LEFT_OUT.contains(word))
        .collect();
    assert!(missing.is_empty(), "no rows of {missing:?}");
}

/// `ROWS=FILE cargo test --lib -- --ignored more_rows_of_qemu --nocapture`, for a file that the script wrote.
#[test]
#[ignore = "reads rows that the script writes"]
fn more_rows_of_qemu() {
    let path = PathBuf::from(std::env::var("ROWS").unwrap());
    check_rows("on qemu", &std::fs::read_to_string(path).unwrap(), |_| true);
}
