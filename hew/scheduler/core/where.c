/* where.c - what an actor is at, for readers: the message in work, what it waits for, the stack of one that is suspended.
 *
 * As in inspect.c nothing is written and no pointer out of the region is followed; those that lead into it are checked
 * first, since the actor may go on meanwhile and what they led to be used anew. What was read then is not shown: who
 * the slot belongs to, and the stack's block, are looked at again at the end.
 */
#include "layout.h"
#include "region.h"

#if defined(__aarch64__)
#define SAVED_FP 80 /* in what hew_stack_switch leaves on the stack (stack_*.S) */
#else
#define SAVED_FP 40
#endif
#define NO_INDEX UINT32_MAX

/* Do so many bytes lie in the heap, from there on? */
static bool in_heap(const hew_region *r, uint64_t at, uint64_t bytes)
{
    return at >= r->heap.base && at % sizeof(uint64_t) == 0 && at < r->heap.end &&
           bytes <= r->heap.end - at;
}

static uint32_t handler_in_work(const hew_region *r, const hew_actor *a)
{
    uint64_t node = (uint64_t)(uintptr_t)hew_at(r, hew_load_relaxed(&a->current));
    uint32_t idx = hew_load_relaxed(&a->idx);
    uint64_t entry = node + offsetof(hew_node, entries) + (idx & ~1u);
    if (!(idx & 1) || !in_heap(r, entry, sizeof(hew_entry))) {
        return NO_INDEX;
    }
    return hew_load_relaxed(&((const hew_entry *)(uintptr_t)entry)->handler) & HEW_ENTRY_INDEX;
}

typedef struct copied { /* a run stack's used part, where it is kept */
    uint64_t at, sp;
} copied;

static uint64_t word(const copied *c, uint64_t address) /* 0: it is not in there */
{
    if (address < c->sp || address > HEW_STACK_TOP - sizeof(uint64_t) || address % 8) {
        return 0;
    }
    return hew_load_relaxed((const uint64_t *)(uintptr_t)(c->at + (address - c->sp)));
}

static uint32_t walk(const copied *c, uint64_t *pcs, uint32_t max)
{
    uint64_t fp = word(c, c->sp + SAVED_FP), pc = word(c, c->sp + SAVED_FP + 8);
    uint32_t n = 0;
    while (pc && n < max) {
        pcs[n++] = pc;
        uint64_t next = word(c, fp);
        pc = word(c, fp + 8);
        fp = next > fp ? next : 0;
    }
    return n;
}

/* The saved stack's frames, and since when it is saved. */
static void read_stack(const hew_region *r, const hew_actor *a, hew_where *out, uint64_t *since)
{
    const hew_stack *s = hew_load_acquire(&a->stack);
    if (!in_heap(r, (uint64_t)(uintptr_t)s, sizeof *s)) {
        return;
    }
    uint64_t size = hew_load_relaxed(&s->size), sp = hew_load_relaxed(&s->sp);
    uint64_t at = (uint64_t)(uintptr_t)s->bytes, since_then = hew_load_relaxed(&s->blocked_since);
    if (size > r->stack_size + HEW_PAGE || sp != HEW_STACK_TOP - size || !in_heap(r, at, size)) {
        return;
    }
    copied c = {.at = at, .sp = sp};
    uint32_t n = walk(&c, out->pcs, HEW_SAMPLE_FRAMES);
    hew_fence_seq(); /* the frames before the second look */
    if (hew_load_acquire(&a->stack) == s && hew_load_relaxed(&s->sp) == sp) {
        out->depth = n;
        *since = since_then;
    }
}

static void read_wait(const hew_region *r, const hew_actor *a, uint64_t now, hew_where *out)
{
    uint64_t about = hew_load_relaxed(&a->wait_about);
    out->wait = (uint32_t)(hew_load_relaxed(&a->wait) & 15);
    if (out->wait == HEW_WAIT_SLEEP) {
        out->sleep_ns = about > now ? hew_ticks_to_ns(r, about - now) : 0;
    } else if (out->wait != HEW_WAIT_NONE && out->wait != HEW_WAIT_TURN) {
        const hew_actor *other = hew_actor_at(r, hew_handle_slot(about));
        out->about_pid = hew_handle_pid(about);
        out->about_type = hew_load_relaxed(&other->type_index);
        if (hew_load_relaxed(&other->pid) != out->about_pid) {
            out->about_type = NO_INDEX; /* it has ended */
        }
    }
}

bool hew_inspect_where(hew_region *r, uint32_t slot, uint64_t pid, hew_where *out)
{
    const hew_actor *a = hew_actor_at(r, slot);
    if (slot >= hew_load_acquire(&r->slots_used) || hew_load_acquire(&a->pid) != pid) {
        return false;
    }
    uint64_t state = hew_load_acquire(&a->state), now = hew_ticks(r), since = now;
    uint32_t worker = hew_load_relaxed(&a->worker);
    *out = (hew_where){.handler = handler_in_work(r, a), .about_type = NO_INDEX};
    switch (hew_state_of(state)) {
    case HEW_S_RUNNING:
        if (worker < r->n_workers) {
            since = hew_load_relaxed(&hew_worker_at(r, worker)->stamp);
        }
        break;
    case HEW_S_BLOCKED:
    case HEW_S_READY:
        read_wait(r, a, now, out);
        read_stack(r, a, out, &since);
        break;
    case HEW_S_FREE:
    case HEW_S_IDLE:
    case HEW_S_NEW: break;
    }
    out->since_ns = now > since ? hew_ticks_to_ns(r, now - since) : 0;
    hew_fence_seq();
    return hew_load_acquire(&a->pid) == pid && hew_load_acquire(&a->state) == state;
}
