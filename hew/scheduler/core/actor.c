/* actor.c - slots, spawning, ending; see actor.h and layout.h.
 *
 * Slots are carved from the table in batches of HEW_SLOT_BATCH; free ones lie in the worker's cache, full
 * caches hand a batch to the shared list, linked through `take` (within a batch) and `rev` (batches).
 * All of that is derived: a slot is free exactly when its state says FREE.
 */
#include "actor.h"
#include "account.h"
#include "ask.h"
#include "mailbox.h"
#include "message.h"
#include "region.h"
#include "rt/value.h"
#include "runq.h"
#include "trap.h"

#include <stdio.h>
#include <string.h>

/* ---- slots ---- */

static bool carve(hew_worker *w)
{
    hew_region *r = w->region;
    if (!hew_commit(r, HEW_SLOT_BATCH * sizeof(hew_actor), hew_spare(w))) {
        return false;
    }
    uint64_t first = hew_add_relaxed(&r->slots_used, HEW_SLOT_BATCH);
    if (first + HEW_SLOT_BATCH > HEW_MAX_SLOTS) {
        hew_store_relaxed(&r->slots_used, HEW_MAX_SLOTS);
        return false;
    }
    for (uint32_t i = HEW_SLOT_BATCH; i-- > 0;) {
        uint32_t slot = (uint32_t)first + i;
        if (slot < HEW_HOLDER_RECOVERY && slot != HEW_MAIN_SLOT) {
            hew_actor *a = w->actors + slot;
            a->head = a->sys_head = HEW_DEAD;
            hew_store_relaxed(&a->pid, HEW_PID_NONE);
            w->slots[w->n_slots++] = slot;
        }
    }
    return true;
}

static bool take_batch(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t h = hew_load_acquire(&r->free_slots), next;
    do {
        if (!(h & 0xffffff)) {
            return false;
        }
        next = hew_load_relaxed(&w->actors[h & 0xffffff].rev);
    } while (!hew_cas_acq_rel(&r->free_slots, &h, ((h >> 24) + 1) << 24 | (next & 0xffffff)));
    uint64_t slot = h & 0xffffff;
    while (slot) {
        w->slots[w->n_slots++] = (uint32_t)slot;
        slot = w->actors[slot].take;
    }
    return true;
}

static void give_batch(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t chain = 0;
    for (uint32_t i = 0; i < HEW_SLOT_BATCH; i++) {
        uint32_t slot = w->slots[--w->n_slots];
        w->actors[slot].take = chain;
        chain = slot;
    }
    uint64_t h = hew_load_relaxed(&r->free_slots);
    do {
        hew_store_relaxed(&w->actors[chain].rev, h & 0xffffff);
    } while (!hew_cas_acq_rel(&r->free_slots, &h, ((h >> 24) + 1) << 24 | chain));
}

/* A free slot, which stays in the cache until the spawn is committed; UINT32_MAX: there is none. */
static uint32_t look_for_slot(hew_worker *w)
{
    if (HEW_UNLIKELY(!w->n_slots) && !take_batch(w) && !carve(w)) {
        return UINT32_MAX;
    }
    return w->slots[w->n_slots - 1];
}

void hew_slot_give(hew_worker *w, uint32_t slot)
{
    if (HEW_UNLIKELY(w->n_slots == HEW_COUNT_OF(w->slots))) {
        give_batch(w);
    }
    w->slots[w->n_slots] = slot;
    hew_step();
    w->n_slots++;
}

/* ---- beginning ---- */

void hew_actor_begin(hew_worker *w, hew_actor *a, const hew_actor_type *type, uint64_t pid)
{
    a->rev = a->pivot = a->fifo = a->sys_fifo = a->current = 0;
    a->idx = 0;
    hew_store_relaxed(&a->take, 0ull); /* readers of the depth may still look */
    hew_store_relaxed(&a->left, 0u);
    hew_store_relaxed(&a->bound, type->mailbox);
    hew_store_relaxed(&a->n_waiters, 0u);
    a->type = type;
    hew_store_relaxed(&a->type_index, type->index);
    a->first_row = hew_first_row(w->region, type->index);
    hew_store_relaxed(&a->hwm, 0u);
    hew_store_relaxed(&a->msgs, 0ull);
    hew_store_relaxed(&a->ticks, 0ull);
    hew_store_relaxed(&a->bytes_allocated, 0ull);
    hew_store_relaxed(&a->bytes_live, 0ll);
    hew_store_relaxed(&a->blocked_ticks, 0ull);
    hew_store_relaxed(&a->worker, w->index);
    hew_store_relaxed(&a->ended, (uint32_t)HEW_END_NONE);
    a->wait = 0;
    a->stack = NULL;
    a->futures = NULL;
    a->watchers = a->waiters = NULL;
    hew_store_relaxed(&a->sys_head, HEW_EMPTY);
    hew_store_release(&a->head, HEW_IDLE);
    /* release: who finds the pid finds the actor whole */
    hew_store_release(&a->pid, pid);
    /* last: until now it is a FREE slot to recovery */
    hew_store_release(&a->state, hew_state_word(HEW_S_IDLE, 0, 0, pid));
}

/* Until the commit the fields are the spawner's, so that its sweep finds them. */
void *hew_spawn_begin(hew_worker *w, const hew_actor_type *type, const hew_loc *loc)
{
    hew_scratch *s = &w->scratch;
    uint32_t slot = look_for_slot(w);
    if (HEW_UNLIKELY(slot == UINT32_MAX)) {
        hew_trap(w,
                 hew_load_relaxed(&w->region->slots_used) >= HEW_MAX_SLOTS ? "too many actors"
                                                                           : "out of memory",
                 loc);
    }
    s->slot = slot;
    s->type = type;
    s->loc = loc;
    s->payload = NULL;
    if (!type->fields) {
        return w->scratch_payload;
    }
    s->payload = hew_alloc_try(w, type->fields->size, w->holder);
    if (HEW_UNLIKELY(!s->payload)) {
        hew_trap(w, "out of memory", loc);
    }
    uint64_t *word = s->payload; /* the block is in whole words */
    for (uint32_t at = 0; at < type->fields->size; at += 8) {
        *word++ = 0;
    }
    return s->payload;
}

/* The fields become the new actor's; the bytes that go with them. */
static HEW_NOINLINE int64_t give_fields(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    uint64_t bytes = 0;
    if (!s->type->fields->flat &&
        HEW_UNLIKELY(!hew_give(w, s->type->fields, s->payload, s->slot, &bytes))) {
        hew_free(w, s->payload);
        hew_trap(w, "out of memory", s->loc);
    }
    hew_block_retag(s->payload, HEW_TAG_LIVE, s->slot, 0);
    bytes += hew_block_bytes(s->payload);
    w->moved -= (int64_t)bytes;
    return (int64_t)bytes;
}

uint64_t hew_spawn_commit(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    hew_actor *a = w->actors + s->slot;
    int64_t bytes = s->payload ? give_fields(w) : 0;
    uint64_t own = s->payload ? hew_block_bytes(s->payload) : 0;
    w->allocated_before += own; /* the new actor's, not ours */
    uint64_t pid = hew_add_relaxed(&w->region->next_pid, 1);
    hew_store_relaxed(&a->fields, s->payload);
    w->spawned_then = hew_counted(w, ACTORS_SPAWNED) + 1;
    hew_step();
    hew_actor_begin(w, a, s->type, pid);
    hew_step();
    hew_store_release(&w->counters[HEW_C_ACTORS_SPAWNED], w->spawned_then);
    hew_step();
    w->n_slots--; /* recovery: a slot in the cache that is not FREE is one just spawned into */
    hew_step();
    hew_store_relaxed(&a->bytes_allocated, own);
    hew_store_relaxed(&a->bytes_live, bytes);
    if (HEW_LIKELY(w->n_slots)) { /* the next one was perhaps last used by another core */
        const hew_actor *next = w->actors + w->slots[w->n_slots - 1];
        hew_prefetch_own(&next->head);
        hew_prefetch_own(&next->state);
        hew_prefetch_own(&next->type);
        hew_prefetch_own(&next->wait);
    }
    return hew_handle(pid, s->slot);
}

uint64_t hew_this(hew_worker *w)
{
    return hew_actor_handle(w, w->current);
}

bool hew_is_alive(hew_worker *w, uint64_t handle)
{
    const hew_actor *a = hew_actor_of(w, handle);
    /* Who is told of its end is told while it still has its slot: `ended` is set first. The second look: not that of
     * the slot's next actor. */
    return a && !hew_load_acquire(&a->ended) && hew_actor_of(w, handle);
}

int64_t hew_mailbox_len(hew_worker *w, uint64_t handle)
{
    const hew_actor *a = hew_actor_of(w, handle);
    if (!a) {
        return 0;
    }
    return (int64_t)(hew_mailbox_depth(a) + (w->open.to == handle ? w->open.n : 0));
}

/* ---- ending ---- */

/* The actor looks at `closing` whenever it finds nothing queued, so all that is needed is that it runs. */
void hew_close(hew_worker *w, uint64_t handle)
{
    hew_message_publish_all(w);
    hew_actor *a = hew_actor_of(w, handle);
    uint64_t pid = hew_handle_pid(handle), before;
    if (!a || pid == 0) {
        return;
    }
    if (a == w->current) { /* it looks at its end; nobody can write a greater pid */
        hew_store_release(&a->closing, pid);
        return;
    }
    /* Pids of a slot only grow: a late closer cannot hit the slot's next actor. */
    before = hew_load_relaxed(&a->closing);
    while (before < pid) {
        if (hew_cas_seq(&a->closing, &before, pid)) {
            hew_sys_wake(w, a);
            return;
        }
    }
}

int hew_actor_name(char *out, size_t size, const hew_actor_type *type, uint64_t pid)
{
    if (!type || pid == 0) {
        return snprintf(out, size, "%s", type && pid ? type->name : "main");
    }
    return snprintf(out, size, "%s#%llu", type->name, (unsigned long long)pid);
}

const hew_actor_type *hew_type_of_handler(const hew_region *r, const hew_handler *h)
{
    const hew_program *p = r->program;
    for (uint32_t i = 0; p && i < p->n_types; i++) {
        const hew_actor_type *t = p->types[i];
        if (h >= t->handlers && h < t->handlers + t->n_handlers) {
            return t;
        }
    }
    return p ? p->main : NULL;
}

HEW_INLINE uint32_t entry_size(const hew_entry *e, uint32_t at, uint32_t end)
{
    return e->size ? e->size : end - at;
}

void hew_actor_fail_asks(hew_worker *w, const hew_actor_type *type, uint64_t about, hew_node *node,
                         uint32_t from)
{
    for (uint32_t at = from, end = node->end; at < end;) {
        hew_entry *e = (hew_entry *)(node->entries + at);
        if ((e->handler & (HEW_ENTRY_ASK | HEW_ENTRY_REPLIED)) == HEW_ENTRY_ASK) {
            hew_ask ask;
            memcpy(&ask, e->rest, sizeof ask);
            hew_ask_fail(w, ask.asker, ask.ticket, about,
                         &type->handlers[e->handler & HEW_ENTRY_INDEX]);
            hew_step();
            e->handler |= HEW_ENTRY_REPLIED;
        }
        at += entry_size(e, at, end);
    }
}

void hew_actor_drop_node(hew_worker *w, const hew_actor_type *type, uint64_t about, hew_node *node,
                         uint32_t from)
{
    uint32_t end = node->end;
    hew_actor_fail_asks(w, type, about, node, from);
    w->moved += (int64_t)hew_block_bytes(node);
    for (uint32_t at = from; at < end;) {
        hew_entry *e = (hew_entry *)(node->entries + at);
        const hew_handler *h = &type->handlers[e->handler & HEW_ENTRY_INDEX];
        char *payload = e->rest + (e->handler & HEW_ENTRY_ASK ? sizeof(hew_ask) : 0);
        if (h->args && !h->args->flat) {
            uint64_t bytes;
            memcpy(&bytes, payload + hew_round_up(h->args->size, 8), sizeof bytes);
            w->moved += (int64_t)bytes;
            hew_drop(w, h->args, payload);
        }
        if (!(h->flags & HEW_HANDLER_INIT)) {
            hew_count(w, MESSAGES_DROPPED, 1);
        }
        at += entry_size(e, at, end);
    }
    hew_free(w, node);
}

/* Until the mailbox is DEAD. true: it was at rest, so this activation has not been counted (M1). */
static bool drop_mail(hew_worker *w, hew_actor *a, uint64_t about)
{
    hew_region *r = w->region;
    for (;;) {
        while (a->rev) {
            hew_mailbox_reverse(r, a, UINT32_MAX);
        }
        while (a->fifo) {
            hew_node *node = hew_at(r, a->fifo);
            uint32_t from = a->current == a->fifo ? a->idx & ~1u : 0;
            hew_actor_fail_asks(w, a->type, about, node, from);
            hew_step();
            a->fifo = node->next; /* killed from here on the node is the sweep's */
            hew_step();
            a->current = 0;
            hew_step();
            a->idx = 0;
            hew_step();
            hew_actor_drop_node(w, a->type, about, node, from);
        }
        hew_store_relaxed(&a->left, 0u);
        uint64_t h = hew_load_relaxed(&a->head);
        if (hew_head_has_nodes(h)) {
            hew_mailbox_take(r, a, &a->head, 0);
        } else if (hew_cas_seq(&a->head, &h, (h & HEW_EPOCH) | HEW_DEAD)) {
            return (h & HEW_OFF_MASK) == HEW_IDLE;
        }
    }
}

static uint32_t reason_size(uint32_t size)
{
    return size > HEW_REASON_TEXT ? HEW_REASON_TEXT : size;
}

static void write_row(hew_worker *w, hew_actor *a, uint64_t place, hew_ended_row *row)
{
    hew_region *r = w->region;
    const hew_ledger *l = &w->ledger;
    /* odd while it is written; a reader that finds another number afterwards reads again */
    hew_store_relaxed(&row->sequence, 2 * place + 1);
    hew_fence_release(); /* before what follows; readers have a fence before their second look */
    row->row = (hew_actor_row){
        .id = a->pid,
        .pid = a->pid,
        .msgs = a->msgs,
        .time_ns = hew_ticks_to_ns(r, a->ticks),
        .blocked_ns = hew_ticks_to_ns(r, hew_blocked_ticks(r, a)),
        .mbox_hwm = a->hwm,
        .bytes_allocated = a->bytes_allocated,
        .type = l->type,
        .state = (a->ended & HEW_END_MASK) == HEW_END_CRASHED ? HEW_CRASHED_ : HEW_STOPPED_,
        .worker = a->worker,
    };
    row->at_ticks = w->stamp; /* of its end */
    row->reason_size = l->size;
    if (l->size) {
        memcpy(row->reason, l->text, l->size);
    }
    hew_store_release(&row->sequence, 2 * place + 2);
    const hew_ended_row *next = row + (place % HEW_ENDED_RING < HEW_ENDED_RING - 1);
    hew_prefetch_own(&next->sequence);
    hew_prefetch_own(&next->at_ticks);
}

/* The reason of a crash, for who awaits the actor too late to be told: before sys_head is DEAD, by which they know.
 * Killed within, it is noted again in another row, and the row begun stays as it was or odd. */
static void note_crash(hew_worker *w, hew_actor *a, const char *text, uint32_t size)
{
    if ((a->ended & (HEW_END_MASK | HEW_END_NOTED)) != HEW_END_CRASHED) {
        return;
    }
    uint64_t place = hew_add_seq(&w->region->crashed_count, 1);
    w->ledger.text = text;
    w->ledger.size = reason_size(size);
    w->ledger.type = a->type->index;
    hew_step();
    write_row(w, a, place, &w->region->ended[HEW_ENDED_RING + place % HEW_ENDED_RING]);
    hew_step();
    hew_store_relaxed(&a->ended, a->ended | HEW_END_NOTED);
    hew_step();
}

/* Absolute values: done twice is done once. */
static void apply(hew_worker *w, hew_actor *a)
{
    hew_region *r = w->region;
    hew_ledger *l = &w->ledger;
    write_row(w, a, l->place, &r->ended[l->place % HEW_ENDED_RING]);
    hew_type_sums *sums = hew_type_sums_of(r, w->index, l->type);
    hew_store_relaxed(&sums->ended, l->sums.ended);
    hew_store_relaxed(&sums->msgs, l->sums.msgs);
    hew_store_relaxed(&sums->ticks, l->sums.ticks);
    hew_store_relaxed(&sums->bytes_allocated, l->sums.bytes_allocated);
    hew_store_relaxed(&w->counters[HEW_C_ACTORS_CRASHED], l->crashed);
    hew_store_relaxed(&w->counters[HEW_C_TASKS_SPAWNED], l->spawned);
    hew_store_relaxed(&w->counters[HEW_C_TASKS_COMPLETED], l->completed);
    hew_store_release(&w->counters[HEW_C_ACTORS_ENDED], l->ended);
    hew_step();
    hew_store_relaxed(&a->ended, a->ended | HEW_END_BOOKED);
    hew_step();
    l->slot = 0;
}

/* The row for readers, and the sums. */
static void book(hew_worker *w, hew_actor *a, bool uncounted, const char *text, uint32_t size)
{
    if (a->ended & HEW_END_BOOKED) {
        return;
    }
    hew_region *r = w->region;
    hew_ledger *l = &w->ledger;
    bool crashed = (a->ended & HEW_END_MASK) == HEW_END_CRASHED;
    const hew_type_sums *sums = hew_type_sums_of(r, w->index, a->type->index);
    *l = (hew_ledger){.ended = hew_counted(w, ACTORS_ENDED) + 1,
                      .crashed = hew_counted(w, ACTORS_CRASHED) + crashed,
                      .spawned = hew_counted(w, TASKS_SPAWNED) + uncounted,
                      .completed = hew_counted(w, TASKS_COMPLETED) + 1,
                      .place = hew_add_seq(&r->ended_count, 1),
                      .sums = {.ended = sums->ended + 1,
                               .msgs = sums->msgs + a->msgs,
                               .ticks = sums->ticks + a->ticks,
                               .bytes_allocated = sums->bytes_allocated + a->bytes_allocated},
                      .text = text,
                      .size = reason_size(size),
                      .type = a->type->index};
    hew_step();
    l->slot = 1 + (uint64_t)hew_slot_of(r, a);
    hew_step();
    apply(w, a);
}

void hew_actor_settle_booking(hew_worker *dead)
{
    hew_ledger *l = &dead->ledger;
    if (l->slot) {
        l->size = 0; /* its text was in private memory, perhaps */
        apply(dead, dead->actors + (l->slot - 1));
    }
}

/* Its slot has had no other actor. `ended` is read first: that of the next one is set when `pid` is another, and
 * `closing` is its own by the time `pid` is none again. */
static bool slot_says_crashed(const hew_actor *a, uint64_t pid)
{
    uint32_t ended = hew_load_acquire(&a->ended);
    uint64_t now = hew_load_acquire(&a->pid);
    return (ended & HEW_END_MASK) == HEW_END_CRASHED && (now == HEW_PID_NONE || now == pid) &&
           hew_load_relaxed(&a->closing) == pid;
}

hew_end hew_ended_reason(const hew_region *r, uint64_t handle, char text[HEW_REASON_TEXT],
                         uint32_t *size)
{
    static const char forgotten[] = "its reason is no longer kept";
    uint64_t pid = hew_handle_pid(handle);
    *size = 0;
    uint64_t n = hew_load_acquire(&r->crashed_count);
    for (uint64_t i = 0; i < n && i < HEW_ENDED_RING; i++) {
        const hew_ended_row *row = &r->ended[HEW_ENDED_RING + (n - 1 - i) % HEW_ENDED_RING];
        uint64_t s = hew_load_acquire(&row->sequence);
        if (row->row.pid == pid && !(s & 1)) {
            memcpy(text, row->reason, HEW_REASON_TEXT);
            *size = row->reason_size;
            hew_fence_seq();
            if (hew_load_acquire(&row->sequence) == s) {
                return HEW_END_CRASHED;
            }
        }
    }
    if (slot_says_crashed(hew_actor_at(r, hew_handle_slot(handle)), pid)) {
        *size = sizeof forgotten - 1;
        memcpy(text, forgotten, sizeof forgotten - 1);
        return HEW_END_CRASHED;
    }
    return HEW_END_NORMAL;
}

/* All but fields and slot. */
static void finish(hew_worker *w, hew_actor *a, hew_end how, const char *text, uint32_t size)
{
    uint64_t about = hew_actor_handle(w, a);
    bool uncounted = drop_mail(w, a, about);
    note_crash(w, a, text, size);
    hew_sys_end(w, a, how, text, size);
    hew_account(w, a);
    book(w, a, uncounted, text, size);
    hew_step();
    hew_store_release(&a->pid, HEW_PID_NONE);
}

void hew_actor_end(hew_worker *w, hew_actor *a, hew_end how, const char *text, uint32_t size)
{
    hew_mailbox_mark(a); /* what waits is dropped */
    if (!hew_is_closing(a)) {
        hew_store_seq(&a->closing, a->pid);
    }
    hew_store_relaxed(&a->ended, (uint32_t)how); /* before anybody is told */
    void *fields = a->fields;
    if (fields) {
        if (!a->type->fields->flat) {
            hew_drop(w, a->type->fields, fields);
        }
        hew_step();
        hew_store_relaxed(&a->fields, (void *)NULL);
        hew_step();
        hew_free(w, fields);
    }
    finish(w, a, how, text, size);
    hew_store_release(&a->state, hew_state_word(HEW_S_FREE, w->index, w->incarnation, 0));
    hew_slot_give(w, hew_slot_of(w->region, a));
}

void hew_sweep_later(hew_worker *dead, uint32_t slot)
{
    for (uint32_t i = 0; i < dead->n_sweep; i++) {
        if (dead->sweep_slots[i] == slot) {
            return;
        }
    }
    if (dead->n_sweep < HEW_COUNT_OF(dead->sweep_slots)) {
        dead->sweep_slots[dead->n_sweep] = slot;
        hew_step();
        dead->n_sweep++;
    } /* else: one slot fewer, after so many deaths within one sweep */
}

void hew_actor_end_killed(hew_worker *w, hew_actor *a, hew_worker *dead)
{
    static const char text[] = "its worker was killed";
    uint32_t slot = hew_slot_of(w->region, a);
    if (a->pid != HEW_PID_NONE) { /* else: killed at the very end */
        hew_store_seq(&a->closing, a->pid);
        hew_store_relaxed(&a->ended, a->ended ? a->ended : (uint32_t)HEW_END_CRASHED);
        hew_store_relaxed(&a->fields, (void *)NULL);
        a->stack = NULL;
        finish(w, a, (hew_end)(a->ended & HEW_END_MASK), text, sizeof text - 1);
    }
    hew_sweep_later(dead, slot);
    hew_store_release(&a->state, hew_state_word(HEW_S_FREE, dead->index, dead->incarnation, 0));
}
