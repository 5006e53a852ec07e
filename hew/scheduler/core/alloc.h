/* alloc.h - blocks of the shared heap.
 *
 * A block is an 8-byte header followed by its payload (8-aligned); pointers point at the payload.
 *   header = tag:3 | class:6 | holder:24 | nonce:31
 * A1  One store of the header IS the allocation (tag becomes LIVE), one store IS the free (FREE).
 * A2  holder: slot of the actor that owns the block (LIVE, MSG, STACK), HEW_HOLDER_RUNTIME for what
 *     the core itself keeps; of a FREE block: index << 16 | incarnation of the worker in
 *     whose cache it is (w->heap.free_holder), 0 in a batch on the shared list.
 * A3  All lists are derived from headers and span table: recovery repairs no list.
 * A4  bytes_allocated and bytes_freed count hew_block_bytes (header and rounding included), in the
 *     worker's counters, with alloc_count and dealloc_count. Nothing is counted per actor here:
 *     the worker's loop takes differences per activation.
 */
#ifndef HEW_ALLOC_H
#define HEW_ALLOC_H

#include "atomic.h"
#include "hew.h"

typedef enum hew_tag {
    HEW_TAG_FREE,
    HEW_TAG_LIVE, /* a value or fields of an actor, or the runtime's own */
    HEW_TAG_MSG,  /* a node of messages (1 to 30) in flight or in a mailbox; holder = receiver */
    HEW_TAG_SYS,  /* a system message: reply, watch, ... */
    HEW_TAG_STACK /* the saved stack of a suspended handler */
} hew_tag;

#define HEW_CLASS_BIG 63u /* in the header's class: a run of pages, its size is in the span table */
#define HEW_HOLDER_RUNTIME 0xffffffu
#define HEW_HOLDER_MASK    0xffffffu
#define HEW_NONCE_MASK     0x7fffffffu

HEW_INLINE uint64_t hew_header(hew_tag tag, uint32_t size_class, uint32_t holder, uint32_t nonce)
{
    return (uint64_t)tag | (uint64_t)size_class << 3 | (uint64_t)holder << 9 |
           (uint64_t)nonce << 33;
}
HEW_INLINE uint64_t *hew_header_of(const void *block)
{
    return (uint64_t *)((uintptr_t)block - 8);
}
HEW_INLINE hew_tag hew_header_tag(uint64_t header)
{
    return (hew_tag)(header & 7);
}
HEW_INLINE uint32_t hew_header_class(uint64_t header)
{
    return (uint32_t)(header >> 3) & 63u;
}
HEW_INLINE uint32_t hew_header_holder(uint64_t header)
{
    return (uint32_t)(header >> 9) & HEW_HOLDER_MASK;
}
HEW_INLINE uint32_t hew_header_nonce(uint64_t header)
{
    return (uint32_t)(header >> 33);
}
/* Changes what a live block is and who holds it; one store. */
HEW_INLINE void hew_block_retag(void *block, hew_tag tag, uint32_t holder, uint32_t nonce)
{
    uint64_t *h = hew_header_of(block);
    hew_store_relaxed(h, hew_header(tag, hew_header_class(*h), holder, nonce));
}

/* ---- state embedded by layout.h; its fields are the allocator's own (alloc.c, pages.c) ---- */

#define HEW_CLASSES 48 /* small classes; sizes in alloc.c */
#define HEW_SPAN    (64u * 1024)

typedef struct hew_cache { /* free blocks of one class, linked through payload word 0 */
    uint64_t first;        /* address of the first payload, 0: none */
    uint32_t n;
    uint32_t n_back;
    uint64_t back; /* being collected for the shared list */
} hew_cache;

typedef struct hew_orphan { /* a batch that a predecessor was moving when it died; see alloc.c */
    uint64_t block;         /* address of its first block, 0: none */
    uint32_t nonce;
    uint32_t holder;
} hew_orphan;

typedef struct hew_worker_heap {  /* in each hew_worker; only that worker writes it */
    hew_cache cache[HEW_CLASSES]; /* [D] */
    uint64_t published_live;      /* [P] what of our net growth the region's total already has */
    uint64_t moving;       /* [P] first block of a batch on its way to or from the shared list */
    uint32_t moving_nonce; /* [P] nonce of its header while it is on the list */
    uint32_t free_holder;  /* [P] holder in the headers of our free blocks */
    uint64_t claimed;      /* [P] bytes counted in heap.committed for a run ... */
    uint64_t claimed_at;   /* [P] ... that is about to begin at this span */
    uint32_t pushes;       /* makes nonces */
    uint32_t sweep_at, sweep_end; /* [D] spans still to be swept after a predecessor */
    uint32_t sweep_waits;         /* [D] see hew_alloc_sweep */
    uint32_t
        may_exceed; /* what is claimed now may use the reserve (1), or go beyond the limit (2) */
    uint32_t
        new_memory; /* [O] 1: the run taken last was never in use, or not since it was given back */
    hew_orphan orphans[4];      /* [P] */
    uint32_t *seen_activations; /* [O] */
} hew_worker_heap;

typedef struct hew_heap { /* in the hew_region; primary unless said otherwise */
    uint64_t base, end;   /* addresses of the heap */
    uint64_t limit;       /* hew_config.heap_max */
    uint64_t span_table;  /* address: one entry per span of [base, end) */
    uint64_t span_table_size;
    HEW_ALIGNED(HEW_LINE) uint64_t committed; /* bytes claimed against the limit; atomic */
    uint64_t used;                            /* bytes of [base, end) handed out as spans; atomic */
    uint64_t live;                            /* sum of the workers' published growth; atomic */
    uint64_t peak;                            /* greatest `live` */
    HEW_ALIGNED(HEW_LINE) uint64_t free_batches[HEW_CLASSES]; /* tagged heads; atomic */
    HEW_ALIGNED(HEW_LINE)
    uint64_t lock;       /* of the span table: free_holder of who has it, 0: nobody */
    uint64_t free_spans; /* [D] spans in free runs */
    uint64_t first_free; /* [D] no free run begins before this span */
} hew_heap;

/* ---- called by message path, stacks and runtime library ---- */

/* A block of at least `size` bytes held by the running actor (w->holder). Its bytes are not zeroed.
 * Traps "out of memory" when the limit is reached. */
void *hew_alloc(hew_worker *w, size_t size);
/* The same for any holder; NULL at the limit. */
HEW_USE_RESULT void *hew_alloc_try(hew_worker *w, size_t size, uint32_t holder);
/* The same, if need be beyond the limit: for what the core owes (a reply, the news of an end), a small block each,
 * and never more of them than there are asks, watches and senders waiting. */
void *hew_alloc_reserve(hew_worker *w, size_t size,
                        uint32_t holder); /* at most the reserve; NULL */
void *hew_alloc_owed(hew_worker *w, size_t size, uint32_t holder);
/* Frees a block of any size and tag. block != NULL. */
void hew_free(hew_worker *w, void *block);
/* Usable payload bytes. */
size_t hew_block_size(const void *block);
/* Of the block that w has made last: all of it is 0, since its memory is new. */
bool hew_block_is_zeroed(const hew_worker *w, const void *block);
/* Bytes it counts for: header, payload, rounding. */
size_t hew_block_bytes(const void *block);

/* ---- called by region.c, worker.c, actor.c, recover.c, inspect.c ---- */

/* Once, by hew_region_create: heap->base, end, limit, span_table are set, all else is zero. */
void hew_alloc_region_init(hew_region *r);
/* Size of the span table for a heap of that many bytes. */
uint64_t hew_alloc_table_size(uint64_t heap_bytes);
/* Claims `bytes` of memory against the limit less `spare`; false: refused. */
HEW_USE_RESULT bool hew_commit(hew_region *r, uint64_t bytes, uint64_t spare);
/* What actors may not use up: main's own, and for those who wait, so that a program whose actors have filled the
 * memory can still say so. */
uint64_t hew_spare(const hew_worker *w);
/* At the start of a worker process (w->incarnation is set): caches of a dead predecessor are
 * forgotten, its FREE blocks are this worker's to collect (hew_alloc_sweep). */
void hew_alloc_worker_start(hew_worker *w);
/* A piece of background work: adopts FREE blocks of the dead incarnation, frees what the actors of
 * w->sweep_slots (killed in mid-handler) still hold. false: nothing left to do. */
bool hew_alloc_sweep(hew_worker *w);
/* Publishes the worker's net growth to heap.live / heap.peak; called by the loop before parking. */
void hew_alloc_publish(hew_worker *w);
/* In the supervisor, after worker `index` died: opens the span table's lock. Idempotent. */
void hew_alloc_recover(hew_region *r, uint32_t index);

#endif
