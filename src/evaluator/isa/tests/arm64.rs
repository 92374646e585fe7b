//! Instructions of A64: rows that qemu carried out.

use std::path::PathBuf;

use super::state::Cpu;
use super::{Bench, CODE, Random, Row, Tally};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::arm64::Arm64;
use crate::model::facts::Format;

fn words(hex: &str) -> Vec<u32> {
    (0..hex.len())
        .step_by(8)
        .map(|index| u32::from_str_radix(&hex[index..index + 8], 16).unwrap().swap_bytes())
        .collect()
}

fn name(text: &str) -> &str {
    text.split([' ', '.', '\t']).next().unwrap()
}

/// Rows of instructions for which this holds.
fn check_rows(what: &str, rows: &str, wanted: impl Fn(&str) -> bool) {
    let (mut bench, mut tally, mut random) = (Bench::new(Arm64::convention(Format::Elf)), Tally::default(), Random(7));
    let mut set = Arm64::default();
    for line in rows.lines() {
        let [text, code, before, after] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if !wanted(name(text)) {
            continue;
        }
        let words = words(code);
        let before = Cpu::default().with(before);
        let after = before.clone().with(after);
        let length = 4 * words.len() as u64;
        let row = Row { text: text.into(), length, before, after, undefined: String::new(), inverts_carry: true };
        bench.check(&row, &mut tally, &mut random, |machine, state| {
            set.step_word(machine, state, words[((state.pc - CODE) / 4) as usize])
        });
    }
    tally.finish(what);
}

macro_rules! instructions {
    ($($name:ident)*) => {
        /// The instructions that have tests.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check_rows(stringify!($name), &super::rows("aarch64.tsv"), |name| name == stringify!($name)); })*
    };
}

instructions! {
    adc adcs add adds addv adr adrp and ands asr b bfi bfxil bic bics cas casa casab casah casal
    casalb casalh casb cash casl caslb caslh casp caspal cbnz cbz ccmn ccmp cfinv cinc clrex cls clz
    cmeq cmn cmp cnt crc32b crc32cx crc32w csel cset csetm csinc csinv csneg dmb dsb dup eon eor ext
    extr fadd fccmp fcmp fcsel fcvtzs fmov fneg ins isb ld1 ld1r ld2 ld4r ldadd ldadda ldaddal
    ldaddalh ldaddb ldaddl ldapr ldaprb ldaprh ldapur ldapurb ldapurh ldapursb ldapursh ldapursw ldar ldarb ldarh ldaxp ldaxr ldaxrb ldaxrh ldclr
    ldclra ldclral ldclralh ldclrb ldclrl ldeor ldeora ldeoral ldeoralh ldeorb ldeorl ldnp ldp ldpsw
    ldr ldrb ldrh ldrsb ldrsh ldrsw ldset ldseta ldsetal ldsetalh ldsetb ldsetl ldsmax ldsmaxa
    ldsmaxal ldsmaxalh ldsmaxb ldsmaxl ldtr ldumin ldumina lduminal lduminalh lduminb lduminl ldxp
    ldxr ldxrb ldxrh lsl lsr madd mneg mov movi movk movn movz mrs msr msub mul mvn mvni neg negs
    nop orn orr prfm rbit rev rev16 rev32 rmif ror sbc sbcs sbfiz sbfx scvtf sdiv setf16 setf8
    smaddl smov smsubl smulh st1 st2 st3 st4 stadd stclr stlr stlrb stlrh stlur stlurb stlurh stnp stp str strb strh
    stset sttr sub subs swp swpa swpal swpalh swpb swpl sxtb sxth sxtw tbl tbnz tbz trn1 tst ubfiz
    ubfx udiv umaddl umaxv umov umsubl umulh uxtb uxth uzp1 xtn xtn2 zip1 zip2
}

#[test]
fn every_row_has_a_test() {
    for line in super::rows("aarch64.tsv").lines() {
        assert!(NAMES.contains(&name(line)), "{} has no test", name(line));
    }
}

/// `ROWS=FILE cargo test --lib -- --ignored more_rows_of_qemu --nocapture`, for a file that the script wrote.
#[test]
#[ignore = "reads rows that the script writes"]
fn more_rows_of_qemu() {
    let path = PathBuf::from(std::env::var("ROWS").unwrap());
    check_rows("on qemu", &std::fs::read_to_string(path).unwrap(), |_| true);
}
