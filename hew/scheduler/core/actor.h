/* actor.h - slots, spawning, ending. */
#ifndef HEW_ACTOR_H
#define HEW_ACTOR_H

#include "layout.h"

/* The live actor behind a handle, NULL when it has ended. It may end at any moment after. */
HEW_INLINE hew_actor *hew_actor_of(const hew_worker *w, uint64_t handle)
{
    hew_actor *a = w->actors + hew_handle_slot(handle);
    return HEW_LIKELY(hew_load_acquire(&a->pid) == hew_handle_pid(handle)) ? a : NULL;
}
HEW_INLINE uint64_t hew_actor_handle(const hew_worker *w, const hew_actor *a)
{
    return hew_handle(a->pid, (uint32_t)(a - w->actors));
}

/* Ends the actor that this worker has claimed: drops fields and unread messages, tells who waits, keeps the
 * row, frees the slot. text, size: reason of a crash. Never suspends, never traps. */
void hew_actor_end(hew_worker *w, hew_actor *a, hew_end how, const char *text, uint32_t size);

/* The same in the supervisor for an actor whose worker `dead` was killed in its midst: its fields are not trusted,
 * the sweep frees what it held, and gives the slot free. Idempotent. */
void hew_actor_end_killed(hew_worker *w, hew_actor *a, hew_worker *dead);

/* Tells those who asked by the messages of a node from byte `from` on that `about` has ended. Again: nothing new. */
void hew_actor_fail_asks(hew_worker *w, const hew_actor_type *type, uint64_t about, hew_node *node,
                         uint32_t from);
/* The same, and drops the messages and the node. */
void hew_actor_drop_node(hew_worker *w, const hew_actor_type *type, uint64_t about, hew_node *node,
                         uint32_t from);

/* Makes a slot's first life: used for main. */
void hew_actor_begin(hew_worker *w, hew_actor *a, const hew_actor_type *type, uint64_t pid);

/* After a death: the end that was being booked is booked. */
void hew_actor_settle_booking(hew_worker *dead);
/* The slot is given free after the sweep that follows the death of `dead`. Idempotent. */
void hew_sweep_later(hew_worker *dead, uint32_t slot);
void hew_slot_give(hew_worker *w, uint32_t slot);

/* Writes "Counter#4" or "main" of a handle or a type and pid. */
int hew_actor_name(char *out, size_t size, const hew_actor_type *type, uint64_t pid);
/* Type of the actor that has this handler; NULL: none. */
const hew_actor_type *hew_type_of_handler(const hew_region *r, const hew_handler *h);

/* What is known of an ended actor. After HEW_ENDED_RING more crashes its slot still tells that it crashed, until another
 * actor has it; after that HEW_END_NORMAL and "". */
hew_end hew_ended_reason(const hew_region *r, uint64_t handle, char text[HEW_REASON_TEXT],
                         uint32_t *size);

#endif
