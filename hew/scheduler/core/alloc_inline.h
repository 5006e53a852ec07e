/* alloc_inline.h - the allocator's hot paths, for alloc.c and for files that live on them (mailbox,
 * message). */
#ifndef HEW_ALLOC_INLINE_H
#define HEW_ALLOC_INLINE_H

#include "layout.h"

enum {
    HEW_SMALL_STEP = 16,
    HEW_SMALL_LEAST = 32,      /* header, link in the list, link of batches */
    HEW_SMALL_LINEAR = 256,    /* classes in steps of 16 up to here, then 4 to a doubling */
    HEW_SMALL_DOUBLING = 8192, /* up to here, then as many as fit into a span */
    HEW_SMALL_MOST = 32768,
    HEW_CLASSES_LINEAR = 15,
    HEW_CLASSES_USED = 40,
    HEW_KEEP_BATCHES =
        4, /* a worker keeps so many batches of a class to itself: a burst needs no shared list */
    HEW_PUBLISH_STEP = 4096, /* net growth a worker may keep to itself: so exact is heap.peak */
};

extern const uint32_t hew_class_bytes[HEW_CLASSES]; /* with the header */
extern const uint32_t hew_class_batch[HEW_CLASSES]; /* blocks that move together */

/* The class of a block with `size` usable bytes; size + 8 <= HEW_SMALL_MOST. */
HEW_INLINE uint32_t hew_class_of(size_t size)
{
    uint64_t last = size + 8 - 1;
    if (last < HEW_SMALL_LEAST) {
        return 0;
    }
    if (last < HEW_SMALL_LINEAR) {
        return (uint32_t)(last >> 4) - 1;
    }
    if (last < HEW_SMALL_DOUBLING) {
        uint32_t log = 63u - (uint32_t)__builtin_clzll(last);
        return HEW_CLASSES_LINEAR + (log - 8) * 4 + (uint32_t)(last >> (log - 2)) - 4;
    }
    uint32_t c = HEW_CLASSES_LINEAR + 20;
    while (last >= hew_class_bytes[c]) {
        c += 1;
    }
    return c;
}

/* Slow halves, in alloc.c. */
void *hew_alloc_refill(hew_worker *w, uint32_t size_class, uint64_t bits);
void hew_alloc_spill(hew_worker *w, uint32_t size_class, void *block);
void hew_alloc_publish(hew_worker *w);
void *hew_alloc_big(hew_worker *w, size_t size, uint64_t bits);
void hew_free_big(hew_worker *w, void *block);

HEW_INLINE void hew_alloc_publish_if_due(hew_worker *w)
{
#if defined(HEW_NO_COUNTERS)
    (void)w;
    return;
#endif
    uint64_t ahead =
        hew_counted(w, BYTES_ALLOCATED) - hew_counted(w, BYTES_FREED) - w->heap.published_live;
    if (HEW_UNLIKELY(ahead + HEW_PUBLISH_STEP > 2 * HEW_PUBLISH_STEP)) {
        hew_alloc_publish(w);
    }
}

HEW_INLINE void hew_alloc_count(hew_worker *w, uint64_t bytes)
{
    hew_count(w, ALLOC_COUNT, 1);
    hew_count(w, BYTES_ALLOCATED, bytes);
    hew_alloc_publish_if_due(w);
}

/* A block of the class, its header `bits` (tag, holder, nonce) and the class. NULL at the limit.
 * Killed before the header's store the block is still in the cache, after it is allocated. It is
 * counted before, so that a kill never leaves more freed than allocated. */
HEW_INLINE void *hew_alloc_class(hew_worker *w, uint32_t size_class, uint64_t bits)
{
    hew_cache *cache = &w->heap.cache[size_class];
    uint64_t *block = (uint64_t *)cache->first;
    if (HEW_UNLIKELY(block == NULL)) {
        return hew_alloc_refill(w, size_class, bits);
    }
    cache->first = *block;
    cache->n -= 1;
    hew_alloc_count(w, hew_class_bytes[size_class]);
    hew_step();
    hew_store_relaxed(block - 1, bits | (uint64_t)size_class << 3);
    hew_step();
    return block;
}

HEW_INLINE void *hew_alloc_bits(hew_worker *w, size_t size, uint64_t bits)
{
    if (HEW_UNLIKELY(size > HEW_SMALL_MOST - 8)) {
        return hew_alloc_big(w, size, bits);
    }
    return hew_alloc_class(w, hew_class_of(size), bits);
}

HEW_INLINE uint64_t hew_block_bytes_inline(const void *block)
{
    uint32_t size_class = hew_header_class(hew_load_relaxed(hew_header_of(block)));
    return HEW_UNLIKELY(size_class == HEW_CLASS_BIG) ? hew_block_bytes(block)
                                                     : hew_class_bytes[size_class];
}

/* A free in two halves, of a small block: the first makes it free, but it is still nobody's to take (or, killed, the
 * replacement's); the second puts it to use. Between them it may be taken out of what recovery looks at. */
HEW_INLINE void hew_free_begin(hew_worker *w, void *block, uint32_t size_class)
{
    hew_step();
    hew_store_relaxed(hew_header_of(block),
                      hew_header(HEW_TAG_FREE, size_class, w->heap.free_holder, 0));
    hew_step();
}

HEW_INLINE void hew_free_end(hew_worker *w, void *block, uint32_t size_class)
{
    hew_count(w, DEALLOC_COUNT, 1);
    hew_count(w, BYTES_FREED, hew_class_bytes[size_class]);
    hew_alloc_publish_if_due(w);
    hew_cache *cache = &w->heap.cache[size_class];
    if (HEW_UNLIKELY(cache->n >= HEW_KEEP_BATCHES * hew_class_batch[size_class])) {
        hew_alloc_spill(w, size_class, block);
        return;
    }
    *(uint64_t *)block = cache->first;
    cache->first = (uint64_t)block;
    cache->n += 1;
}

HEW_INLINE void hew_free_inline(hew_worker *w, void *block)
{
    uint32_t size_class = hew_header_class(hew_load_relaxed(hew_header_of(block)));
    if (HEW_UNLIKELY(size_class == HEW_CLASS_BIG)) {
        hew_free_big(w, block);
        return;
    }
    hew_free_begin(w, block, size_class);
    hew_free_end(w, block, size_class);
}

#endif
