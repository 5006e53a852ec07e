/* trap.c - see trap.h. */
#include "trap.h"
#include "actor.h"
#include "ask.h"
#include "rt/value.h"
#include "stack.h"
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

/* ---- unwinding ---- */

HEW_NORETURN void hew_trap_leave(hew_worker *w, hew_leave why)
{
    w->leave = why;
    if (w->thread_mode) {
        longjmp(*(jmp_buf *)w->jump, 1);
    }
    hew_stack_abandon(w->sched_sp);
}

static _Unwind_Reason_Code stop(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                struct _Unwind_Exception *exception,
                                struct _Unwind_Context *context, void *data)
{
    (void)version;
    (void)class;
    (void)exception;
    hew_worker *w = data;
    /* The loop's own frames hold nothing: to the end of the run stack, whose last frame cannot be unwound. */
    if (actions & _UA_END_OF_STACK ||
        (w->thread_mode && _Unwind_GetCFA(context) >= w->run_bottom)) {
        hew_trap_leave(w, HEW_LEAVE_TRAPPED);
    }
    hew_trace_note(w, context);
    return _URC_NO_REASON;
}

static HEW_NORETURN void raise_trap(hew_worker *w, const hew_loc *loc)
{
    if (!w->current) {
        hew_fatal("a trap outside of any actor: %s", w->trap_words ? w->trap_words : "panic");
    }
    if (w->unwinding) { /* in a clean-up: what it was about to drop is abandoned, and all below it */
        hew_trap_leave(w, HEW_LEAVE_TRAPPED);
    }
    w->unwinding = 1;
    w->trapped = 1;
    w->trap_loc = loc;
    hew_trace_begin(w);
    struct _Unwind_Exception *e = (struct _Unwind_Exception *)(void *)w->unwind_exception;
    memset(e, 0, sizeof *e);
    _Unwind_ForcedUnwind(e, stop, w);
    hew_trap_leave(w, HEW_LEAVE_TRAPPED); /* a frame without unwind data was met */
}

/* ---- what happened ---- */

HEW_NORETURN void hew_trap(hew_worker *w, const char *text, const hew_loc *loc)
{
    if (!w->unwinding) {
        w->trap_words = text;
    }
    raise_trap(w, loc);
}

HEW_NORETURN void hew_trap_string(hew_worker *w, hew_string *text, const hew_loc *loc)
{
    if (w->unwinding) {
        raise_trap(w, loc);
    }
    w->trap_text = text;
    w->trap_words = text ? NULL : "";
    raise_trap(w, loc);
}

static HEW_NORETURN __attribute__((format(printf, 3, 4))) void trap_format(hew_worker *w,
                                                                           const hew_loc *loc,
                                                                           const char *format, ...)
{
    if (!w->unwinding) {
        va_list args;
        va_start(args, format);
        vsnprintf(w->trap_buffer, sizeof w->trap_buffer, format, args);
        va_end(args);
        w->trap_words = w->trap_buffer;
    }
    raise_trap(w, loc);
}

HEW_NORETURN void hew_trap_index(hew_worker *w, int64_t index, uint64_t len, const hew_loc *loc)
{
    trap_format(w, loc, "index %lld out of range for length %llu", (long long)index,
                (unsigned long long)len);
}

HEW_NORETURN void hew_trap_values(hew_worker *w, const char *format_kind, const hew_type *t,
                                  const void *left, const void *right, const hew_loc *loc)
{
    static const char *const before[] = {"assertion failed: left ", "assertion failed: both ",
                                         "unwrap of Err("};
    hew_text_begin(w);
    if (strcmp(format_kind, "assert_eq") == 0) {
        hew_text_bytes(w, before[0], strlen(before[0]));
        hew_show(w, t, left, true);
        hew_text_bytes(w, ", right ", 8);
        hew_show(w, t, right, true);
    } else if (strcmp(format_kind, "assert_ne") == 0) {
        hew_text_bytes(w, before[1], strlen(before[1]));
        hew_show(w, t, left, true);
    } else if (strcmp(format_kind, "unwrap_err") == 0) {
        hew_text_bytes(w, before[2], strlen(before[2]));
        hew_show(w, t, left, true);
        hew_text_bytes(w, ")", 1);
    } else { /* expect_err */
        hew_text_string_piece(w, *(hew_string *const *)left);
        hew_text_bytes(w, ": ", 2);
        hew_show(w, t, right, true);
    }
    hew_trap_string(w, hew_text_string(w), loc);
}

HEW_NORETURN void hew_trap_no_reply(hew_worker *w, uint64_t about, const hew_handler *h,
                                    const hew_loc *loc)
{
    char name[128];
    hew_actor_name(name, sizeof name, hew_type_of_handler(w->region, h), hew_handle_pid(about));
    trap_format(w, loc, "%s ended before it replied to %s", name, h ? h->name : "?");
}

HEW_NORETURN void hew_trap_full(hew_worker *w, const hew_actor *a, uint64_t to, const hew_loc *loc)
{
    char name[128];
    hew_actor_name(name, sizeof name, a->type, hew_handle_pid(to));
    trap_format(w, loc, "mailbox of %s is full (16777215 messages)", name);
}

static const char stack_overflow[] = "stack overflow";

HEW_NORETURN void hew_trap_stack(hew_worker *w)
{
    hew_trap(w, stack_overflow, NULL);
}

/* Reached from the signal handler of a stack overflow, on the run stack. */
HEW_NORETURN void hew_trap_overflow(void)
{
    hew_worker *w = (hew_worker *)HEW_SELF; /* NOLINT: fixed address */
    w->overflow = w->overflow == 3 ? 3 : 2;
    hew_trap_stack(w);
}

/* ---- the lines ---- */

#define CALLERS_SIZE 6144 /* bytes: 16 lines of names of the usual length */

static int where(char *out, size_t size, const hew_loc *loc)
{
    out[0] = 0;
    return loc ? snprintf(out, size, " at %s:%u:%u", loc->file, loc->line, loc->column) : 0;
}

void hew_trap_report(hew_worker *w, hew_actor *a, const char **text, uint32_t *size)
{
    hew_string *s = w->trap_text;
    const char *words = s ? s->data : w->trap_words;
    size_t n = s ? s->len : strlen(words);
    const hew_entry *e = hew_entry_in_work(w, a);
    const char *handler = e ? a->type->handlers[e->handler & HEW_ENTRY_INDEX].name : "?";
    char name[128], place[512], head[800];
    /* A trap that no expression made is shown at its handler: a stack overflow. One whose expression the core was not
     * told, since it only wanted memory, is where the core was called from. */
    hew_loc own;
    hew_frame frame;
    const hew_loc *loc = w->trap_loc;
    if (!loc && w->trap_words != stack_overflow && hew_trace_own(w, &frame)) {
        own = (hew_loc){.file = frame.file, .line = frame.line, .column = frame.column};
        loc = &own;
    } else if (!loc && e) {
        const hew_handler *h = &a->type->handlers[e->handler & HEW_ENTRY_INDEX];
        own = (hew_loc){.file = a->type->file, .line = h->line, .column = h->column};
        loc = a->type->file && h->line ? &own : NULL;
    }
    where(place, sizeof place, loc);
    hew_actor_name(name, sizeof name, a->type, a->pid);
    int head_size = a->pid == 0 ? snprintf(head, sizeof head, "[hew] main trapped%s: ", place)
                                : snprintf(head, sizeof head, "[hew] %s crashed in %s%s: ", name,
                                           handler, place);
    size_t at = (size_t)head_size < sizeof head ? (size_t)head_size : sizeof head - 1;
    char callers[CALLERS_SIZE];
    size_t callers_size = hew_trace_text(w, callers, sizeof callers);
    size_t rest = 1 + callers_size;
    char small[1024 + CALLERS_SIZE],
        *line = at + n + rest <= sizeof small ? small : malloc(at + n + rest);
    if (!line) {
        line = small;
        n = sizeof small - at - rest;
    }
    memcpy(line, head, at);
    memcpy(line + at, words, n);
    line[at + n] = '\n';
    memcpy(line + at + n + 1, callers, callers_size);
    hew_print_bytes(w, 2, line, at + n + rest);
    if (line != small) {
        free(line);
    }
    *text = words;
    *size = (uint32_t)n;
}

void hew_trap_clear(hew_worker *w)
{
    hew_string *s = w->trap_text;
    w->trap_text = NULL;
    w->trap_words = NULL;
    w->trap_loc = NULL;
    w->trapped = w->unwinding = 0;
    if (s && s->rc > 0 && --s->rc == 0) {
        hew_string_free(w, s);
    }
}
