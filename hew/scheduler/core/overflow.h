/* overflow.h - bounded mailboxes whose senders wait for a place.
 *
 * B1  queued + left + reserved <= bound, but for what the actor sends itself. `reserved` are the live workers whose
 *     reserved_place names the mailbox: each is about to push one message, and cannot be suspended before.
 * B2  A sender that finds no place, or others waiting, hands its message over with PLACE and waits. The receiver
 *     itself puts the message into the mailbox when there is room, in the order the senders came, and lets the
 *     sender go on by sending it the same block back: nothing is allocated for that.
 * B3  A reservation may be what the receiver found no room for, even when its message has been handled already. So
 *     whoever gives it up after the push then looks for waiting senders and nudges the receiver; who gives it up
 *     without a push sends PLACE next. For who died in between, recovery nudges.
 */
#ifndef HEW_OVERFLOW_H
#define HEW_OVERFLOW_H

#include "layout.h"

/* A place of `a`, whose handle is `to`, is this worker's until hew_place_done. false: there is none, or others wait. */
bool hew_place_try(hew_worker *w, const hew_actor *a, uint64_t to);
/* The message has been pushed, or found its receiver dead. */
void hew_place_done(hew_worker *w, const hew_actor *a, uint64_t to);
/* Hands the node over and waits until it is in the mailbox, or its receiver has ended. The values in it are given. */
void hew_place_wait(hew_worker *w, uint64_t to, hew_node *node, const hew_handler *h,
                    const hew_loc *loc);
/* The receiver got PLACE; `next` is the rest of its system queue. */
void hew_place_asked(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next);
/* PLACE came to the slot's next actor: its message is dropped, its sender goes on. */
void hew_place_missed(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next);
/* Drops the message that came with PLACE, if it is still there. */
void hew_place_drop(hew_worker *w, hew_sys *s);
/* The receiver has room, perhaps: puts in what fits. */
void hew_place_grant(hew_worker *w, hew_actor *a);
/* The receiver ends: all go on, their messages are dropped. */
void hew_place_end(hew_worker *w, hew_actor *a);

/* After a death. Of the worker: what it had reserved is free. Of its actor: what it was letting go is let go, the
 * rest is counted, and it will look at them when it runs again. */
void hew_place_recover(hew_worker *w, hew_worker *dead);
void hew_place_recover_waiters(hew_worker *w, hew_worker *dead, hew_actor *a);

#endif
