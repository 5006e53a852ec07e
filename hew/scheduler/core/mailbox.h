/* mailbox.h - many senders, one receiver, any of them killed at any instruction.
 *
 * The offset part of head is IDLE (at rest), EMPTY (nothing new; the actor runs or is to run),
 * DEAD, or the newest node of a chain over `next`, whose oldest has 0. sys_head has no IDLE.
 * M1  head leaves IDLE only by a push; who did it owes the actor one place on a run queue, and has
 *     counted one task spawned; head returns to IDLE only from EMPTY, by the receiver, which counts
 *     one task completed.
 * M2  A node is in one chain or in none; no chain is ever broken. What the receiver is about to do
 *     stands in take, rev and pivot before it does it.
 * M3  Only the receiver takes, so one bit of epoch tells whether a take that stands in `take` happened.
 * M4  Between two messages that the receiver begins to handle the depth only grows. So it marks the depth in `hwm` at a
 *     take, and before each message that it does not begin straight after one: hwm is exact, and what came while it did
 *     so came when the message was in hand.
 */
#ifndef HEW_MAILBOX_H
#define HEW_MAILBOX_H

#include "layout.h"

typedef enum hew_pushed {
    HEW_PUSHED,
    HEW_PUSHED_WOKE,
    HEW_PUSHED_NOT,
    HEW_PUSHED_FULL
} hew_pushed;

/* Messages in the mailbox: those in the head, and those taken but not dispatched. While a take is under way `left`
 * counts what is still in the head; anybody may ask. */
HEW_INLINE uint64_t hew_mailbox_depth(const hew_actor *a)
{
    for (;;) {
        uint64_t head = hew_load_acquire(&a->head);
        uint64_t left = hew_load_acquire(&a->left);
        uint64_t take = hew_load_acquire(&a->take);
        bool is_counted_twice = take && !(take & HEW_FOR_SYS) && ((take ^ head) & HEW_EPOCH) == 0;
        if (hew_load_acquire(&a->head) == head) {
            return (head >> HEW_COUNT_SHIFT) + (is_counted_twice ? 0 : left);
        }
    }
}

/* By the receiver, with no take under way, just before `left` gets less (M4). */
HEW_INLINE void hew_mailbox_mark(hew_actor *a)
{
    uint32_t in_head = (uint32_t)(hew_load_relaxed(&a->head) >> HEW_COUNT_SHIFT);
    uint32_t depth = hew_load_relaxed(&a->left) + in_head;
    if (depth > a->hwm) {
        hew_store_relaxed(&a->hwm, depth);
    }
}

/* Works for nodes and system messages alike: `next` is their first word. */
HEW_INLINE hew_pushed hew_chain_push(const hew_region *r, uint64_t *head, uint64_t *node,
                                     uint32_t count)
{
    uint64_t h = hew_load_relaxed(head), off;
    do {
        off = h & HEW_OFF_MASK;
        if (HEW_UNLIKELY(off == HEW_DEAD)) {
            return HEW_PUSHED_NOT;
        }
        if (HEW_UNLIKELY((h >> HEW_COUNT_SHIFT) + count > 0xffffff)) {
            return HEW_PUSHED_FULL;
        }
        hew_store_relaxed(node, off == HEW_IDLE ? 0 : off);
        /* release: the taker sees payload and next (pairs with hew_mailbox_take).
         * acquire: who ends IDLE hands the actor on with all its last worker wrote. */
    } while (!hew_cas_weak_acq_rel(
        head, &h, (h & ~HEW_OFF_MASK) + ((uint64_t)count << HEW_COUNT_SHIFT) + hew_off(r, node)));
    return off == HEW_IDLE ? HEW_PUSHED_WOKE : HEW_PUSHED;
}

/* A node with `count` messages. */
HEW_INLINE hew_pushed hew_mailbox_push(const hew_region *r, hew_actor *a, uint64_t *node,
                                       uint32_t count)
{
    return hew_chain_push(r, &a->head, node, count);
}

/* A system message. */
HEW_INLINE hew_pushed hew_mailbox_push_sys(const hew_region *r, hew_actor *a, uint64_t *message)
{
    return hew_chain_push(r, &a->sys_head, message, 0);
}

HEW_INLINE uint64_t *hew_chain_of(hew_actor *a, uint64_t sys)
{
    return sys ? &a->sys_fifo : &a->fifo;
}
HEW_INLINE uint64_t hew_next_of(hew_region *r, uint64_t off)
{
    return *(uint64_t *)hew_at(r, off);
}
/* A store that recovery reads: in the order written, never merged with another. */
#define hew_note(field, value)                                                                     \
    do {                                                                                           \
        hew_step();                                                                                \
        hew_store_relaxed(&(field), (value));                                                      \
        hew_step();                                                                                \
    } while (0)

HEW_INLINE bool hew_head_has_nodes(uint64_t head)
{
    return (head & HEW_OFF_MASK) > HEW_DEAD;
}

/* Moves all that is in `head` to rev, or to fifo (sys: sys_fifo) when it is one node. Both must be empty,
 * and so must rev. false: nothing was there. sys: 0 or HEW_FOR_SYS. */
HEW_INLINE bool hew_mailbox_take(hew_region *r, hew_actor *a, uint64_t *head, uint64_t sys)
{
    uint64_t h = hew_load_relaxed(head);
    do {
        if (!hew_head_has_nodes(h)) {
            return false; /* at the first try: once there are nodes only we take them */
        }
        hew_note(a->take, (h & (HEW_OFF_MASK | HEW_EPOCH)) | HEW_VALID | sys);
        if (!sys) { /* before the exchange: a sender to a bounded mailbox never sees too few */
            hew_step();
            hew_store_release(&a->left, (uint32_t)(h >> HEW_COUNT_SHIFT)); /* after `take` */
            hew_step();
        }
        /* acquire: payload and next, pairs with hew_mailbox_push */
    } while (!hew_cas_acq_rel(head, &h, (h & HEW_EPOCH) ^ HEW_EPOCH));
    uint64_t off = h & HEW_OFF_MASK;
    if (!sys && a->left > a->hwm) {
        hew_store_relaxed(&a->hwm, a->left);
    }
    if (hew_next_of(r, off) == 0) {
        hew_note(*hew_chain_of(a, sys), off);
    } else {
        hew_note(a->rev, off | sys);
    }
    hew_note(a->take, 0);
    return true;
}

/* Turns at most `steps` nodes of rev round; true: rev is empty. */
bool hew_mailbox_reverse(hew_region *r, hew_actor *a, uint32_t steps);

/* Is the block in the chain that begins at this head or offset? Only for who runs the actor. */
bool hew_chain_holds(const hew_region *r, uint64_t chain, const void *block);
/* Is the node in the actor's mailbox, wherever in it? */
bool hew_mailbox_holds(const hew_region *r, const hew_actor *a, const void *node);

/* After its worker died: finishes or forgets what take and pivot say. Idempotent, killable. */
void hew_mailbox_recover(hew_region *r, hew_actor *a);

#endif
