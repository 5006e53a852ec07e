/* lines.c - see lines.h. */
#include "lines.h"

#define MAGIC       0x314c5748u
#define NOWHERE     UINT32_MAX
#define MAX_INLINED 64u

enum {
    HEAD_WORDS = 5,
    PLACE_WORDS = 3,
    SCOPE_WORDS = 3
};

typedef struct table {
    const uint32_t *offsets, *place_of, *places, *scopes;
    const char *text;
    uint32_t n;
} table;

static bool open_table(const hew_region *r, table *t)
{
    const uint32_t *head = r->lines;
    if (!head || r->lines_size < HEAD_WORDS * sizeof *head || head[0] != MAGIC) {
        return false;
    }
    uint64_t words =
        2ull * head[1] + PLACE_WORDS * (uint64_t)head[2] + SCOPE_WORDS * (uint64_t)head[3];
    if (r->lines_size != (HEAD_WORDS + words) * sizeof *head + head[4]) {
        return false;
    }
    t->n = head[1];
    t->offsets = head + HEAD_WORDS;
    t->place_of = t->offsets + t->n;
    t->places = t->place_of + t->n;
    t->scopes = t->places + PLACE_WORDS * (uint64_t)head[2];
    t->text = (const char *)(t->scopes + SCOPE_WORDS * (uint64_t)head[3]);
    return true;
}

/* The last stretch that begins at or before the offset. */
static uint32_t place_at(const table *t, uint64_t offset)
{
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->offsets[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low ? t->place_of[low - 1] : NOWHERE;
}

uint32_t hew_lines_lookup(const hew_region *r, uint64_t pc, hew_frame *out, uint32_t max)
{
    table t;
    if (pc - r->code_base >= r->code_size || !open_table(r, &t)) {
        return 0;
    }
    uint32_t n = 0;
    uint32_t place = place_at(&t, pc - r->code_base);
    while (place != NOWHERE && n <= MAX_INLINED) {
        const uint32_t *p = t.places + PLACE_WORDS * (uint64_t)place;
        const uint32_t *scope = t.scopes + SCOPE_WORDS * (uint64_t)p[0];
        if (n < max) {
            out[n] = (hew_frame){.function = t.text + scope[0],
                                 .file = t.text + scope[1],
                                 .line = p[1],
                                 .column = p[2]};
        }
        n++;
        place = scope[2];
    }
    return n;
}
