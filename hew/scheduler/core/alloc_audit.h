/* alloc_audit.h - a look at every block of the heap at rest; for audit.c and tests. */
#ifndef HEW_ALLOC_AUDIT_H
#define HEW_ALLOC_AUDIT_H

#include "layout.h"

typedef struct hew_heap_audit {
    uint64_t used_blocks, used_bytes; /* allocated, of any tag; bytes as hew_block_bytes */
    uint64_t free_blocks;             /* small ones, each in just one list */
    uint64_t lost_blocks;             /* small ones that are free but in no list */
} hew_heap_audit;

/* Fills *out; false when an invariant is broken, with a sentence in `error`. Nobody may use the
 * heap meanwhile. */
HEW_USE_RESULT bool hew_alloc_audit(hew_region *r, hew_heap_audit *out, char *error,
                                    size_t error_size);

#endif
