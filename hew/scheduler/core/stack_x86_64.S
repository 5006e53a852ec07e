/* stack_x86_64.S - see stack.h. The frames have no unwind data on purpose: an unwinding handler ends there. */
#if defined(__x86_64__)
#define FUNCTION(name) .globl name; .hidden name; .type name, @function; .balign 16; name
#define SAVE push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
#define RESTORE pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp
/* Not by ret: the processor would expect the return to who called us here, and never be right. */
#define GO pop %rcx; notrack jmp *%rcx
        .text

/* hew_stack_enter(w, a, fn, save, top) */
FUNCTION(hew_stack_enter):
        endbr64
        SAVE
        mov     %rsp, (%rcx)
        mov     %rcx, %rbx          /* address in w: right in every worker, kept over suspensions */
        mov     %r8, %rsp
        xor     %ebp, %ebp
        call    *%rdx
        mov     (%rbx), %rsp
        RESTORE
        ret
        .size hew_stack_enter, . - hew_stack_enter

/* hew_stack_switch(save, to) */
FUNCTION(hew_stack_switch):
        endbr64
        SAVE
        mov     %rsp, (%rdi)
        mov     %rsi, %rsp
        RESTORE
        GO
        .size hew_stack_switch, . - hew_stack_switch

/* hew_stack_abandon(to) */
FUNCTION(hew_stack_abandon):
        endbr64
        mov     %rdi, %rsp
        RESTORE
        ret
        .size hew_stack_abandon, . - hew_stack_abandon

/* Entered with the address after the faulting instruction's first byte pushed; the stack may be misaligned. */
FUNCTION(hew_stack_overflow_entry):
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        and     $-16, %rsp
        call    hew_trap_overflow
        hlt
        .cfi_endproc
        .size hew_stack_overflow_entry, . - hew_stack_overflow_entry
#endif

        .section .note.GNU-stack, "", %progbits
