/* mailbox.c - the receiver's side; see mailbox.h and protocols.md 1. */
#include "mailbox.h"

bool hew_mailbox_reverse(hew_region *r, hew_actor *a, uint32_t steps)
{
    uint64_t rev = a->rev, sys = rev & HEW_FOR_SYS, off = rev & HEW_OFF_MASK;
    uint64_t *fifo = hew_chain_of(a, sys);
    while (off && steps--) {
        uint64_t *node = hew_at(r, off), next = *node;
        __builtin_prefetch(hew_at(r, next), 1);
        hew_note(a->pivot, next | HEW_VALID | sys);
        hew_note(*node, *fifo);
        hew_note(*fifo, off);
        off = next;
        hew_note(a->rev, off ? off | sys : 0);
        hew_note(a->pivot, 0);
    }
    return off == 0;
}

void hew_mailbox_recover(hew_region *r, hew_actor *a)
{
    uint64_t take = a->take;
    if (take) {
        uint64_t sys = take & HEW_FOR_SYS, off = take & HEW_OFF_MASK;
        uint64_t *head = sys ? &a->sys_head : &a->head;
        if ((hew_load_acquire(head) & HEW_EPOCH) != (take & HEW_EPOCH)) { /* it happened */
            if (*hew_chain_of(a, sys) != off) {
                hew_note(a->rev, off | sys);
            }
        } else if (!sys) {
            hew_note(a->left, 0);
        }
        hew_note(a->take, 0);
    }
    uint64_t pivot = a->pivot;
    if (pivot) {
        uint64_t sys = pivot & HEW_FOR_SYS, next = pivot & HEW_OFF_MASK;
        uint64_t off = a->rev & HEW_OFF_MASK;
        uint64_t *fifo = hew_chain_of(a, sys);
        if (off != next) {
            if (*fifo != off) {
                hew_note(*(uint64_t *)hew_at(r, off), *fifo);
                hew_note(*fifo, off);
            }
            hew_note(a->rev, next ? next | sys : 0);
        }
        hew_note(a->pivot, 0);
    }
}

bool hew_chain_holds(const hew_region *r, uint64_t chain, const void *block)
{
    uint64_t off = hew_off(r, block);
    for (chain &= HEW_OFF_MASK; chain > HEW_DEAD; chain = *(uint64_t *)hew_at(r, chain)) {
        if (chain == off) {
            return true;
        }
    }
    return false;
}

bool hew_mailbox_holds(const hew_region *r, const hew_actor *a, const void *node)
{
    return hew_chain_holds(r, a->fifo, node) || hew_chain_holds(r, a->rev, node) ||
           hew_chain_holds(r, hew_load_acquire(&a->head), node) || a->current == hew_off(r, node);
}
