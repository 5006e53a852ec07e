/* ask.c - see ask.h. */
#include "ask.h"
#include "actor.h"
#include "alloc_inline.h"
#include "mailbox.h"
#include "message.h"
#include "overflow.h"
#include "region.h"
#include "rt/value.h"
#include "runq.h"
#include "stack.h"
#include "trap.h"

#include <stdio.h>
#include <string.h>

/* ---- ExitReason as a value ---- */

typedef struct exit_value {
    uint64_t tag;
    hew_string *reason;
} exit_value;

static const hew_type string_type = {
    .kind = HEW_KIND_STRING, .align = 8, .size = 8, .name = "String"};
static const hew_field reason_fields[] = {{.name = NULL, .type = &string_type, .offset = 8}};
static const hew_variant exit_variants[] = {
    {.name = "Normal"},
    {.name = "Stopped"},
    {.name = "Crashed", .fields = reason_fields, .n_fields = 1}};
const hew_type hew_type_exit_reason = {.kind = HEW_KIND_ENUM,
                                       .align = 8,
                                       .size = sizeof(exit_value),
                                       .n = 3,
                                       .name = "ExitReason",
                                       .variants = exit_variants};

static exit_value exit_value_of(hew_worker *w, hew_end how, const char *text, uint32_t size)
{
    exit_value v = {.tag = how == HEW_END_CRASHED ? 2 : how == HEW_END_STOPPED ? 1 : 0};
    if (how == HEW_END_CRASHED) {
        v.reason = hew_string_try(w, text, size, w->holder);
        if (HEW_UNLIKELY(!v.reason && size)) { /* at the limit: its beginning is owed */
            uint64_t len = size > HEW_REASON_TEXT ? HEW_REASON_TEXT : size;
            v.reason = hew_alloc_owed(w, sizeof(hew_string) + len, w->holder);
            *v.reason = (hew_string){.rc = 1, .len = len, .cap = len};
            memcpy(v.reason->data, text, len);
        }
    }
    return v;
}

/* ---- system messages ---- */

hew_sys *hew_sys_new(hew_worker *w, uint64_t to, hew_sys_kind kind, uint64_t ticket,
                     const hew_type *type, void *value)
{
    uint32_t size = type && value ? type->size : 0;
    hew_sys *s =
        hew_alloc_bits(w, sizeof(hew_sys) + size, hew_header(HEW_TAG_LIVE, 0, w->holder, 0));
    if (HEW_UNLIKELY(!s)) {
        s = hew_alloc_owed(w, sizeof(hew_sys) + size, w->holder);
    } /* the sender's until it is pushed */
    s->next = 0; /* word by word: what is read soon in the widths it is read in */
    s->kind = kind;
    s->value_size = size;
    s->ticket = ticket;
    s->about = 0;
    s->pid = hew_handle_pid(to);
    s->type = NULL;
    s->handler = NULL;
    s->value_bytes = 0;
    s->link = NULL;
    if (size) {
        hew_copy_value(s->value, value, size);
        if (HEW_UNLIKELY(!type->flat)) {
            s->type = type;
            w->giving_value = s->value;
            hew_step();
            w->giving = type;
            hew_step();
            if (HEW_UNLIKELY(!hew_give(w, type, s->value, hew_handle_slot(to), &s->value_bytes))) {
                w->giving = NULL;
                hew_free(w, s);
                return NULL;
            }
        }
    }
    w->moved -= (int64_t)(hew_block_bytes_inline(s) + s->value_bytes);
    return s;
}

HEW_INLINE void free_sys(hew_worker *w, hew_sys *s)
{
    w->moved += (int64_t)(hew_block_bytes_inline(s) + s->value_bytes);
    hew_free_inline(w, s);
}

void hew_sys_free(hew_worker *w, hew_sys *s, bool with_value)
{
    if (with_value && s->type) {
        hew_drop(w, s->type, s->value);
    } else if (with_value && s->kind == HEW_SYS_PLACE) {
        hew_place_drop(w, s);
    }
    free_sys(w, s);
}

void hew_sys_wake(hew_worker *w, hew_actor *a)
{
    uint64_t state = hew_load_seq(&a->state);
    while (hew_state_of(state) == HEW_S_BLOCKED) {
        if (hew_cas_seq(&a->state, &state, (state & ~15ull) | HEW_S_READY)) {
            hew_count(w, TASKS_SPAWNED, 1);
            hew_runq_wake(w, hew_slot_of(w->region, a));
            return;
        }
    }
    if (hew_state_of(state) == HEW_S_IDLE ||
        hew_state_of(state) == HEW_S_FREE) { /* FREE: perhaps about to begin (worker.c, has_mail) */
        hew_runq_wake(w, hew_slot_of(w->region, a)); /* counted by the activation itself */
    }
}

bool hew_sys_push(hew_worker *w, uint64_t to, hew_sys *s)
{
    hew_message_publish_all(w);
    hew_actor *a = hew_actor_of(w, to);
    w->pushing_to = to;
    w->pushes++;
    hew_step();
    w->pushing = s;
    hew_step();
    w->giving = NULL;
    hew_step();
    if (s->kind == HEW_SYS_PLACE) {
        hew_block_retag(((hew_place *)(void *)s->value)->node, HEW_TAG_MSG, hew_handle_slot(to),
                        hew_sequence_nonce(w, w->pushes));
        hew_step();
    }
    hew_block_retag(s, HEW_TAG_SYS, hew_handle_slot(to), hew_sequence_nonce(w, w->pushes));
    hew_step();
    bool pushed = a && hew_mailbox_push_sys(w->region, a, &s->next) < HEW_PUSHED_NOT;
    hew_step();
    if (HEW_UNLIKELY(!pushed)) {
        hew_sys_free(w, s, true);
        hew_step();
        w->pushing = NULL;
        return false;
    }
    w->pushing = NULL;
    hew_fence_after_exchange(); /* the push before the look at the state; pairs with the fence of who goes to rest or blocks */
    hew_sys_wake(w, a);
    return true;
}

static void tell_end(hew_worker *w, const hew_sys *watch, hew_end how, const char *text,
                     uint32_t size)
{
    exit_value v = exit_value_of(w, how, text, size);
    hew_sys *s =
        hew_sys_new(w, watch->about, HEW_SYS_REPLY, watch->ticket, &hew_type_exit_reason, &v);
    if (!s) { /* no memory to copy the reason */
        v.reason = NULL;
        s = hew_sys_new(w, watch->about, HEW_SYS_REPLY, watch->ticket, &hew_type_exit_reason, &v);
    }
    (void)hew_sys_push(w, watch->about, s);
}

/* ---- receiving ---- */

/* A future that has its reply leaves the list. Killed within, the list is whole by `next`: hew_futures_recover. */
static void settle_future(hew_actor *a, hew_future *f)
{
    f->state = HEW_FUTURE_ARRIVED;
    hew_step();
    hew_store_relaxed(f->previous ? &f->previous->next : &a->futures, f->next);
    hew_step();
    if (f->next) {
        f->next->previous = f->previous;
    }
    f->next = f->previous = NULL;
}

void hew_futures_recover(const hew_region *r, hew_actor *a)
{
    hew_future *previous = NULL, *next;
    for (hew_future *f = a->futures; f; f = next) {
        next = f->next;
        f->previous = previous;
        if (f->reply && hew_off(r, f->reply) != a->sys_fifo) { /* else it arrives again */
            settle_future(a, f);
        } else {
            previous = f;
        }
    }
}

/* A reply for a future of the actor, or for nobody any more. It is the future's before it leaves the queue: killed
 * between the two it arrives once more. */
static void arrive(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    for (hew_future *f = a->futures; f; f = f->next) {
        if (f->ticket == s->ticket) {
            f->reply = s;
            hew_step();
            /* no sending's any more: who looks whether it came does not push it again (look) */
            hew_block_retag(s, HEW_TAG_SYS, hew_slot_of(w->region, a), HEW_NO_NONCE);
            hew_step();
            a->sys_fifo = next;
            hew_step();
            settle_future(a, f);
            return;
        }
    }
    a->sys_fifo = next;
    hew_sys_free(w, s, true);
}

/* A system message that has been handled, but is kept. */
static bool is_kept(const hew_actor *a, uint64_t address)
{
    for (const hew_sys *s = a->watchers; s; s = s->link) {
        if ((uint64_t)(uintptr_t)s == address) {
            return true;
        }
    }
    for (const hew_sys *s = a->waiters; s; s = s->link == a->waiters ? NULL : s->link) {
        if ((uint64_t)(uintptr_t)s == address) {
            return true;
        }
    }
    return false;
}

/* A sender died while it pushed a node or a system message to us. Not here, but still that of its sending: push it now. */
static void look(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    const hew_region *r = w->region;
    hew_node *node =
        (hew_node *)(uintptr_t)s->about; /* NOLINT: addresses are the same everywhere */
    uint64_t header = hew_load_relaxed(hew_header_of(node));
    bool sys = hew_header_tag(header) == HEW_TAG_SYS;
    if ((sys || hew_header_tag(header) == HEW_TAG_MSG) &&
        hew_header_holder(header) == hew_slot_of(r, a) &&
        hew_header_nonce(header) == (uint32_t)s->ticket &&
        !(sys ? hew_chain_holds(r, a->sys_fifo, node) || hew_chain_holds(r, a->rev, node) ||
                    hew_chain_holds(r, hew_load_acquire(&a->sys_head), node) || is_kept(a, s->about)
              : hew_mailbox_holds(r, a, node)) &&
        (sys ? hew_mailbox_push_sys(r, a, &node->next)
             : hew_mailbox_push(r, a, &node->next, node->n)) == HEW_PUSHED_WOKE) {
        hew_count(w, TASKS_SPAWNED, 1);
    }
    hew_step();
    a->sys_fifo = next;
    hew_sys_free(w, s, false);
}

/* Its receiver had ended when it came into the slot's queue: to its sender that is as if it had not been pushed. */
static HEW_COLD void missed(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    if (s->kind == HEW_SYS_PLACE) {
        hew_place_missed(w, a, s, next);
        return;
    }
    if (s->kind == HEW_SYS_LOOK) {
        look(w, a, s, next);
        return;
    }
    if (s->kind == HEW_SYS_WATCH) { /* killed in between: it is told twice, which is harmless */
        char text[HEW_REASON_TEXT];
        uint32_t size;
        hew_end how =
            hew_ended_reason(w->region, hew_handle(s->pid, hew_slot_of(w->region, a)), text, &size);
        tell_end(w, s, how, text, size);
    }
    a->sys_fifo = next;
    hew_sys_free(w, s, true);
}

static void handle(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    if (s->pid != a->pid) { /* it was meant for an earlier actor of this slot */
        missed(w, a, s, next);
        return;
    }
    switch ((hew_sys_kind)s->kind) {
    case HEW_SYS_WATCH:
        if (a->watchers != s) { /* else: killed just after it was linked */
            s->link = a->watchers;
            hew_step();
            a->watchers = s;
        }
        hew_step();
        a->sys_fifo = next;
        return;
    case HEW_SYS_PLACE: hew_place_asked(w, a, s, next); return;
    case HEW_SYS_LOOK: look(w, a, s, next); return;
    case HEW_SYS_NUDGE:
        a->sys_fifo = next;
        hew_sys_free(w, s, false);
        hew_place_grant(w, a);
        return;
    case HEW_SYS_GRANTED:
    case HEW_SYS_REPLY:
    case HEW_SYS_FAILED: arrive(w, a, s, next); return;
    }
}

hew_sys *hew_sys_drain(hew_worker *w, hew_actor *a, uint64_t wanted)
{
    hew_region *r = w->region;
    for (;;) {
        while (a->rev) { /* a reversal of mail cut short, or, after a recovery, one of ours */
            hew_mailbox_reverse(r, a, UINT32_MAX);
        }
        while (a->sys_fifo) {
            hew_sys *s = hew_at(r, a->sys_fifo);
            if (wanted && s->ticket == wanted && s->pid == a->pid &&
                (s->kind == HEW_SYS_REPLY || s->kind == HEW_SYS_FAILED ||
                 s->kind == HEW_SYS_GRANTED)) {
                a->sys_fifo = s->next;
                return s;
            }
            handle(w, a, s, s->next);
        }
        if (!hew_mailbox_take(r, a, &a->sys_head, HEW_FOR_SYS)) {
            return NULL;
        }
    }
}

HEW_INLINE hew_sys *wait_inline(hew_worker *w, hew_wait kind, uint64_t ticket, const hew_loc *loc)
{
    hew_actor *a = w->current;
    for (;;) {
        if (hew_sys_pending(a)) {
            hew_sys *s = hew_sys_drain(w, a, ticket);
            if (s) {
                return s;
            }
        }
        a->wait_loc = loc;
        hew_store_relaxed(&a->wait, (uint64_t)kind | ticket << 4);
        hew_suspend_inline(w, HEW_LEAVE_BLOCKED);
        hew_store_relaxed(&a->wait, 0ull);
    }
}

hew_sys *hew_sys_wait(hew_worker *w, hew_wait kind, uint64_t ticket, const hew_loc *loc)
{
    return wait_inline(w, kind, ticket, loc);
}

/* ---- ends ---- */

void hew_sys_end(hew_worker *w, hew_actor *a, hew_end how, const char *text, uint32_t size)
{
    uint64_t h;
    do {
        (void)hew_sys_drain(w, a, 0);
        h = hew_load_relaxed(&a->sys_head);
        /* DEAD already: this is a recovery of an end */
    } while ((h & HEW_OFF_MASK) != HEW_DEAD &&
             ((h & HEW_OFF_MASK) != HEW_EMPTY ||
              !hew_cas_seq(&a->sys_head, &h, (h & HEW_EPOCH) | HEW_DEAD)));
    while (a->watchers) {
        hew_sys *watch = a->watchers;
        tell_end(w, watch, how, text, size);
        a->watchers = watch->link;
        hew_sys_free(w, watch, false);
    }
    hew_place_end(w, a);
}

void hew_ask_fail(hew_worker *w, uint64_t asker, uint64_t ticket, uint64_t about,
                  const hew_handler *h)
{
    hew_sys *s = hew_sys_new(w, asker, HEW_SYS_FAILED, ticket, NULL, NULL);
    s->about = about;
    s->handler = h;
    (void)hew_sys_push(w, asker, s);
}

void hew_ask_fail_self(hew_worker *w, uint64_t ticket, uint64_t about, const hew_handler *h)
{
    hew_ask_fail(w, hew_actor_handle(w, w->current), ticket, about, h);
}

/* ---- replying ---- */

hew_entry *hew_entry_in_work(const hew_worker *w, const hew_actor *a)
{
    if (!a->current || !(a->idx & 1)) {
        return NULL;
    }
    hew_node *node = hew_at(w->region, a->current);
    return (hew_entry *)(node->entries + (a->idx & ~1u));
}

void hew_reply(hew_worker *w, void *value)
{
    hew_actor *a = w->current;
    hew_entry *e = hew_entry_in_work(w, a);
    const hew_handler *h = &a->type->handlers[e->handler & HEW_ENTRY_INDEX];
    if ((e->handler & (HEW_ENTRY_ASK | HEW_ENTRY_REPLIED)) == HEW_ENTRY_ASK) {
        hew_ask ask;
        memcpy(&ask, e->rest, sizeof ask);
        if (HEW_LIKELY(hew_actor_of(w, ask.asker) != NULL)) {
            hew_sys *s = hew_sys_new(w, ask.asker, HEW_SYS_REPLY, ask.ticket, h->reply, value);
            if (HEW_UNLIKELY(!s)) {
                hew_trap(w, "out of memory", NULL);
            }
            hew_sys_push(w, ask.asker,
                         s); /* before the message counts as handled: else it could be lost */
            hew_step();
            e->handler |= HEW_ENTRY_REPLIED;
            return;
        }
        e->handler |= HEW_ENTRY_REPLIED;
    }
    if (value && h->reply && !h->reply->flat) {
        hew_drop(w, h->reply, value);
    }
}

/* ---- awaiting ---- */

void hew_ask_note(hew_worker *w, uint64_t about, const hew_handler *h)
{
    hew_store_relaxed(&w->current->wait_about, about);
    w->current->wait_handler = h;
}

/* Copies the value out, or traps when it cannot come. Frees s. */
HEW_INLINE void finish(hew_worker *w, hew_sys *s, void *out, const hew_loc *loc)
{
    if (HEW_UNLIKELY(s->kind == HEW_SYS_FAILED)) {
        uint64_t about = s->about;
        const hew_handler *h = s->handler;
        hew_sys_free(w, s, false);
        hew_trap_no_reply(w, about, h, loc);
    }
    if (out) {
        hew_copy_value(out, s->value, s->value_size);
    }
    free_sys(w, s);
}

void hew_await_reply(hew_worker *w, uint64_t ticket, void *out, const hew_loc *loc)
{
    finish(w, wait_inline(w, HEW_WAIT_REPLY, ticket, loc), out, loc);
}

/* The end of `handle` comes as a reply to `ticket`, or, when it has ended, is returned at once. */
static hew_sys *watch(hew_worker *w, uint64_t handle, uint64_t ticket, const hew_loc *loc)
{
    uint64_t self = hew_actor_handle(w, w->current);
    hew_sys *s = hew_sys_new(w, handle, HEW_SYS_WATCH, ticket, NULL, NULL);
    if (HEW_UNLIKELY(!s)) {
        hew_trap(w, "out of memory", loc);
    }
    s->about = self;
    if (hew_sys_push(w, handle, s)) {
        return NULL;
    }
    char text[HEW_REASON_TEXT];
    uint32_t size;
    hew_end how = hew_ended_reason(w->region, handle, text, &size);
    exit_value v = exit_value_of(w, how, text, size);
    s = hew_sys_new(w, self, HEW_SYS_REPLY, ticket, &hew_type_exit_reason, &v);
    if (HEW_UNLIKELY(!s)) {
        hew_trap(w, "out of memory", loc);
    }
    return s;
}

HEW_INLINE uint64_t new_ticket(hew_worker *w)
{
    return ++w->tickets << 8 | w->index;
}

void hew_await_exit(hew_worker *w, uint64_t handle, void *out, const hew_loc *loc)
{
    uint64_t ticket = new_ticket(w);
    hew_ask_note(w, handle, NULL);
    hew_sys *s = watch(w, handle, ticket, loc);
    finish(w, s ? s : hew_sys_wait(w, HEW_WAIT_EXIT, ticket, loc), out, loc);
}

/* ---- futures ---- */

static hew_future *new_future(hew_worker *w, uint64_t ticket, bool is_exit)
{
    hew_actor *a = w->current;
    hew_future *f = hew_alloc(w, sizeof *f);
    *f = (hew_future){.rc = 1,
                      .state = HEW_FUTURE_PENDING,
                      .ticket = ticket,
                      .next = a->futures,
                      .about = a->wait_about,
                      .handler = a->wait_handler,
                      .is_exit = is_exit};
    if (f->next) {
        f->next->previous = f;
    }
    a->futures = f;
    return f;
}

static void unlink_future(hew_worker *w, hew_future *f)
{
    if (f->state != HEW_FUTURE_PENDING) {
        return;
    }
    hew_store_relaxed(f->previous ? &f->previous->next : &w->current->futures, f->next);
    hew_step();
    if (f->next) {
        f->next->previous = f->previous;
    }
    hew_step();
}

hew_future *hew_future_of_ask(hew_worker *w, uint64_t ticket)
{
    return new_future(w, ticket, false);
}

hew_future *hew_exit_future(hew_worker *w, uint64_t handle)
{
    uint64_t ticket = new_ticket(w);
    hew_ask_note(w, handle, NULL);
    hew_future *f = new_future(w, ticket, true);
    hew_sys *s = watch(w, handle, ticket, NULL);
    if (s) {
        unlink_future(w, f);
        f->reply = s;
        f->state = HEW_FUTURE_ARRIVED;
    }
    return f;
}

void hew_future_drop(hew_worker *w, hew_future *f)
{
    if (!f || --f->rc > 0) {
        return;
    }
    unlink_future(w, f);
    if (f->reply) {
        hew_sys_free(w, f->reply, true);
    }
    hew_free(w, f);
}

void hew_await_future(hew_worker *w, hew_future *f, void *out, const hew_loc *loc)
{
    if (f->state == HEW_FUTURE_TAKEN) {
        hew_future_drop(w, f);
        hew_trap(w, "this future has been awaited before", loc);
    }
    hew_sys *s = f->reply;
    if (!s) {
        hew_ask_note(w, f->about, f->handler);
        s = hew_sys_wait(w, f->is_exit ? HEW_WAIT_EXIT : HEW_WAIT_REPLY, f->ticket, loc);
        unlink_future(w, f);
    }
    f->reply = NULL;
    f->state = HEW_FUTURE_TAKEN;
    hew_future_drop(w, f);
    finish(w, s, out, loc);
}
