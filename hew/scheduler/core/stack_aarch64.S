/* stack_aarch64.S - see stack.h. The frames have no unwind data on purpose: an unwinding handler ends there. */
#if defined(__aarch64__)
#define FUNCTION(name) .globl name; .hidden name; .type name, %function; .balign 16; name
        .macro SAVE
        sub     sp, sp, #160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .endm
        .macro RESTORE
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        .endm
        .text

/* hew_stack_enter(w, a, fn, save, top) */
FUNCTION(hew_stack_enter):
        SAVE
        mov     x9, sp
        str     x9, [x3]
        mov     x19, x3             /* address in w: right in every worker, kept over suspensions */
        mov     sp, x4
        mov     x29, #0
        blr     x2
        ldr     x9, [x19]
        mov     sp, x9
        RESTORE
        ret
        .size hew_stack_enter, . - hew_stack_enter

/* hew_stack_switch(save, to) */
FUNCTION(hew_stack_switch):
        SAVE
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        RESTORE
        ret
        .size hew_stack_switch, . - hew_stack_switch

/* hew_stack_abandon(to) */
FUNCTION(hew_stack_abandon):
        mov     sp, x0
        RESTORE
        ret
        .size hew_stack_abandon, . - hew_stack_abandon

/* Entered with x16 = the faulting address + 1 and x30 untouched: unwound as a signal's frame. */
FUNCTION(hew_stack_overflow_entry):
        .cfi_startproc
        sub     sp, sp, #32
        .cfi_def_cfa_offset 32
        stp     x29, x16, [sp]
        .cfi_offset x29, -32
        .cfi_offset x30, -24
        bl      hew_trap_overflow
        brk     #0
        .cfi_endproc
        .size hew_stack_overflow_entry, . - hew_stack_overflow_entry
#endif

        .section .note.GNU-stack, "", %progbits
