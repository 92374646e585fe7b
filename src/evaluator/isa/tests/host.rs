//! Carries out an instruction of x86-64 on the processor that the tests run on.
#![expect(
    unsafe_code,
    reason = "the processor is the oracle: it carries out instructions of a fixed list, in pages of their own"
)]

use std::arch::{asm, global_asm};
use std::sync::Mutex;

use super::state::{Cpu, VECTORS};
use super::{MEMORY, TAKEN, WORDS};
use crate::evaluator::cpu::state::LANES;

/// What the code around an instruction loads and saves. `r15` points here, `r14` says whether a branch was taken.
#[repr(C)]
struct Frame {
    registers: [u64; 16],
    flags: u64,
    taken: u64,
    stack: u64,
    has_avx: u64,
    target: u64,
    vectors: [[u64; LANES]; VECTORS],
}

global_asm!(
    ".globl ungil_test_enter",
    "ungil_test_enter:",
    "push rbx; push rbp; push r12; push r13; push r14; push r15",
    "mov r15, rdi",
    "mov [r15 + 144], rsp",
    "cmp qword ptr [r15 + 152], 0",
    "je 2f",
    "vmovdqu ymm0, [r15 + 168]; vmovdqu ymm1, [r15 + 200]; vmovdqu ymm2, [r15 + 232]; vmovdqu ymm3, [r15 + 264]",
    "jmp 3f",
    "2: movdqu xmm0, [r15 + 168]; movdqu xmm1, [r15 + 200]; movdqu xmm2, [r15 + 232]; movdqu xmm3, [r15 + 264]",
    "3: push qword ptr [r15 + 128]; popfq",
    "mov rax, [r15]; mov rcx, [r15 + 8]; mov rdx, [r15 + 16]; mov rbx, [r15 + 24]; mov rsp, [r15 + 32]",
    "mov rbp, [r15 + 40]; mov rsi, [r15 + 48]; mov rdi, [r15 + 56]; mov r8, [r15 + 64]; mov r9, [r15 + 72]",
    "mov r10, [r15 + 80]; mov r11, [r15 + 88]; mov r12, [r15 + 96]; mov r13, [r15 + 104]; mov r14d, 0",
    "jmp qword ptr [r15 + 160]",
    ".globl ungil_test_taken",
    "ungil_test_taken: mov r14d, 1",
    ".globl ungil_test_leave",
    "ungil_test_leave:",
    "mov [r15], rax; mov [r15 + 8], rcx; mov [r15 + 16], rdx; mov [r15 + 24], rbx; mov [r15 + 32], rsp",
    "mov [r15 + 40], rbp; mov [r15 + 48], rsi; mov [r15 + 56], rdi; mov [r15 + 64], r8; mov [r15 + 72], r9",
    "mov [r15 + 80], r10; mov [r15 + 88], r11; mov [r15 + 96], r12; mov [r15 + 104], r13; mov [r15 + 136], r14",
    "mov rsp, [r15 + 144]",
    "pushfq; pop qword ptr [r15 + 128]",
    "cld; emms",
    "cmp qword ptr [r15 + 152], 0",
    "je 2f",
    "vmovdqu [r15 + 168], ymm0; vmovdqu [r15 + 200], ymm1; vmovdqu [r15 + 232], ymm2; vmovdqu [r15 + 264], ymm3",
    "vzeroupper",
    "jmp 3f",
    "2: movdqu [r15 + 168], xmm0; movdqu [r15 + 200], xmm1; movdqu [r15 + 232], xmm2; movdqu [r15 + 264], xmm3",
    "3: pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx",
    "ret",
);

unsafe extern "sysv64" {
    fn ungil_test_enter(frame: *mut Frame);
    fn ungil_test_taken();
    fn ungil_test_leave();
}

/// One row at a time: the pages are there once.
static PAGES: Mutex<Option<u64>> = Mutex::new(None);

/// Pages at an address, or anywhere where that is 0; `mmap` of Linux.
fn map(address: u64, protection: u64, flags: u64) -> u64 {
    const MMAP: u64 = 9;
    const PRIVATE_ANONYMOUS: u64 = 0x22;
    let result: u64;
    // SAFETY: `mmap` of new pages, which replace none, takes no memory from anybody.
    unsafe {
        asm!("syscall", inlateout("rax") MMAP => result, in("rdi") address, in("rsi") 8192_u64, in("rdx") protection,
            in("r10") PRIVATE_ANONYMOUS | flags, in("r8") u64::MAX, in("r9") 0_u64, out("rcx") _, out("r11") _);
    }
    assert!(
        result < 1 << 47 && (address == 0 || result == address),
        "no pages at {address:#x}: {result:#x}"
    );
    result
}

fn pages() -> u64 {
    const READ_WRITE: u64 = 3;
    const EXECUTE: u64 = 4;
    const FIXED_NO_REPLACE: u64 = 0x10_0000;
    map(MEMORY, READ_WRITE, FIXED_NO_REPLACE);
    map(0, READ_WRITE | EXECUTE, 0)
}

/// Whether this processor has the vector registers of 256 bits.
pub(super) fn has_avx() -> bool {
    is_x86_feature_detected!("avx")
}

/// The state that an instruction leaves.
pub(super) fn run(code: &[u8], before: &Cpu) -> Cpu {
    let mut guard = PAGES
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let place = *guard.get_or_insert_with(pages);
    let jump = |target: unsafe extern "sysv64" fn()| {
        [
            &[0xff, 0x25, 0, 0, 0, 0],
            &(target as usize as u64).to_le_bytes()[..],
        ]
        .concat()
    };
    let mut block = [code, &jump(ungil_test_leave)].concat();
    block.resize(TAKEN as usize, 0xcc);
    block.extend(jump(ungil_test_taken));
    let flag = |set: bool, bit: u64| u64::from(set) << bit;
    let flags = 2
        | flag(before.carry, 0)
        | flag(before.parity, 2)
        | flag(before.zero, 6)
        | flag(before.negative, 7)
        | flag(before.overflow, 11);
    let mut frame = Frame {
        registers: before.registers[..16].try_into().unwrap(),
        flags,
        taken: 0,
        stack: 0,
        has_avx: u64::from(has_avx()),
        target: place,
        vectors: before.vectors,
    };
    let mut memory = [0_u8; 8 * WORDS];
    // SAFETY: both pages are ours alone while the lock is held, and the code ends in one of the two jumps back: the list of
    // instructions holds none that leads elsewhere or faults.
    unsafe {
        std::ptr::write_bytes(MEMORY as *mut u8, 0, 8192);
        std::ptr::copy_nonoverlapping(before.memory.as_ptr(), MEMORY as *mut u64, WORDS);
        std::ptr::copy_nonoverlapping(block.as_ptr(), place as *mut u8, block.len());
        ungil_test_enter(&raw mut frame);
        std::ptr::copy_nonoverlapping(MEMORY as *const u8, memory.as_mut_ptr(), memory.len());
    }
    let mut after = before.clone();
    after.registers[..14].copy_from_slice(&frame.registers[..14]);
    after.vectors = frame.vectors;
    for (word, bytes) in after.memory.iter_mut().zip(memory.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().unwrap());
    }
    let set = |bit: u64| frame.flags >> bit & 1 != 0;
    (after.carry, after.parity, after.zero) = (set(0), set(2), set(6));
    (after.negative, after.overflow, after.taken) = (set(7), set(11), frame.taken != 0);
    after
}
