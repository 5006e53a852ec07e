/* runq.c - stealing and the shared overflow; see runq.h. */
#include "runq.h"
#include "region.h"

#define STEAL_AT_MOST 128u
#define LEVELS        4
#define REFILL_WORDS  8 /* with few slots each */

/* ---- overflow: bitmap with summaries ---- */

static const uint32_t level_start[LEVELS] = {
    0,
    HEW_MAX_SLOTS / 64,
    HEW_MAX_SLOTS / 64 + HEW_MAX_SLOTS / 4096,
    HEW_MAX_SLOTS / 64 + HEW_MAX_SLOTS / 4096 + HEW_MAX_SLOTS / 262144,
};

HEW_INLINE uint32_t level_words(int level)
{
    return HEW_MAX_SLOTS / 64 >> 6 * level;
}

HEW_INLINE uint64_t *word_at(const hew_region *r, int level, uint32_t index)
{
    return r->overflow + level_start[level] + index;
}

void hew_runq_overflow_many(hew_region *r, uint32_t index, uint64_t slots)
{
    hew_or_seq(word_at(r, 0, index), slots);
    for (int level = 1; level < LEVELS; level++) {
        uint64_t *word = word_at(r, level, index / 64), bit = 1ull << (index % 64);
        /* Found set it may be cleared now; who does so looks below afterwards, and sees what we set (clear_summary). */
        if (!(hew_load_seq(word) & bit)) {
            hew_or_seq(word, bit);
        }
        index /= 64;
    }
}

void hew_runq_overflow(hew_region *r, uint32_t slot)
{
    hew_runq_overflow_many(r, slot / 64, 1ull << (slot % 64));
}

bool hew_runq_overflow_any(const hew_region *r)
{
    return hew_load_seq(word_at(r, LEVELS - 1, 0)) != 0;
}

/* Clears the summary bits above the word `index` of the level below `level`, which was found empty; puts them back
 * when something came meanwhile (Q4). */
static void clear_summary(hew_region *r, int level, uint32_t index)
{
    for (; level < LEVELS; level++) {
        uint64_t *above = word_at(r, level, index / 64);
        hew_and_seq(above, ~(1ull << (index % 64)));
        if (hew_load_seq(word_at(r, level - 1, index)) != 0) {
            for (; level < LEVELS; level++, index /= 64) {
                hew_or_seq(word_at(r, level, index / 64), 1ull << (index % 64));
            }
            return;
        }
        index /= 64;
        if (hew_load_seq(above) != 0) {
            return;
        }
    }
}

/* The first word from `from` on that has slots; false: there is none. From 0 on it looks from the top level down, so
 * that no summary bit set for nothing is left when nothing is found. */
static bool find_word(hew_region *r, uint32_t from, uint32_t *found)
{
    uint32_t index = from; /* of a bit of `level`, which is of a word of the level below */
    int level = from ? 1 : LEVELS - 1;
    bool from_above = false;
    while (index / 64 < level_words(level)) {
        uint64_t bits = hew_load_seq(word_at(r, level, index / 64)) & ~0ull << index % 64;
        if (bits) {
            index = index / 64 * 64 + (uint32_t)__builtin_ctzll(bits);
            if (--level == 0) {
                *found = index;
                return true;
            }
            index *= 64;
            from_above = true;
        } else if (
            from_above) { /* its summary bit has outlived it: put back while others took it away */
            clear_summary(r, level + 1, index / 64);
            index = from;
            level = from ? 1 : LEVELS - 1;
            from_above = false;
        } else {
            index = index / 64 + 1;
            level++;
        }
    }
    return false;
}

/* The slots of one word; false: there were none. */
static bool refill_from(hew_worker *w, uint32_t from, uint32_t *n)
{
    hew_region *r = w->region;
    uint32_t index;
    if (!find_word(r, from, &index)) {
        return false;
    }
    uint64_t slots = hew_exchange_seq(word_at(r, 0, index), 0);
    clear_summary(r, 1, index);
    w->refill_from = index + 1;
    for (; slots; slots &= slots - 1) { /* killed here: recovery scans the table */
        hew_ring_put(w, index * 64 + (uint32_t)__builtin_ctzll(slots) + 1);
        ++*n;
    }
    return true;
}

bool hew_runq_refill(hew_worker *w)
{
    hew_region *r = w->region;
    uint32_t n = 0;
    for (int words = 0; words < REFILL_WORDS && n < HEW_REFILL / 2 && hew_runq_overflow_any(r);) {
        if (hew_ring_room(w) < HEW_REFILL) {
            break;
        }
        uint32_t before = n;
        if (!refill_from(w, w->refill_from, &n) && !refill_from(w, 0, &n)) {
            break; /* others took it all */
        }
        words += n != before;
    }
    if (n) {
        hew_park_offer(w);
    }
    return n != 0;
}

/* ---- stealing ---- */

/* Half of the victim's ring, at most STEAL_AT_MOST; the first is the result, the rest go to the own ring. */
static uint32_t steal_ring(hew_worker *w, hew_worker *victim)
{
    uint32_t taken[STEAL_AT_MOST];
    for (;;) {
        uint64_t t = hew_load_acquire(&victim->top), b = hew_load_acquire(&victim->bottom);
        if (b <= t) {
            return 0;
        }
        uint64_t n = (b - t + 1) / 2;
        n = n > STEAL_AT_MOST ? STEAL_AT_MOST : n;
        for (uint64_t i = 0; i < n; i++) {
            taken[i] = hew_load_relaxed(&victim->ring[(t + i) % HEW_RING]);
        }
        if (hew_cas_acq_rel(&victim->top, &t, t + n)) {
            for (uint64_t i = 1; i < n; i++) {
                hew_runq_append(w, taken[i]);
            }
            return taken[0];
        }
    }
}

static uint32_t steal_run_slot(hew_worker *w, hew_worker *victim)
{
    uint64_t s = hew_load_relaxed(&victim->run_slot);
    if ((uint32_t)s && s == w->seen_run_slot && victim->index == w->seen_victim_slot_of) {
        w->seen_run_slot = 0;
        return (uint32_t)s;
    }
    w->seen_run_slot = s;
    w->seen_victim_slot_of = victim->index;
    return 0;
}

uint32_t hew_runq_steal(hew_worker *w)
{
    hew_region *r = w->region;
    uint32_t n = r->n_workers;
    w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
    uint32_t start = (uint32_t)(w->random >> 33) % n, entry = 0;
    for (uint32_t i = 0; i < n && !entry; i++) {
        hew_worker *victim = hew_worker_at(r, (start + i) % n);
        if (victim->index != w->index) {
            entry = steal_ring(w, victim);
        }
    }
    for (uint32_t i = 0; i < n && !entry; i++) {
        hew_worker *victim = hew_worker_at(r, (start + i) % n);
        if (victim->index != w->index) {
            entry = steal_run_slot(w, victim);
            if (n > 2) {
                break; /* one is remembered at a time */
            }
        }
    }
    return entry;
}

bool hew_runq_any(const hew_region *r)
{
    if (hew_runq_overflow_any(r)) {
        return true;
    }
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const hew_worker *v = hew_worker_at(r, i);
        if (hew_load_seq(&v->top) != hew_load_seq(&v->bottom)) {
            return true;
        }
    }
    return false;
}
