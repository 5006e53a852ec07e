/* ending.c - the verdict at rest, and the report of a deadlock (language.md 15.4). */
#include "ending.h"
#include "actor.h"
#include "ask.h"
#include "region.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPORT_AT_MOST 100u /* lines; the number in the first one is exact */

static uint64_t slots(const hew_region *r)
{
    uint64_t n = hew_load_acquire(&r->slots_used);
    return n > HEW_MAX_SLOTS ? HEW_MAX_SLOTS : n;
}

static bool waits(const hew_actor *a)
{
    return hew_state_of(hew_load_acquire(&a->state)) == HEW_S_BLOCKED;
}

void hew_ending_quiescent(hew_region *r)
{
    uint64_t n = slots(r);
    bool stuck = !hew_load_acquire(&r->main_done);
    for (uint64_t i = 0; i < n && !stuck; i++) {
        stuck = waits(hew_actor_at(r, (uint32_t)i));
    }
    hew_region_decide(r, stuck ? HEW_DEADLOCK : HEW_ENDED, stuck ? 2 : r->main_code);
}

/* ---- the report ---- */

typedef struct out {
    char *text;
    uint64_t size, len;
} out;

__attribute__((format(printf, 2, 3))) static void say(out *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(o->text + o->len, o->size - o->len, format, args);
    va_end(args);
    if (n > 0) {
        o->len = o->len + (uint64_t)n >= o->size ? o->size - 1 : o->len + (uint64_t)n;
    }
}

static const hew_actor *waited_for(const hew_region *r, const hew_actor *a)
{
    uint32_t kind = a->wait & 15;
    if (kind == HEW_WAIT_SLEEP || kind == HEW_WAIT_NONE || kind == HEW_WAIT_TURN) {
        return NULL;
    }
    const hew_actor *b = hew_actor_at(r, hew_handle_slot(a->wait_about));
    return b->pid == hew_handle_pid(a->wait_about) && waits(b) ? b : NULL;
}

static bool is_in_cycle(const hew_region *r, const hew_actor *a, uint64_t n)
{
    const hew_actor *b = waited_for(r, a);
    for (uint64_t i = 0; b && i < n; i++, b = waited_for(r, b)) {
        if (b == a) {
            return true;
        }
    }
    return false;
}

static void say_handler(out *o, const hew_region *r, const hew_actor *a)
{
    if (a->current && a->pid) {
        const hew_node *node = hew_at(r, a->current);
        const hew_entry *e = (const hew_entry *)(node->entries + (a->idx & ~1u));
        say(o, " in %s", a->type->handlers[e->handler & HEW_ENTRY_INDEX].name);
    }
}

static void say_actor(out *o, const hew_region *r, const hew_actor *a, bool closes_cycle)
{
    char name[128], other[128];
    hew_actor_name(name, sizeof name, a->type, a->pid);
    const hew_actor *b = hew_actor_at(r, hew_handle_slot(a->wait_about));
    uint64_t pid = hew_handle_pid(a->wait_about);
    const hew_actor_type *type = a->wait_handler ? hew_type_of_handler(r, a->wait_handler)
                                 : b->pid == pid ? b->type
                                                 : NULL;
    hew_actor_name(other, sizeof other, type, pid);
    say(o, "[hew]   %s", name);
    say_handler(o, r, a);
    const char *what = a->wait_handler ? a->wait_handler->name : "?";
    switch ((hew_wait)(a->wait & 15)) {
    case HEW_WAIT_REPLY: say(o, " waits for a reply of %s to %s", other, what); break;
    case HEW_WAIT_EXIT: say(o, " waits for the end of %s", other); break;
    case HEW_WAIT_PLACE: say(o, " waits for a place in the mailbox of %s", other); break;
    case HEW_WAIT_NONE:
    case HEW_WAIT_SLEEP:
    case HEW_WAIT_TURN: say(o, " waits"); break;
    }
    if (a->wait_loc) {
        say(o, " (%s:%u:%u)", a->wait_loc->file, a->wait_loc->line, a->wait_loc->column);
    }
    say(o, "%s\n", closes_cycle ? ": a cycle" : "");
}

int64_t hew_deadlock_report(hew_region *r, char *text, uint64_t size)
{
    out o = {.text = text, .size = size};
    uint64_t n = slots(r), waiting = 0, said = 0;
    for (uint64_t i = 0; i < n; i++) {
        waiting += waits(hew_actor_at(r, (uint32_t)i));
    }
    say(&o, "[hew] deadlock: nothing can run, %llu wait\n", (unsigned long long)waiting);
    for (uint64_t i = 0; i < n && said < REPORT_AT_MOST; i++) {
        const hew_actor *a = hew_actor_at(r, (uint32_t)i);
        if (waits(a)) {
            const hew_actor *b = waited_for(r, a);
            bool closes = b && b <= a && is_in_cycle(r, a, waiting);
            say_actor(&o, r, a, closes);
            said++;
        }
    }
    if (said < waiting) {
        say(&o, "[hew]   and %llu more\n", (unsigned long long)(waiting - said));
    }
    return (int64_t)o.len;
}
