//! Instructions of x86-64: the rows in the repository, and where the host is of that architecture, the processor itself.

use iced_x86::{
    Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register, RflagsBits,
};

use super::state::Cpu;
use super::{Bench, CODE, MEMORY, Random, Row, Tally, WORDS};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::x86::{X86, step};
use crate::model::facts::ImageFormat;

const FORMS: &str = include_str!("../../../../fixtures/instructions/x86_64-forms.tsv");
/// Where pointers of a row point to.
const POINTER: u64 = MEMORY + 0x20;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap())
        .collect()
}

fn decode(code: &[u8]) -> Instruction {
    Decoder::with_ip(64, code, CODE, DecoderOptions::NONE).decode()
}

/// An instruction of the list.
struct Form {
    text: &'static str,
    code: Vec<u8>,
    instruction: Instruction,
}

fn forms() -> impl Iterator<Item = Form> {
    FORMS.lines().map(|line| {
        let (text, code) = line.split_once('\t').unwrap();
        let code = bytes(code);
        Form {
            text,
            instruction: decode(&code),
            code,
        }
    })
}

/// The flags that the manual leaves undefined. The decoder does not look at counts.
fn undefined(instruction: &Instruction, before: &Cpu) -> String {
    use Mnemonic::*;
    let bits = match instruction.op_kind(0) {
        OpKind::Register => 8 * instruction.op_register(0).size() as u64,
        _ => 8 * instruction.memory_size().size() as u64,
    };
    let count = instruction
        .try_immediate(instruction.op_count().saturating_sub(1))
        .unwrap_or(before.registers[1]);
    let count = count & if bits == 64 { 63 } else { 31 };
    match instruction.mnemonic() {
        Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr | Shld | Shrd if count == 0 => "",
        Shl | Sal | Shr if count >= bits => "cv",
        Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr if count == 1 => "",
        Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr => "v",
        _ => {
            let bits = instruction.rflags_undefined();
            let letters = [
                (RflagsBits::SF, 'n'),
                (RflagsBits::ZF, 'z'),
                (RflagsBits::CF, 'c'),
                (RflagsBits::OF, 'v'),
            ];
            return letters
                .into_iter()
                .filter(|(bit, _)| bits & bit != 0)
                .map(|(_, letter)| letter)
                .collect();
        }
    }
    .to_owned()
}

fn check(
    row: &Row,
    instruction: &Instruction,
    bench: &mut Bench,
    tally: &mut Tally,
    random: &mut Random,
) {
    bench.check(row, tally, random, |machine, state| {
        step(machine, state, instruction)
    });
}

fn bench() -> Bench {
    Bench::new(X86::convention(ImageFormat::Elf))
}

fn name(text: &str) -> &str {
    text.split(' ')
        .find(|word| !matches!(*word, "lock" | "rep" | "repe" | "repne" | ""))
        .unwrap()
}

/// The rows of instructions of this name.
fn check_rows(of: &str) {
    let (mut bench, mut tally, mut random) = (bench(), Tally::default(), Random(7));
    for line in super::rows("x86_64.tsv").lines() {
        let [text, code, before, after] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if name(text) != of {
            continue;
        }
        let instruction = decode(&bytes(code));
        let before = Cpu::default().with(before);
        let after = before.clone().with(after);
        let undefined = undefined(&instruction, &before);
        let row = Row {
            text: text.into(),
            length: instruction.len() as u64,
            before,
            after,
            undefined,
            inverts_carry: false,
        };
        check(&row, &instruction, &mut bench, &mut tally, &mut random);
    }
    tally.finish(of);
}

macro_rules! instructions {
    ($($name:ident)*) => {
        /// The instructions that have tests.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check_rows(stringify!($name).trim_start_matches("r#")); })*
    };
}

instructions! {
    adc adcx add adox and andn bextr blsi blsmsk blsr bsf bsr bswap bt btc btr bts bzhi cbw cdq cdqe
    clc cld cmc cmova cmovae cmovb cmovbe cmove cmovg cmovge cmovl cmovle cmovne cmovno cmovnp
    cmovns cmovo cmovp cmovs cmp cmpsb cmpsd cmpsq cmpsw cmpxchg cmpxchg16b cmpxchg8b comiss cqo
    cvtsi2sd cvttsd2si cwd cwde dec div emms endbr64 enter fnop idiv imul inc ja jae jb jbe je jecxz
    jg jge jl jle jmp jne jno jnp jns jo jp jrcxz js lahf lddqu lea leave lfence lodsb lodsd lodsq
    lodsw loope loopne lzcnt maskmovdqu mfence mov movabs movapd movaps movbe movd movddup movdq2q
    movdqa movdqu movhlps movhpd movhps movlhps movlpd movlps movmskpd movmskps movntdq movnti
    movntpd movntps movq movq2dq movsb movsd movsq movss movsw movsx movsxd movupd movups movzx mul
    mulx neg nop not or paddd paddq pand pandn pause pcmpeqd pcmpeqq pdep pext pextrb pextrd pextrq
    pextrw pinsrb pinsrd pinsrq pinsrw pmovmskb pop popcnt popfq por prefetchnta prefetcht0
    prefetcht1 prefetcht2 prefetchw pshufd psllq psrldq psubq ptest punpckhqdq punpcklqdq push
    pushfq pxor r#loop rcl rcr rol ror rorx sahf sar sarx sbb scasb scasd scasq scasw seta setae
    setb setbe sete setg setge setl setle setne setno setnp setns seto setp sets sfence shl shld
    shlx shr shrd shrx stc stosb stosd stosq stosw sub test tzcnt ucomisd unpckhpd unpcklpd unpcklps
    vcomiss vcvtsi2sd vcvttsd2si vextractf128 vextracti128 vinsertf128 vlddqu vmovapd vmovaps vmovd
    vmovddup vmovdqa vmovdqu vmovhlps vmovhpd vmovhps vmovlhps vmovlpd vmovlps vmovmskpd vmovmskps
    vmovq vmovsd vmovss vmovupd vmovups vpaddd vpaddq vpand vpandn vpbroadcastd vpbroadcastq
    vpcmpeqd vpcmpeqq vpermilpd vpermq vpextrb vpextrd vpextrq vpextrw vpinsrb vpinsrd vpinsrq
    vpinsrw vpmaskmovd vpmovmskb vpor vpshufd vpsllq vpsrldq vpsubq vptest vpunpckhqdq vpunpcklqdq
    vpxor vucomisd vunpckhpd vunpcklpd vunpcklps vxorpd vxorps vzeroall vzeroupper xadd xchg xlatb
    xor xorpd xorps
}

#[test]
fn every_form_has_a_test_and_rows() {
    let rows = super::rows("x86_64.tsv");
    let with_rows: std::collections::BTreeSet<&str> = rows
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    for form in forms() {
        let test = name(form.text);
        assert!(
            NAMES
                .iter()
                .any(|name| name.trim_start_matches("r#") == test),
            "{test} has no test"
        );
        assert!(with_rows.contains(form.text), "{} has no row", form.text);
    }
}

/// Every mnemonic that a model names is among the forms.
#[test]
fn every_mnemonic_that_is_modelled_has_forms() {
    /// Words that are no instructions where they stand, branches of which only the target counts, what 64-bit code
    /// cannot encode or the evaluator refuses, and what needs vector registers of 512 bits.
    const LEFT_OUT: &[&str] = &[
        "INVALID",
        "Wait",
        "In",
        "Out",
        "Ret",
        "Call",
        "Into",
        "Int",
        "Hlt",
        "Ud0",
        "Ud1",
        "Ud2",
        "Int3",
        "Syscall",
        "Sal",
        "Std",
        "Jcxz",
        "Jmp",
        "Vmovdqu8",
        "Vmovdqu16",
        "Vmovdqu32",
        "Vmovdqu64",
        "Vmovdqa32",
        "Vmovdqa64",
        "Vpxord",
        "Vpxorq",
    ];
    let sources = [
        include_str!("../x86.rs"),
        include_str!("../x86/access.rs"),
        include_str!("../x86/arithmetic.rs"),
        include_str!("../x86/control.rs"),
        include_str!("../x86/decode.rs"),
        include_str!("../x86/exchange.rs"),
        include_str!("../x86/operand.rs"),
        include_str!("../x86/shift.rs"),
        include_str!("../x86/stack.rs"),
        include_str!("../x86/string_ops.rs"),
        include_str!("../x86/unmodelled.rs"),
        include_str!("../x86/vector.rs"),
    ];
    let tested: Vec<Mnemonic> = forms().map(|form| form.instruction.mnemonic()).collect();
    let words: std::collections::BTreeSet<&str> = sources
        .iter()
        .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let missing: Vec<String> = Mnemonic::values()
        .filter(|mnemonic| !tested.contains(mnemonic))
        .map(|mnemonic| format!("{mnemonic:?}"))
        .filter(|name| words.contains(name.as_str()) && !LEFT_OUT.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "no forms of {missing:?}");
}

/// A state in which an instruction can be carried out without a fault.
fn before(form: &Form, random: &mut Random) -> Cpu {
    let instruction = &form.instruction;
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let mut cpu = Cpu::default();
    for used in info.used_registers() {
        let register = used.register();
        if register.full_register().is_gpr() {
            cpu.registers[register.full_register().number()] = random.number();
        } else if register.is_vector_register()
            && let Some(lanes) = cpu.vectors.get_mut(register.number())
        {
            lanes.fill_with(|| random.number());
        }
    }
    let is_aligned = form.text.contains("mova")
        || form.text.contains("movdqa")
        || form.text.contains("movnt")
        || form.text.contains("xmmword") && !form.text.starts_with('v');
    let pointer = POINTER
        + if is_aligned {
            0
        } else {
            [0, 0, 8, 1, 3, 5][random.below(6) as usize]
        };
    for used in info
        .used_memory()
        .iter()
        .filter(|used| used.access() != OpAccess::NoMemAccess)
    {
        let index = used.index();
        if index.is_gpr() {
            cpu.registers[index.full_register().number()] = random.below(8);
        }
        if used.base().is_gpr() {
            let apart = if used.base().full_register() == Register::RDI {
                0x18
            } else {
                0
            };
            cpu.registers[used.base().full_register().number()] = pointer + apart;
        }
    }
    set_registers(form, &mut cpu, random);
    if instruction.has_rep_prefix() || instruction.has_repne_prefix() {
        cpu.registers[1] = random.below(4);
    }
    if info
        .used_memory()
        .iter()
        .any(|used| used.access() != OpAccess::NoMemAccess)
        || form.text.starts_with("maskmov")
    {
        for word in cpu.memory.iter_mut().take(WORDS - 6).skip(2) {
            *word = random.number();
        }
    }
    set_memory(form, &mut cpu, random, pointer);
    let flags = random.next();
    let flag = |bit: u64| flags >> bit & 1 != 0;
    (cpu.carry, cpu.zero, cpu.negative, cpu.overflow, cpu.parity) =
        (flag(0), flag(1), flag(2), flag(3), flag(4));
    cpu
}

/// Registers that some instructions need to have small numbers or pointers in.
fn set_registers(form: &Form, cpu: &mut Cpu, random: &mut Random) {
    use Mnemonic::*;
    let instruction = &form.instruction;
    let size = 8 * instruction.memory_size().size() as u64;
    match instruction.mnemonic() {
        Push | Pop | Pushfq | Popfq => cpu.registers[4] = POINTER + 8,
        Leave | Enter => (cpu.registers[4], cpu.registers[5]) = (POINTER + 0x18, POINTER + 8),
        Maskmovdqu => cpu.registers[7] = POINTER,
        Loop | Loope | Loopne | Jrcxz | Jecxz => {
            cpu.registers[1] = [0, 1, 2, 1 << 32, u64::MAX][random.below(5) as usize]
        }
        Div | Idiv => divisible(form, cpu, random),
        Bt | Bts | Btr | Btc
            if instruction.op_kind(0) == OpKind::Memory
                && instruction.op_kind(1) == OpKind::Register =>
        {
            let bits = size.clamp(16, 64);
            let index = random.below(300).wrapping_sub(120);
            let above = if bits == 64 { 0 } else { random.next() << bits };
            cpu.registers[1] = index & (u64::MAX >> (64 - bits)) | above;
        }
        _ => {}
    }
}

/// Memory that some instructions need to find.
fn set_memory(form: &Form, cpu: &mut Cpu, random: &mut Random, pointer: u64) {
    use Mnemonic::*;
    let instruction = &form.instruction;
    match instruction.mnemonic() {
        Popfq => cpu.memory.iter_mut().for_each(|word| *word &= 0x8d5),
        // Comparisons are as often equal as not.
        Cmpxchg | Cmpxchg8b | Cmpxchg16b if random.below(2) == 0 => {
            let offset = ((pointer - MEMORY) / 8) as usize;
            (cpu.registers[0], cpu.registers[2]) = (cpu.memory[offset], cpu.memory[offset + 1]);
            if instruction.op_kind(0) == OpKind::Register {
                cpu.registers[0] =
                    cpu.registers[instruction.op_register(0).full_register().number()];
            }
        }
        Scasb | Scasw | Scasd | Scasq | Cmpsb | Cmpsw | Cmpsd | Cmpsq if random.below(2) == 0 => {
            cpu.memory.fill(cpu.registers[0]);
        }
        Div | Idiv if instruction.op_kind(0) == OpKind::Memory => {
            let divisor = 1 + random.below(100);
            cpu.memory.fill(divisor);
            let index = cpu
                .registers
                .iter()
                .position(|&register| register == pointer)
                .unwrap();
            cpu.registers[index] = POINTER;
        }
        _ => {}
    }
}

/// Dividends whose upper half is zero, and divisors that are not: the quotient fits.
fn divisible(form: &Form, cpu: &mut Cpu, random: &mut Random) {
    let is_byte =
        form.text.contains(" cl") || form.text.contains(" ch") || form.text.contains("byte");
    let is_signed = form.instruction.mnemonic() == Mnemonic::Idiv;
    let limit = if is_signed || is_byte { 0x7f } else { 0xffff };
    cpu.registers[0] = random.below(limit + 1);
    cpu.registers[2] = 0;
    let number = 1 + random.below(0x7f);
    if form.instruction.op_kind(0) == OpKind::Register {
        let high = form.text.ends_with("ch");
        cpu.registers[1] = if high { number << 8 } else { number };
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod on_the_processor {
    use iced_x86::CpuidFeature;

    use super::super::host;
    use super::*;

    /// Whether this processor has what an instruction needs.
    fn can(instruction: &Instruction) -> bool {
        instruction
            .cpuid_features()
            .iter()
            .all(|feature| match feature {
                CpuidFeature::AVX => host::has_avx(),
                CpuidFeature::AVX2 => host::has_avx() && is_x86_feature_detected!("avx2"),
                CpuidFeature::BMI1 => is_x86_feature_detected!("bmi1"),
                CpuidFeature::BMI2 => is_x86_feature_detected!("bmi2"),
                CpuidFeature::ADX => is_x86_feature_detected!("adx"),
                CpuidFeature::LZCNT => is_x86_feature_detected!("lzcnt"),
                CpuidFeature::POPCNT => is_x86_feature_detected!("popcnt"),
                CpuidFeature::MOVBE => is_x86_feature_detected!("movbe"),
                CpuidFeature::CMPXCHG16B => is_x86_feature_detected!("cmpxchg16b"),
                CpuidFeature::SSE3 => is_x86_feature_detected!("sse3"),
                CpuidFeature::SSSE3 => is_x86_feature_detected!("ssse3"),
                CpuidFeature::SSE4_1 => is_x86_feature_detected!("sse4.1"),
                CpuidFeature::SSE4_2 => is_x86_feature_detected!("sse4.2"),
                // What every processor of this architecture has, and what is nothing to one that has it not.
                _ => true,
            })
    }

    fn row(form: &Form, random: &mut Random) -> Row {
        let before = before(form, random);
        let after = host::run(&form.code, &before);
        let undefined = undefined(&form.instruction, &before);
        Row {
            text: form.text.into(),
            length: form.code.len() as u64,
            before,
            after,
            undefined,
            inverts_carry: false,
        }
    }

    fn compare(seed: u64, count: usize) {
        let (mut bench, mut tally, mut random) = (bench(), Tally::default(), Random(seed));
        let forms: Vec<Form> = forms().filter(|form| can(&form.instruction)).collect();
        for turn in 0..count {
            let form = &forms[if turn < forms.len() {
                turn
            } else {
                random.below(forms.len() as u64) as usize
            }];
            let row = row(form, &mut random);
            check(&row, &form.instruction, &mut bench, &mut tally, &mut random);
        }
        tally.finish("on the processor");
    }

    #[test]
    fn the_processor_agrees() {
        compare(1, 8_000);
    }

    /// `SEED=2 COUNT=100000 cargo test --lib -- --ignored the_processor_agrees_for_long --nocapture`
    #[test]
    #[ignore = "takes as long as COUNT says"]
    fn the_processor_agrees_for_long() {
        let number = |name: &str, otherwise: u64| {
            std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
        };
        compare(number("SEED", 2), number("COUNT", 100_000) as usize);
    }

    /// Writes `fixtures/instructions/x86_64.tsv`.
    #[test]
    #[ignore = "writes the rows that the other tests read"]
    fn record_rows() {
        let mut random = Random(20_261_128);
        let mut lines = String::new();
        for form in forms().filter(|form| can(&form.instruction)) {
            for _ in 0..if form.text.contains('[') { 2 } else { 3 } {
                let row = row(&form, &mut random);
                let after = row.after.changes(&row.before);
                let code: String = form.code.iter().map(|byte| format!("{byte:02x}")).collect();
                lines += &format!("{}\t{code}\t{}\t{after}\n", form.text, row.before);
            }
        }
        std::fs::write(
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/fixtures/instructions/x86_64.tsv"
            ),
            lines,
        )
        .unwrap();
    }
}
