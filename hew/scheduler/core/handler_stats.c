/* handler_stats.c - see handler_stats.h. */
#include "handler_stats.h"

#define GAP_MOST 512u /* messages, about, from one that is timed to the next */
#define GAP_SLOW 64u  /* it grows by one in so many, so that the first few hundred give a picture */
#define OFTEN_NS 10000u /* on the average a worker times no message sooner after the last one */

static void add(hew_worker *w, uint32_t handler, uint32_t kind, uint64_t ns, uint64_t weight)
{
    const hew_region *r = w->region;
    hew_handler_row *row = w->rows + handler;
    uint64_t *buckets = hew_buckets_of(r, w->index, (uint64_t)(row - w->own_rows), kind);
    hew_bump(&buckets[63 - __builtin_clzll(ns | 1)], weight);
    hew_bump(&row->total_ns[kind], ns * weight);
    if (ns > row->max_ns[kind]) {
        hew_store_relaxed(&row->max_ns[kind], ns);
    }
}

/* 1 to 2 * mean - 1, by the lowest digits of the clock. */
static uint64_t draw(uint64_t mean, uint64_t now)
{
    uint64_t random = now * 0x9e3779b97f4a7c15ull >> 32;
    return 1 + (random * (2 * mean - 1) >> 32);
}

static uint64_t span_ns(const hew_region *r, uint64_t from, uint64_t to)
{
    return to > from ? hew_ticks_to_ns(r, to - from) : 0; /* the clocks of two cores may differ */
}

static uint32_t between(uint64_t least, uint64_t n, uint64_t most)
{
    return (uint32_t)(n < least ? least : n > most ? most : n);
}

/* By how long ago the worker has timed one: so neither many handlers nor fast ones cost more than was meant. */
static uint32_t next_gap(const hew_handler_row *row, uint64_t since_ns)
{
    uint64_t gap = since_ns < OFTEN_NS       ? row->gap * 2ull
                   : since_ns > 2 * OFTEN_NS ? row->gap / 2
                                             : row->gap;
    return between(1, gap, between(1, row->count / GAP_SLOW, GAP_MOST));
}

void hew_handler_begin(hew_worker *w, const hew_actor *a, uint32_t handler, uint64_t sent,
                       hew_timed *timed)
{
    hew_handler_row *row = w->rows + handler;
    uint64_t now = hew_ticks(w->region), weight = row->count - row->last;
    row->gap = next_gap(row, span_ns(w->region, w->timed_at, now));
    row->last = row->count;
    hew_store_relaxed(&row->next,
                      row->count + draw(row->gap, now)); /* readers look whether it is 0 */
    w->timed_at = now;
    add(w, handler, HEW_MAILBOX, span_ns(w->region, sent, now), weight);
    hew_clock_every(w, row->gap == 1 ? 1 : HEW_CLOCK_EVERY);
    now = hew_ticks(w->region); /* the lines above may have been cold */
    hew_store_relaxed(&w->clock, now);
    *timed = (hew_timed){.weight = weight, .start = now, .blocked = a->blocked_ticks};
}

void hew_handler_end(hew_worker *w, const hew_actor *a, uint32_t handler, const hew_timed *timed)
{
    hew_handler_row *row = w->rows + handler;
    uint64_t now = hew_ticks(w->region), blocked = a->blocked_ticks - timed->blocked;
    uint64_t work = span_ns(w->region, timed->start + blocked, now);
    if (work >= OFTEN_NS) {
        row->gap = 1;
        hew_store_relaxed(&row->next, row->count + 1);
    }
    add(w, handler, HEW_WORK, work, timed->weight);
    hew_store_relaxed(&w->clock, now);
}

void hew_clock_read(hew_worker *w)
{
    hew_store_relaxed(&w->clock, hew_ticks(w->region));
    w->until_clock = w->clock_step;
    w->clock_step = w->clock_step < HEW_CLOCK_EVERY ? w->clock_step * 2 : HEW_CLOCK_EVERY;
}

void hew_handlers_look(hew_worker *w)
{
    for (uint32_t i = 0; i < w->region->n_rows; i++) {
        hew_handler_row *row = w->own_rows + i;
        if (row->gap > 1 && row->seen == (uint32_t)row->last) {
            row->gap = 1 + row->gap / 8;
            hew_store_relaxed(&row->next, row->count + draw(row->gap, hew_ticks(w->region) + i));
        }
        row->seen = (uint32_t)row->last;
    }
}

bool hew_handlers_start(hew_worker *w, const hew_program *program)
{
    hew_region *r = w->region;
    r->first_row =
        hew_alloc_try(w, (program->n_types + 1) * sizeof *r->first_row, HEW_HOLDER_RUNTIME);
    if (!r->first_row) {
        return false;
    }
    r->n_rows = 0;
    for (uint32_t i = 0; i < program->n_types; i++) {
        r->first_row[i] = r->n_rows;
        r->n_rows += program->types[i]->n_handlers;
    }
    r->first_row[program->n_types] = 0; /* main has no messages */
    if (r->n_rows > r->max_rows) {
        hew_fatal("the program has %u handlers, there is room for %u", r->n_rows, r->max_rows);
    }
    return true;
}

/* ---- for readers ---- */

static void sum_up(hew_times *sum, const hew_handler_row *row, const uint64_t *buckets,
                   uint32_t kind)
{
    uint64_t max = hew_load_relaxed(&row->max_ns[kind]);
    sum->total_ns += hew_load_relaxed(&row->total_ns[kind]);
    sum->max_ns = max > sum->max_ns ? max : sum->max_ns;
    for (uint32_t i = 0; i < HEW_BUCKETS; i++) {
        sum->buckets[i] += hew_load_relaxed(&buckets[i]);
    }
}

bool hew_inspect_handler(hew_region *r, uint32_t type, uint32_t handler, hew_handler_totals *out)
{
    *out = (hew_handler_totals){0};
    if (!hew_load_acquire(&r->started) || type >= r->n_types) {
        return false;
    }
    uint64_t at = (uint64_t)r->first_row[type] + handler;
    uint64_t end = type + 1 < r->n_types ? r->first_row[type + 1] : r->n_rows;
    if (at >= end) {
        return false;
    }
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const hew_handler_row *row = hew_rows_of(r, i) + at;
        if (hew_load_acquire(&row->next)) { /* else: it has never been here */
            out->count += hew_load_relaxed(&row->count);
            sum_up(&out->work, row, hew_buckets_of(r, i, at, HEW_WORK), HEW_WORK);
            sum_up(&out->mailbox, row, hew_buckets_of(r, i, at, HEW_MAILBOX), HEW_MAILBOX);
        }
    }
    return true;
}
