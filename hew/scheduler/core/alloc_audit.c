/* alloc_audit.c - see alloc_audit.h. */
#include "alloc_audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc_inline.h"
#include "pages.h"

enum {
    GRAIN = 16
}; /* all blocks begin at a multiple of it, plus 8 */

typedef struct audit {
    hew_region *region;
    hew_heap_audit *out;
    uint8_t
        *listed; /* a bit for each grain of the heap: it begins a block that was found in a list */
    char *error;
    size_t error_size;
} audit;

__attribute__((format(printf, 2, 3))) static bool fail(audit *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(a->error, a->error_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_listed(const audit *a, const uint64_t *block)
{
    uint64_t grain = ((uint64_t)block - a->region->heap.base) / GRAIN;
    return a->listed[grain / 8] >> grain % 8 & 1;
}

/* ---- lists ---- */

/* Each block of a list: in a small span of the class, free, held by `holder`, in no list before.
 * `batch`: the first one has a nonce. */
static bool check_list(audit *a, uint64_t first, uint64_t n, uint32_t size_class, uint32_t holder,
                       bool batch)
{
    const hew_heap *heap = &a->region->heap;
    uint64_t used_end = heap->base + heap->used;
    uint64_t found = 0;
    for (uint64_t at = first; at != 0; at = *(uint64_t *)at, ++found) {
        uint64_t *block = (uint64_t *)at;
        if (at < heap->base || at >= used_end || at % GRAIN != 8) {
            return fail(a, "class %u: %#lx in a list is no block", size_class, at);
        }
        uint64_t word = hew_span_table(a->region)[hew_span_of(a->region, block)];
        uint64_t header = block[-1];
        bool right_nonce = (hew_header_nonce(header) != 0) == (batch && at == first);
        if (hew_span_state_of(word) != HEW_SPAN_SMALL || hew_span_class(word) != size_class ||
            hew_header_tag(header) != HEW_TAG_FREE || hew_header_class(header) != size_class ||
            hew_header_holder(header) != holder || !right_nonce) {
            return fail(a, "class %u: block %#lx of a list has header %#lx in span %#lx",
                        size_class, at, header, word);
        }
        if (is_listed(a, block)) {
            return fail(a, "class %u: block %#lx is in two lists", size_class, at);
        }
        uint64_t grain = (at - heap->base) / GRAIN;
        a->listed[grain / 8] |= (uint8_t)(1u << grain % 8);
    }
    return found == n ||
           fail(a, "class %u: a list of %lu blocks should have %lu", size_class, found, n);
}

static bool check_cache(audit *a, const hew_worker *w, uint32_t size_class)
{
    const hew_cache *cache = &w->heap.cache[size_class];
    return check_list(a, cache->first, cache->n, size_class, w->heap.free_holder, false) &&
           check_list(a, cache->back, cache->n_back, size_class, w->heap.free_holder, false);
}

static uint64_t length(uint64_t first)
{
    uint64_t n = 0;
    for (uint64_t at = first; at != 0 && n <= HEW_SPAN; at = *(uint64_t *)at) {
        n += 1;
    }
    return n;
}

static bool check_shared(audit *a, uint32_t size_class)
{
    uint64_t *batch = hew_at(a->region, a->region->heap.free_batches[size_class] & HEW_OFF_MASK);
    bool good = true;
    while (good && batch != NULL) {
        good = check_list(a, (uint64_t)batch, length((uint64_t)batch), size_class, 0, true);
        batch = (uint64_t *)batch[1];
    }
    return good;
}

static bool check_lists(audit *a)
{
    bool good = true;
    for (uint32_t c = 0; good && c < HEW_CLASSES_USED; ++c) {
        good = check_shared(a, c);
        for (uint32_t i = 0; good && i < a->region->n_workers; ++i) {
            good = check_cache(a, hew_worker_at(a->region, i), c);
        }
    }
    return good;
}

/* ---- spans ---- */

static bool check_small(audit *a, uint64_t span, uint32_t size_class)
{
    uint64_t size = hew_class_bytes[size_class];
    for (uint64_t i = 0; i < HEW_SPAN / size; ++i) {
        uint64_t *block = (uint64_t *)(hew_span_address(a->region, span) + i * size) + 1;
        if (hew_header_class(block[-1]) != size_class) {
            return fail(a, "block %#lx has header %#lx in a span of class %u", (uint64_t)block,
                        block[-1], size_class);
        }
        if (hew_header_tag(block[-1]) != HEW_TAG_FREE) {
            a->out->used_blocks += 1;
            a->out->used_bytes += size;
        } else {
            a->out->free_blocks += is_listed(a, block);
            a->out->lost_blocks += !is_listed(a, block);
        }
    }
    return true;
}

static bool check_big(audit *a, uint64_t span, uint64_t n)
{
    uint64_t *block = (uint64_t *)hew_span_address(a->region, span) + 2;
    if (block[-2] != n * HEW_SPAN || hew_header_class(block[-1]) != HEW_CLASS_BIG ||
        hew_header_tag(block[-1]) == HEW_TAG_FREE) {
        return fail(a, "big block of %lu spans at %lu has size %lu, header %#lx", n, span,
                    block[-2], block[-1]);
    }
    a->out->used_blocks += 1;
    a->out->used_bytes += block[-2];
    return true;
}

static bool check_run(audit *a, uint64_t span, uint64_t word, uint64_t *free_spans)
{
    uint64_t n = hew_span_n(word);
    if (n == 0 || hew_span_maker(word) != 0) {
        return fail(a, "span %lu has word %#lx", span, word);
    }
    switch (hew_span_state_of(word)) {
    case HEW_SPAN_SMALL: return n == 1 && check_small(a, span, hew_span_class(word));
    case HEW_SPAN_BIG: return check_big(a, span, n);
    case HEW_SPAN_FREE: *free_spans += n; return true;
    case HEW_SPAN_RETURNED: return true;
    default: return fail(a, "span %lu has word %#lx", span, word);
    }
}

static bool check_spans(audit *a)
{
    const hew_heap *heap = &a->region->heap;
    uint64_t used = heap->used / HEW_SPAN;
    uint64_t free_spans = 0;
    uint64_t span = 0;
    bool good = true;
    while (good && span < used) {
        uint64_t word = hew_span_table(a->region)[span];
        good = check_run(a, span, word, &free_spans);
        span += hew_span_n(word);
    }
    if (!good) {
        return false;
    }
    if (span != used) {
        return fail(a, "the last run ends at span %lu, not at %lu", span, used);
    }
    return free_spans == heap->free_spans ||
           fail(a, "%lu spans are free, not %lu", free_spans, heap->free_spans);
}

bool hew_alloc_audit(hew_region *r, hew_heap_audit *out, char *error, size_t error_size)
{
    *out = (hew_heap_audit){0};
    audit a = {.region = r, .out = out, .error = error, .error_size = error_size};
    a.listed = calloc(r->heap.used / GRAIN / 8 + 1, 1);
    if (a.listed == NULL) {
        return fail(&a, "no memory for the audit");
    }
    bool good = r->heap.lock == 0 || fail(&a, "the span table is locked by %#lx", r->heap.lock);
    good = good && check_lists(&a) && check_spans(&a);
    free(a.listed);
    return good;
}
