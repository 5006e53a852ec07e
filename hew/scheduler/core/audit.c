/* audit.c - is what lies in the region still what the core wrote? For HEW_ON_CRASH=recover, and for tests.
 *
 * A worker that died of a segfault may have written anywhere before. Nothing is followed here that has not been checked,
 * and each check holds at every instruction of every live worker, so that nobody has to stop: words are read once and
 * judged alone. The one structure that is walked, the span table, is walked again when it looks broken, since a worker
 * may have cut or joined runs meanwhile. What it cannot see is a wrong value in the right form.
 */
#include "alloc_inline.h"
#include "layout.h"
#include "pages.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#define WALKS 100 /* of the span table, before it counts as broken */

typedef struct audit {
    hew_region *r;
    uint64_t heap_end; /* of what is handed out */
    char *text;
    uint64_t size;
} audit;

__attribute__((format(printf, 2, 3))) static bool fail(const audit *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->text, a->size, format, args);
    va_end(args);
    return false;
}

/* ---- the heap ---- */

static bool span_is_sound(uint64_t word, uint64_t left)
{
    uint64_t n = hew_span_n(word);
    switch (hew_span_state_of(word)) {
    case HEW_SPAN_SMALL: return n == 1 && hew_span_class(word) < HEW_CLASSES_USED;
    case HEW_SPAN_FREE:
    case HEW_SPAN_RETURNED:
    case HEW_SPAN_BIG: return n != 0 && n <= left;
    case HEW_SPAN_NONE: break;
    }
    return false;
}

/* Headers of small blocks: their class never changes once the span is made (P3, P4). */
static bool blocks_are_sound(const audit *a, uint64_t span, uint64_t word)
{
    uint32_t size_class = hew_span_class(word);
    uint64_t size = hew_class_bytes[size_class], start = hew_span_address(a->r, span);
    for (uint64_t i = 0; i < HEW_SPAN / size; i++) {
        uint64_t header = hew_load_relaxed((uint64_t *)(uintptr_t)(start + i * size));
        if (hew_header_class(header) != size_class || hew_header_tag(header) > HEW_TAG_STACK) {
            return fail(a, "the block at %#llx has the header %#llx",
                        (unsigned long long)(start + i * size + 8), (unsigned long long)header);
        }
    }
    return true;
}

/* The number of the first span that is not sound, or `used`. */
static uint64_t walk_spans(const hew_region *r, uint64_t used)
{
    const uint64_t *table = hew_span_table(r);
    uint64_t span = 0;
    while (span < used && span_is_sound(hew_load_acquire(&table[span]), used - span)) {
        span += hew_span_n(hew_load_acquire(&table[span]));
    }
    return span < used ? span : used;
}

static bool heap_is_sound(const audit *a)
{
    const hew_region *r = a->r;
    const hew_heap *heap = &r->heap;
    if (heap->base <= r->base || heap->base % HEW_SPAN || heap->end > r->base + r->size ||
        heap->span_table <= r->base || heap->span_table >= heap->base || a->heap_end < heap->base ||
        a->heap_end > heap->end || a->heap_end % HEW_SPAN) {
        return fail(a, "the heap's bounds are wrong");
    }
    uint64_t used = (a->heap_end - heap->base) / HEW_SPAN, bad = 0;
    for (int i = 0; i < WALKS && (bad = walk_spans(r, used)) != used; i++) {
        sched_yield();
    }
    if (bad != used) {
        return fail(a, "span %llu has the word %#llx", (unsigned long long)bad,
                    (unsigned long long)hew_span_table(r)[bad]);
    }
    for (uint64_t span = 0; span < used;) {
        uint64_t word = hew_load_acquire(&hew_span_table(r)[span]);
        if (hew_span_state_of(word) == HEW_SPAN_SMALL && hew_span_maker(word) == 0 &&
            span_is_sound(word, used - span) && !blocks_are_sound(a, span, word)) {
            return false;
        }
        uint64_t n = hew_span_n(word);
        span += n ? n : 1;
    }
    return true;
}

/* ---- actors ---- */

static bool is_block(const audit *a, const void *at)
{
    uint64_t address = (uint64_t)(uintptr_t)at;
    return !at || (address > a->r->heap.base && address < a->heap_end && address % 8 == 0);
}

static bool is_offset(const audit *a, uint64_t word)
{
    uint64_t off = word & HEW_OFF_MASK;
    return off <= HEW_DEAD || is_block(a, hew_at(a->r, off));
}

static bool is_type(const hew_region *r, const hew_actor_type *type)
{
    const hew_program *p = r->program;
    bool found = type == p->main;
    for (uint32_t i = 0; i < p->n_types && !found; i++) {
        found = type == p->types[i];
    }
    return found;
}

static bool words_are_sound(const audit *a, const hew_actor *x)
{
    return is_offset(a, hew_load_acquire(&x->head)) &&
           is_offset(a, hew_load_acquire(&x->sys_head)) &&
           is_offset(a, hew_load_relaxed(&x->take)) && is_offset(a, hew_load_relaxed(&x->rev)) &&
           is_offset(a, hew_load_relaxed(&x->pivot)) && is_offset(a, hew_load_relaxed(&x->fifo)) &&
           is_offset(a, hew_load_relaxed(&x->sys_fifo)) &&
           is_offset(a, hew_load_relaxed(&x->current)) &&
           is_block(a, hew_load_relaxed(&x->fields)) && is_block(a, hew_load_relaxed(&x->stack)) &&
           is_block(a, hew_load_relaxed(&x->futures)) &&
           is_block(a, hew_load_relaxed(&x->watchers)) &&
           is_block(a, hew_load_relaxed(&x->waiters));
}

static bool actor_is_sound(const audit *a, uint32_t slot)
{
    hew_region *r = a->r;
    const hew_actor *x = hew_actor_at(r, slot);
    uint64_t state = hew_load_acquire(&x->state), pid = hew_load_acquire(&x->pid);
    if (hew_state_of(state) > HEW_S_NEW || (uint32_t)(state >> 4 & 0xff) > r->n_workers ||
        pid > HEW_PID_NONE) {
        return fail(a, "slot %u has the state %#llx", slot, (unsigned long long)state);
    }
    if (hew_state_of(state) == HEW_S_FREE || pid == HEW_PID_NONE) {
        return true; /* what it links then is derived */
    }
    bool sound = words_are_sound(a, x);
    const hew_actor_type *type = x->type;
    if (hew_load_acquire(&x->pid) != pid) {
        return true; /* it ended meanwhile */
    }
    if (!is_type(r, type)) {
        return fail(a, "slot %u has no type", slot);
    }
    return sound ||
           fail(a, "%s#%llu has a word that points nowhere", type->name, (unsigned long long)pid);
}

/* ---- workers ---- */

static bool worker_is_sound(const audit *a, uint32_t index)
{
    const hew_region *r = a->r;
    const hew_worker *w = hew_worker_at(r, index);
    const hew_actor *current = hew_load_acquire(&w->current);
    bool is_actor =
        !current || (current >= r->actors && current < r->actors + HEW_MAX_SLOTS &&
                     ((uintptr_t)current - (uintptr_t)r->actors) % sizeof *current == 0);
    if (w->index != index || w->region != r || w->actors != r->actors || !is_actor ||
        hew_load_relaxed(&w->n_slots) > HEW_COUNT_OF(w->slots) ||
        hew_load_relaxed(&w->n_sweep) > HEW_COUNT_OF(w->sweep_slots) ||
        !is_block(a, hew_load_relaxed(&w->open.first)) ||
        !is_block(a, hew_load_relaxed(&w->pushing)) ||
        !is_block(a, hew_load_relaxed(&w->letting))) {
        return fail(a, "the record of worker %u is wrong", index);
    }
    return true;
}

bool hew_region_audit(hew_region *r, char *text, uint64_t size)
{
    audit a = {.r = r, .text = text, .size = size};
    text[0] = 0;
    if (r->magic != HEW_MAGIC || r->abi != HEW_ABI || r->base != (uint64_t)(uintptr_t)r ||
        r->n_workers < 1 || r->n_workers > HEW_MAX_WORKERS ||
        r->worker_stride != sizeof(hew_worker) || !r->program) {
        return fail(&a, "the region's head is wrong");
    }
    uint64_t slots = hew_load_acquire(&r->slots_used);
    a.heap_end = r->heap.base + hew_load_acquire(&r->heap.used);
    bool sound = heap_is_sound(&a);
    for (uint32_t i = 0; sound && i < r->n_workers; i++) {
        sound = worker_is_sound(&a, i);
    }
    for (uint64_t i = 0; sound && i < slots && i < HEW_MAX_SLOTS; i++) {
        a.heap_end = r->heap.base + hew_load_acquire(&r->heap.used); /* it grows meanwhile */
        sound = actor_is_sound(&a, (uint32_t)i);
    }
    return sound;
}
