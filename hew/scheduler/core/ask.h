/* ask.h - system messages, replies, futures, waiting for an end.
 *
 * A system message is pushed on sys_head; the receiver handles it at each start of an activation, at the end
 * of one and whenever it waits. Each wait has a ticket of its own; what comes with another ticket than
 * awaited by a handler or future is dropped, so doubles and late ones are harmless.
 */
#ifndef HEW_ASK_H
#define HEW_ASK_H

#include "layout.h"

extern const hew_type hew_type_exit_reason; /* ExitReason: {uint8_t tag; hew_string *reason at 8} */

HEW_INLINE bool hew_sys_pending(const hew_actor *a)
{
    return a->sys_fifo || hew_load_acquire(&a->sys_head) & HEW_OFF_MASK & ~HEW_DEAD;
}

/* Its block may go beyond the limit: what is owed is never lost. value may be NULL; else it is copied bytewise and
 * given to the receiver; NULL when a copy of what it refers to, made for that, finds no memory (the value is dropped). */
hew_sys *hew_sys_new(hew_worker *w, uint64_t to, hew_sys_kind kind, uint64_t ticket,
                     const hew_type *type, void *value);
/* Takes s. false: the receiver has ended, s is freed with its value. Publishes the open segment before. */
bool hew_sys_push(hew_worker *w, uint64_t to, hew_sys *s);
void hew_sys_free(hew_worker *w, hew_sys *s, bool with_value);

/* The actor has something to look at: BLOCKED becomes READY, an idle one gets a place on the queue. */
void hew_sys_wake(hew_worker *w, hew_actor *a);

/* After its worker died: the list of futures in order, and those whose reply has come out of it. Killable. */
void hew_futures_recover(const hew_region *r, hew_actor *a);

/* Handles all that is queued; stops at a reply with the ticket wanted and returns it (0: none wanted). */
hew_sys *hew_sys_drain(hew_worker *w, hew_actor *a, uint64_t wanted);

/* The running actor waits until the reply to `ticket` comes; the caller frees it. */
hew_sys *hew_sys_wait(hew_worker *w, hew_wait kind, uint64_t ticket, const hew_loc *loc);

/* At an actor's end: sys_head becomes DEAD; watchers get the reason, waiting senders are let go. */
void hew_sys_end(hew_worker *w, hew_actor *a, hew_end how, const char *text, uint32_t size);

/* The asker's wait ends in a trap: `about` ended before it replied. */
void hew_ask_fail(hew_worker *w, uint64_t asker, uint64_t ticket, uint64_t about,
                  const hew_handler *h);
void hew_ask_fail_self(hew_worker *w, uint64_t ticket, uint64_t about, const hew_handler *h);
/* For reports, and for hew_future_of_ask: whom the next ticket asks. */
void hew_ask_note(hew_worker *w, uint64_t about, const hew_handler *h);

/* The entry of the message the running handler works on. */
hew_entry *hew_entry_in_work(const hew_worker *w, const hew_actor *a);

#endif
