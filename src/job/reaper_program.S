// SPDX-License-Identifier: Apache-2.0
// The program `reaper` (job/reaper.hpp), a whole ELF file: written down byte by byte, so that it is the same whatever
// builds cedana, and a checkpoint of a job does not depend on that. It is never changed: a new one has a new name.
//
//   reaper PID    reaps whatever is left to it, and ends as its child PID ended

    .section .rodata
    .global cedana_reaper_program
    .global cedana_reaper_program_end
    .balign 16
cedana_reaper_program:
    // elf(5): a program of this machine, with two segments.
    .byte 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    .2byte 2
#if defined(__x86_64__)
    .2byte 62
#elif defined(__aarch64__)
    .2byte 183
#else
#error "the reaper is not written for this machine"
#endif
    .4byte 1
    .8byte 0x400000 + 176
    .8byte 64
    .8byte 0
    .4byte 0
    .2byte 64, 56, 2, 0, 0, 0
    // All of it, to be read and executed.
    .4byte 1, 5
    .8byte 0, 0x400000, 0x400000, 512, 512, 0x10000
    // A stack that is not executed.
    .4byte 0x6474e551, 6
    .8byte 0, 0, 0, 0, 0, 16
    // At 176.
#if defined(__x86_64__)
    // The number in argv[1].
    movq 16(%rsp), %rsi
    xorl %ebx, %ebx
1:  movzbl (%rsi), %eax
    testl %eax, %eax
    jz 2f
    imull $10, %ebx, %ebx
    leal -48(%rbx, %rax), %ebx
    incq %rsi
    jmp 1b
2:  subq $64, %rsp
    // wait4(-1, &status, 0, NULL)
3:  movl $61, %eax
    movq $-1, %rdi
    movq %rsp, %rsi
    xorl %edx, %edx
    xorl %r10d, %r10d
    syscall
    // ECHILD: it was none of ours.
    movl $127, %edi
    cmpq $-10, %rax
    je 4f
    cmpl %ebx, %eax
    jne 3b
    movl (%rsp), %r12d
    andl $127, %r12d
    jnz 5f
    movzbl 1(%rsp), %edi
    // exit_group(code)
4:  movl $231, %eax
    syscall
    // It was killed by a signal, and so is this; without a core (setrlimit(RLIMIT_CORE, {0, 0})).
5:  xorl %eax, %eax
    movq %rax, (%rsp)
    movq %rax, 8(%rsp)
    movq %rax, 16(%rsp)
    movq %rax, 24(%rsp)
    movl $160, %eax
    movl $4, %edi
    movq %rsp, %rsi
    syscall
    // rt_sigaction(signal, {SIG_DFL}, NULL, 8)
    movl $13, %eax
    movl %r12d, %edi
    movq %rsp, %rsi
    xorl %edx, %edx
    movl $8, %r10d
    syscall
    // kill(getpid(), signal)
    movl $39, %eax
    syscall
    movl %eax, %edi
    movl %r12d, %esi
    movl $62, %eax
    syscall
    leal 128(%r12), %edi
    jmp 4b
#else
    ldr x1, [sp, #16]
    mov w19, #0
    mov w2, #10
1:  ldrb w3, [x1], #1
    cbz w3, 2f
    mul w19, w19, w2
    add w19, w19, w3
    sub w19, w19, #48
    b 1b
2:  sub sp, sp, #64
3:  mov x0, #-1
    mov x1, sp
    mov x2, #0
    mov x3, #0
    mov x8, #260
    svc #0
    cmn x0, #10
    b.eq 6f
    cmp w0, w19
    b.ne 3b
    ldr w20, [sp]
    ubfx w0, w20, #8, #8
    ands w20, w20, #127
    b.ne 5f
4:  mov x8, #94
    svc #0
5:  stp xzr, xzr, [sp]
    stp xzr, xzr, [sp, #16]
    // prlimit64(0, RLIMIT_CORE, {0, 0}, NULL)
    mov x0, #0
    mov x1, #4
    mov x2, sp
    mov x3, #0
    mov x8, #261
    svc #0
    mov w0, w20
    mov x1, sp
    mov x2, #0
    mov x3, #8
    mov x8, #134
    svc #0
    mov x8, #172
    svc #0
    mov w1, w20
    mov x8, #129
    svc #0
    add w0, w20, #128
    b 4b
6:  mov w0, #127
    b 4b
#endif
    .org cedana_reaper_program + 512
cedana_reaper_program_end:
    .section .note.GNU-stack, "", %progbits
