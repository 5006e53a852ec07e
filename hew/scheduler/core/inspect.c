/* inspect.c - actors and memory for readers: takes no lock, writes nothing, from any process.
 *
 * A row is read between two reads of its slot's pid: an actor that ends meanwhile is left out, never shown torn.
 * A reader may be a process of another program (attach.py) that maps the region and the counters at their addresses
 * and nothing else: no pointer out of the region is followed here, `type` and `program` least of all.
 */
#include "account.h"
#include "mailbox.h"
#include "region.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_ENDED_NS 10000000000ull

static uint64_t key_of(const hew_actor_row *row, uint32_t sort)
{
    switch ((hew_sort)sort) {
    case HEW_SORT_MSGS: return row->msgs;
    case HEW_SORT_TIME: return row->time_ns;
    case HEW_SORT_DEPTH: return row->mbox_depth;
    case HEW_SORT_HWM: return row->mbox_hwm;
    case HEW_SORT_BYTES_LIVE: return row->bytes_live;
    case HEW_SORT_BYTES_ALLOCATED: return row->bytes_allocated;
    case HEW_SORT_ID: break;
    }
    return row->id;
}

/* Does x stand before y in the answer? */
static bool before(const hew_actor_scan *s, const hew_actor_row *x, const hew_actor_row *y)
{
    uint64_t a = key_of(x, s->query.sort), b = key_of(y, s->query.sort);
    return a != b ? (s->query.descending ? a > b : a < b) : x->id < y->id;
}

/* The rows so far are a heap whose first is the worst of them. */
static void sink(const hew_actor_scan *s, uint64_t i, uint64_t n)
{
    hew_actor_row row = s->rows[i];
    for (uint64_t c; (c = 2 * i + 1) < n; i = c) {
        c += c + 1 < n && before(s, &s->rows[c], &s->rows[c + 1]);
        if (!before(s, &row, &s->rows[c])) {
            break;
        }
        s->rows[i] = s->rows[c];
    }
    s->rows[i] = row;
}

static void offer(hew_actor_scan *s, const hew_actor_row *row)
{
    s->total++;
    if (s->n < s->query.limit) {
        uint64_t i = s->n++;
        for (; i && before(s, &s->rows[(i - 1) / 2], row); i = (i - 1) / 2) {
            s->rows[i] = s->rows[(i - 1) / 2];
        }
        s->rows[i] = *row;
    } else if (s->n && before(s, row, &s->rows[0])) {
        s->rows[0] = *row;
        sink(s, 0, s->n);
    }
}

/* Puts the worst of the rest behind it, again and again; true when all are in order. */
static bool sort_some(hew_actor_scan *s, uint64_t work)
{
    for (; s->unsorted > 1 && work; work--) {
        hew_actor_row last = s->rows[--s->unsorted];
        s->rows[s->unsorted] = s->rows[0];
        s->rows[0] = last;
        sink(s, 0, s->unsorted);
    }
    return s->unsorted <= 1;
}

/* ---- rows ---- */

static uint32_t state_for_readers(const hew_actor *a, uint64_t state)
{
    switch (hew_state_of(state)) {
    case HEW_S_RUNNING: return HEW_RUNNING_;
    case HEW_S_BLOCKED: return hew_is_closing(a) ? HEW_STOPPING_ : HEW_BLOCKED_;
    case HEW_S_READY: return HEW_RUNNABLE_;
    case HEW_S_IDLE:
        if ((hew_load_relaxed(&a->head) & HEW_OFF_MASK) != HEW_IDLE) {
            return HEW_RUNNABLE_;
        }
        return hew_is_closing(a) ? HEW_STOPPING_ : HEW_IDLE_;
    case HEW_S_FREE:
    case HEW_S_NEW: break;
    }
    return HEW_IDLE_;
}

/* Ticks of the activation under way. */
static uint64_t running_ticks(const hew_region *r, uint32_t slot, uint32_t worker, uint64_t now)
{
    if (worker >= r->n_workers) {
        return 0;
    }
    const hew_worker *w = hew_worker_at(r, worker);
    uint64_t start = hew_load_relaxed(&w->stamp);
    bool runs = hew_load_relaxed(&w->counters[HEW_C_CURRENT_ACTOR]) == slot + 1u;
    return runs && now > start ? now - start : 0;
}

static bool read_row(const hew_region *r, uint32_t slot, uint64_t now, hew_actor_row *row)
{
    const hew_actor *a = hew_actor_at(r, slot);
    uint64_t pid = hew_load_acquire(&a->pid), state = hew_load_acquire(&a->state);
    if (pid == HEW_PID_NONE || hew_state_of(state) == HEW_S_FREE) {
        return false;
    }
    uint64_t ticks = hew_load_relaxed(&a->ticks);
    uint32_t worker = hew_load_relaxed(&a->worker);
    if (hew_state_of(state) == HEW_S_RUNNING) {
        ticks += running_ticks(r, slot, worker, now);
    }
    int64_t live = hew_load_relaxed(&a->bytes_live);
    uint64_t depth = hew_mailbox_depth(a);
    uint64_t hwm = hew_load_relaxed(&a->hwm);
    *row = (hew_actor_row){
        .id = pid,
        .pid = pid,
        .msgs = hew_load_relaxed(&a->msgs),
        .time_ns = hew_ticks_to_ns(r, ticks),
        .blocked_ns = hew_ticks_to_ns(r, hew_blocked_ticks(r, a)),
        .mbox_depth = depth,
        .mbox_hwm = hwm > depth ? hwm : depth,
        .bytes_allocated = hew_load_relaxed(&a->bytes_allocated),
        .bytes_live = live > 0 ? (uint64_t)live : 0,
        .type = pid == 0 ? UINT32_MAX : hew_load_relaxed(&a->type_index),
        .state = state_for_readers(a, state),
        .worker = worker,
        .slot = slot,
    };
    hew_fence_seq(); /* the row before the second look */
    return hew_load_acquire(&a->pid) == pid;
}

static bool wanted(const hew_actor_query *q, const hew_actor_row *row)
{
    return (q->type == UINT32_MAX || row->type == q->type) &&
           (q->state == UINT32_MAX || row->state == q->state);
}

static void add_to_sums(const hew_actor_scan *s, const hew_actor_row *row)
{
    if (s->live && row->type < s->n_types) {
        hew_type_totals *sums = &s->live[row->type];
        sums->count++;
        sums->msgs += row->msgs;
        sums->time_ns += row->time_ns;
        sums->bytes_allocated += row->bytes_allocated;
    }
}

/* True when every slot has been read. */
static bool read_some(const hew_region *r, hew_actor_scan *s, uint64_t work)
{
    uint64_t n = hew_load_acquire(&r->slots_used);
    n = n > HEW_MAX_SLOTS ? HEW_MAX_SLOTS : n;
    for (; s->slot < n && work; s->slot++, work--) {
        hew_actor_row row;
        if (read_row(r, (uint32_t)s->slot, s->now, &row) && wanted(&s->query, &row)) {
            offer(s, &row);
            add_to_sums(s, &row);
        }
    }
    return s->slot >= n;
}

static void add_ended(const hew_region *r, hew_actor_scan *s)
{
    uint64_t n = hew_load_acquire(&r->ended_count);
    uint64_t age = hew_ns_to_ticks(r, KEEP_ENDED_NS);
    for (uint64_t i = 0; i < n && i < HEW_ENDED_RING; i++) {
        const hew_ended_row *e = &r->ended[(n - 1 - i) % HEW_ENDED_RING];
        uint64_t sequence = hew_load_acquire(&e->sequence);
        hew_actor_row row = e->row;
        uint64_t at = e->at_ticks;
        hew_fence_seq();
        if (!(sequence & 1) && hew_load_acquire(&e->sequence) == sequence && sequence &&
            s->now - at < age && wanted(&s->query, &row)) {
            offer(s, &row);
        }
    }
}

bool hew_inspect_actors(hew_region *r, hew_actor_scan *s, uint64_t work)
{
    enum {
        BEGIN,
        READ,
        SORT
    };
    if (s->phase == BEGIN) {
        s->slot = s->query.include_main ? 0 : 1;
        s->now = hew_ticks(r);
        s->phase = READ;
    }
    if (s->phase == READ) {
        if (!read_some(r, s, work)) {
            return false;
        }
        if (s->query.include_ended) {
            add_ended(r, s);
        }
        s->unsorted = s->n;
        s->phase = SORT;
    }
    return sort_some(s, work);
}

/* ---- sums ---- */

void hew_inspect_memory(hew_region *r, hew_memory *out)
{
    out->peak_bytes_live = hew_load_relaxed(&r->heap.peak);
    out->heap_limit = r->heap.limit;
    out->heap_committed = hew_load_relaxed(&r->heap.committed);
}

void hew_inspect_code(hew_region *r, hew_code *out)
{
    *out = (hew_code){.base = r->code_base, .size = r->code_size};
}

void hew_inspect_ended(hew_region *r, uint32_t type, hew_type_totals *out)
{
    uint64_t ticks = 0;
    *out = (hew_type_totals){0};
    for (uint32_t i = 0; i <= r->n_workers; i++) {
        const hew_type_sums *s = hew_type_sums_of(r, i, type);
        out->count += hew_load_relaxed(&s->ended);
        out->msgs += hew_load_relaxed(&s->msgs);
        out->bytes_allocated += hew_load_relaxed(&s->bytes_allocated);
        ticks += hew_load_relaxed(&s->ticks);
    }
    out->time_ns = hew_ticks_to_ns(r, ticks);
}

uint64_t hew_inspect_actors_live(hew_region *r)
{
    uint64_t spawned = 0, ended = 0;
    for (uint32_t i = 0; i < r->n_workers; i++) { /* ended first: never more than spawned */
        ended += hew_load_acquire(&hew_worker_at(r, i)->counters[HEW_C_ACTORS_ENDED]);
    }
    for (uint32_t i = 0; i < r->n_workers; i++) {
        spawned += hew_load_acquire(&hew_worker_at(r, i)->counters[HEW_C_ACTORS_SPAWNED]);
    }
    return spawned > ended ? spawned - ended : 0;
}

uint32_t hew_inspect_active_workers(hew_region *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const hew_worker *w = hew_worker_at(r, i);
        n +=
            !hew_load_relaxed(&w->dead) && hew_load_relaxed(&w->counters[HEW_C_CURRENT_ACTOR]) != 0;
    }
    return n;
}

uint64_t hew_inspect_workers_pid(hew_region *r, uint32_t index)
{
    return index < r->n_workers
               ? (uint64_t)(uint32_t)hew_load_relaxed(&hew_worker_at(r, index)->os_pid)
               : 0;
}
