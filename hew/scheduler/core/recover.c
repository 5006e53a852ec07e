/* recover.c - see recover.h, protocols.md 6 and message-path.md "Recovery". */
#include "recover.h"
#include "account.h"
#include "actor.h"
#include "ask.h"
#include "mailbox.h"
#include "message.h"
#include "overflow.h"
#include "park.h"
#include "rt/value.h"
#include "runq.h"

#include <stdio.h>
#include <string.h>

/* ---- its actor ---- */

/* Between two messages: puts the node that was being finished in order. */
static void settle_node(hew_worker *w, hew_actor *a)
{
    hew_region *r = w->region;
    if (!a->current) {
        a->idx = 0;
        return;
    }
    hew_node *node = hew_at(r, a->current);
    uint64_t header = hew_load_relaxed(hew_header_of(node));
    bool ours =
        hew_header_tag(header) == HEW_TAG_MSG && hew_header_holder(header) == hew_slot_of(r, a);
    if (a->fifo != a->current) { /* it was done with, and perhaps freed, but is nobody else's yet */
        if (ours) {              /* first: a recovery cut short after it finds the block free */
            hew_free(w, node);
        }
        hew_step();
        a->idx = 0;
        hew_step();
        a->current = 0;
        hew_step();
    }
}

void hew_recover_actor(hew_worker *w, hew_worker *dead, hew_actor *a)
{
    bool in_handler = a->current && (a->idx & 1);
    hew_mailbox_recover(w->region, a);
    hew_place_recover_waiters(w, w, a); /* of a recovery cut short */
    hew_place_recover_waiters(w, dead, a);
    if (a->pid != HEW_PID_NONE) {
        hew_futures_recover(w->region, a);
    }
    if (a->pid != HEW_PID_NONE && !a->ended) {
        if (a->stack) { /* claimed but not yet resumed, or saved but not yet BLOCKED: whole */
            hew_store_release(&a->state, (hew_load_relaxed(&a->state) & ~15ull) | HEW_S_READY);
            return;
        }
        if (!in_handler) {
            settle_node(w, a);
            hew_store_release(&a->state, (hew_load_relaxed(&a->state) & ~15ull) | HEW_S_IDLE);
            return;
        }
    }
    if (!a->ended) { /* first of all: a recovery cut short after this ends it too */
        hew_store_relaxed(&a->ended, (uint32_t)HEW_END_CRASHED);
    }
    hew_step();
    hew_entry *e = hew_entry_in_work(w, a);
    if (e && a->pid != HEW_PID_NONE) {
        const hew_node *node = hew_at(w->region, a->current);
        if ((e->handler & (HEW_ENTRY_ASK | HEW_ENTRY_REPLIED)) == HEW_ENTRY_ASK) {
            hew_ask ask;
            memcpy(&ask, e->rest, sizeof ask);
            hew_ask_fail(w, ask.asker, ask.ticket, hew_actor_handle(w, a),
                         &a->type->handlers[e->handler & HEW_ENTRY_INDEX]);
        }
        hew_step();
        /* its arguments may be anywhere: they are the sweep's */
        hew_store_relaxed(&a->idx, e->size ? (a->idx & ~1u) + e->size : node->end);
    }
    hew_actor_end_killed(w, a, dead);
}

/* ---- what it was sending ---- */

/* The receiver looks whether it has `block`, and takes it if not. false: it has ended, and with it all it had. */
static bool ask_to_look(hew_worker *w, uint64_t to, const void *block, uint64_t header)
{
    hew_sys *s = hew_sys_new(w, to, HEW_SYS_LOOK, hew_header_nonce(header), NULL, NULL);
    s->about = (uint64_t)(uintptr_t)block;
    return hew_sys_push(w, to, s);
}

void hew_recover_open(hew_worker *w, hew_worker *dead)
{
    hew_region *r = w->region;
    hew_node *node = dead->open.first;
    uint64_t to = dead->open.to;
    if (node) {
        uint32_t slot = hew_handle_slot(to);
        uint64_t sent = hew_counted(dead, MESSAGES_SENT);
        uint32_t fresh = hew_sequence_nonce(dead, sent + 1),
                 counted = hew_sequence_nonce(dead, sent + 1 - node->n);
        uint64_t header = hew_load_relaxed(hew_header_of(node));
        if (hew_header_tag(header) == HEW_TAG_LIVE) {
            hew_block_retag(node, HEW_TAG_MSG, slot, fresh);
            header = hew_load_relaxed(hew_header_of(node));
        }
        bool ours = hew_header_tag(header) == HEW_TAG_MSG && hew_header_holder(header) == slot;
        if (ours && node->end == 0) {
            hew_free(w, node); /* opened, nothing sent yet */
        } else if (ours &&
                   (hew_header_nonce(header) == fresh || hew_header_nonce(header) == counted)) {
            if (hew_header_nonce(header) ==
                fresh) { /* neither counted nor pushed (or it does not count) */
                hew_store_relaxed(&dead->counters[HEW_C_MESSAGES_SENT], sent + node->n);
                hew_step();
            }
            if (!ask_to_look(w, to, node, header) &&
                hew_load_acquire(hew_header_of(node)) == header) {
                hew_count(dead, MESSAGES_SENT, -(uint64_t)node->n);
                hew_actor_drop_node(w, hew_type_of_handler(r, node->handler), to, node, 0);
            }
        }
    }
    hew_step();
    dead->open.first = NULL;
    hew_step();
    dead->open.n = dead->open.end = dead->open.limit = 0;
    dead->open.to = HEW_NO_HANDLE;
    dead->open.k = 1;
}

static bool is_within(const void *value, const void *from, uint64_t bytes)
{
    return (uint64_t)(uintptr_t)value - (uint64_t)(uintptr_t)from < bytes;
}

/* A value that was changing hands: it is dropped unless it has been sent. */
static void recover_giving(hew_worker *w, hew_worker *dead)
{
    const hew_type *type = dead->giving;
    void *value = dead->giving_value;
    const hew_node *node = dead->open.first;
    const hew_sys *s = dead->pushing;
    if (s && s->kind == HEW_SYS_PLACE && !node) { /* handed over with its node */
        node = ((const hew_place *)(const void *)s->value)->node;
    }
    if (type && !(node && is_within(value, node->entries, node->end)) &&
        !(s && is_within(value, s->value, s->value_size))) {
        hew_drop_again(w, type, value);
    }
    hew_step();
    dead->giving = NULL;
}

static void recover_pushing(hew_worker *w, hew_worker *dead)
{
    hew_sys *s = dead->pushing;
    if (s) {
        uint32_t slot = hew_handle_slot(dead->pushing_to);
        uint64_t header = hew_load_relaxed(hew_header_of(s));
        if (hew_header_tag(header) == HEW_TAG_LIVE) {
            hew_sys_free(
                w, s, true); /* not pushed: its sender's end, or a second try, settles the matter */
        } else if (hew_header_tag(header) == HEW_TAG_SYS && hew_header_holder(header) == slot &&
                   hew_header_nonce(header) == hew_sequence_nonce(dead, dead->pushes) &&
                   !ask_to_look(w, dead->pushing_to, s, header) &&
                   hew_load_acquire(hew_header_of(s)) == header) {
            hew_sys_free(w, s, true);
        }
    }
    hew_step();
    dead->pushing = NULL;
}

/* ---- queues ---- */

static bool is_runnable(const hew_actor *a, uint64_t state)
{
    if (hew_state_of(state) == HEW_S_READY) {
        return true;
    }
    return hew_state_of(state) == HEW_S_IDLE &&
           ((hew_load_acquire(&a->head) & HEW_OFF_MASK) != HEW_IDLE || hew_sys_pending(a) ||
            hew_is_closing(a));
}

/* Every actor that can run has a place on a queue again; doubles are harmless. */
static void requeue(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t n = hew_load_acquire(&r->slots_used);
    n = n > HEW_MAX_SLOTS ? HEW_MAX_SLOTS : n;
    for (uint64_t first = 0; first < n; first += 64) {
        uint64_t runnable = 0;
        for (uint64_t i = first; i < first + 64 && i < n; i++) {
            hew_actor *a = w->actors + i;
            __builtin_prefetch(&a[HEW_SCAN_AHEAD].state);
            __builtin_prefetch(&a[HEW_SCAN_AHEAD].head);
            uint64_t state = hew_load_acquire(&a->state);
            if (hew_state_of(state) == HEW_S_BLOCKED && hew_sys_pending(a)) {
                hew_sys_wake(w, a); /* who pushed died before it looked at the state */
            } else if (is_runnable(a, state)) {
                runnable |= 1ull << (i - first);
            }
        }
        if (runnable) {
            hew_runq_overflow_many(r, (uint32_t)(first / 64), runnable);
        }
    }
}

/* What waits in the queue of a record that nobody runs goes where workers look. */
static void empty_queue(hew_worker *w)
{
    uint32_t entry = (uint32_t)w->run_slot;
    if (entry) {
        hew_runq_overflow(w->region, entry - 1);
    }
    while ((entry = hew_ring_pop(w)) != 0) {
        hew_runq_overflow(w->region, entry - 1);
    }
    hew_store_relaxed(&w->run_slot, 0ull);
}

/* ---- the whole ---- */

static bool is_marked(const hew_actor *a, uint64_t mark)
{
    return (hew_load_acquire(&a->state) & ((1ull << 28) - 1)) == mark;
}

static hew_actor *actor_of_dead(hew_region *r, const hew_worker *dead, uint32_t incarnation)
{
    uint64_t n = hew_load_acquire(&r->slots_used);
    n = n > HEW_MAX_SLOTS ? HEW_MAX_SLOTS : n;
    uint64_t mark = hew_state_word(HEW_S_RUNNING, dead->index, incarnation, 0);
    hew_actor *current =
        dead->current; /* one at a time: set after the claim, cleared before the next */
    if (current) {
        return is_marked(current, mark) ? current : NULL;
    }
    for (uint64_t i = 0; i < n; i++) {
        hew_actor *a = hew_actor_at(r, (uint32_t)i);
        if (is_marked(a, mark)) {
            return a;
        }
    }
    return NULL;
}

static void describe(hew_worker *w, const hew_actor *a, char *text, uint64_t size)
{
    if (!a || a->pid == HEW_PID_NONE || (a->pid && !(a->idx & 1))) {
        snprintf(text, size, "while idle");
        return;
    }
    char name[128];
    const hew_entry *e = hew_entry_in_work(w, a);
    hew_actor_name(name, sizeof name, a->type, a->pid);
    if (a->pid == 0 || !e) {
        snprintf(text, size, "while running %s", name);
    } else {
        snprintf(text, size, "while running %s.%s", name,
                 a->type->handlers[e->handler & HEW_ENTRY_INDEX].name);
    }
}

/* The slot of a spawn under way is the last of the cache. It may be spawned into already; else what was given to it is
 * swept, and then it is free again. */
static void settle_slots(hew_worker *dead)
{
    if (!dead->n_slots) {
        return;
    }
    uint32_t slot = dead->slots[dead->n_slots - 1];
    hew_actor *a = dead->actors + slot;
    if (hew_state_of(hew_load_acquire(&a->state)) == HEW_S_FREE) {
        hew_store_release(&a->pid, HEW_PID_NONE);
        hew_store_release(&a->head, HEW_DEAD);
        hew_store_release(&a->sys_head, HEW_DEAD);
        hew_sweep_later(dead, slot);
    } else {
        hew_store_relaxed(&dead->counters[HEW_C_ACTORS_SPAWNED], dead->spawned_then);
    }
    hew_step();
    dead->n_slots--;
}

/* The time of the activation that was cut short. */
static void account_killed(const hew_worker *w, hew_worker *dead, hew_actor *a)
{
    uint64_t since = dead->stamp;
    hew_store_relaxed(&dead->stamp, w->stamp); /* first: done twice it is lost, not doubled */
    hew_step();
    hew_bump(&a->ticks, w->stamp > since ? w->stamp - since : 0);
    hew_step();
}

int hew_recover_worker(hew_region *r, uint32_t index, uint32_t incarnation, char *text,
                       uint64_t size)
{
    hew_worker *w = hew_supervisor(r), *dead = hew_worker_at(r, index);
    if (hew_load_seq(
            &r->recovering)) { /* a recovery was cut short: what it was allocating is ours to clear up */
        w->incarnation++;
        hew_alloc_recover(r, r->n_workers);
        recover_giving(w, w);
        recover_pushing(w, w);
        w->sweep_slots[0] = HEW_HOLDER_RECOVERY;
        w->n_sweep = 1;
        hew_alloc_worker_start(w);
        w->heap.sweep_waits = 0; /* nobody else gives to that holder */
        while (hew_alloc_sweep(w)) {
        }
        w->n_sweep = 0;
    }
    w->holder = HEW_HOLDER_RECOVERY;
    hew_store_seq(&r->recovering, 1u);
    hew_store_seq(&dead->dead, 1u);
    hew_store_seq(&dead->park, (dead->park & ~(uint32_t)HEW_PARK_MASK) | HEW_PARK_NOTIFIED);
    empty_queue(dead); /* at once: others run its actors while the rest is put in order */
    hew_region_wake_all(r);
    w->counters = dead->counters; /* nobody else writes them now */
    w->stamp = hew_ticks(r);
    hew_account_begin(w);
    hew_alloc_recover(r, index);
    hew_print_recover(r, index);
    settle_slots(dead);
    hew_actor_settle_booking(w);
    hew_actor_settle_booking(dead);
    recover_giving(w, dead);
    recover_pushing(w, dead);
    hew_place_recover(w, dead);
    hew_store_relaxed(&dead->counters[HEW_C_CURRENT_ACTOR], 0ull);
    hew_actor *a = actor_of_dead(r, dead, incarnation);
    describe(w, a, text, size);
    if (a) {
        account_killed(w, dead, a);
    }
    bool main_lost = false;
    if (a && a->pid == 0) {
        main_lost = a->stack == NULL && (a->idx & 1);
        if (!main_lost) {
            hew_recover_actor(w, dead, a);
        }
    } else if (a) {
        hew_recover_actor(w, dead, a);
    }
    dead->current = NULL;
    hew_recover_open(w, dead);
    hew_store_relaxed(&dead->counters[HEW_C_RESTARTS], hew_counted(dead, RESTARTS) + 1);
    requeue(w);
    empty_queue(w);
    w->holder = HEW_HOLDER_RUNTIME;
    hew_store_seq(&r->recovering, 0u);
    hew_region_wake_all(r);
    return main_lost;
}
