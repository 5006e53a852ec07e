/* handler_stats.h - how long messages wait in mailboxes and how long the work on them takes, per handler.
 *
 * Every message is counted; some are timed, and each of those stands for all since the last one (its weight). A timed
 * one costs three looks at the clock and some counting, about 100 ns. So a busy worker times one in OFTEN_NS to twice that;
 * where messages are longer or rarer than that, all are. Which one is next is drawn, in numbers of messages and not by
 * time, so that no pattern of the program decides what is seen.
 *
 * A row is written by its worker alone, by stores that no reader sees torn. A kill at any instruction leaves a
 * message out of some of the figures; none ever falls, and the next process of this worker goes on with them.
 *
 * Messages carry when they were sent by w->clock, which costs a sender a load and a store. It is read anew at the
 * start of an activation, around each timed message, in a handler with long work before nodes 1, 2, 4, 8, 16, and
 * so on by 16s, elsewhere before each 16th, and by the tick. So it is a few microseconds old at most, but in a
 * handler that computes for long between its sends: there as old as a tick.
 */
#ifndef HEW_HANDLER_STATS_H
#define HEW_HANDLER_STATS_H

#include "region.h"

#define HEW_CLOCK_EVERY 16u /* new nodes of an activation */

typedef struct
    hew_timed {      /* a message in work that is timed; on the run stack, so it may suspend */
    uint64_t weight; /* 0: it is not */
    uint64_t start, blocked; /* ticks: of the actor, when it began */
} hew_timed;

/* Counts a message; true: it is to be timed. */
HEW_INLINE bool hew_handler_count(hew_worker *w, uint32_t handler)
{
#if defined(HEW_NO_COUNTERS)
    (void)w, (void)handler;
    return false;
#else
    hew_handler_row *row = w->rows + handler;
    uint64_t n = row->count + 1;
    hew_store_relaxed(&row->count, n);
    return n >= row->next;
#endif
}
void hew_handler_begin(hew_worker *w, const hew_actor *a, uint32_t handler, uint64_t sent,
                       hew_timed *timed);
/* Perhaps on another worker than it began on. */
void hew_handler_end(hew_worker *w, const hew_actor *a, uint32_t handler, const hew_timed *timed);

HEW_INLINE void hew_clock_every(hew_worker *w, uint32_t nodes)
{
    w->until_clock = nodes;
    w->clock_step = nodes;
}
HEW_INLINE void hew_handler_activation(hew_worker *w, const hew_actor *a)
{
#if defined(HEW_NO_COUNTERS)
    (void)w, (void)a;
#else
    w->rows = w->own_rows + a->first_row;
    hew_store_relaxed(&w->clock, w->stamp);
    hew_clock_every(w, HEW_CLOCK_EVERY);
#endif
}

void hew_clock_read(hew_worker *w);
HEW_INLINE uint64_t hew_clock_for_node(hew_worker *w)
{
#if defined(HEW_NO_COUNTERS)
    (void)w;
    return 0;
#else
    if (HEW_UNLIKELY(--w->until_clock == 0)) {
        hew_clock_read(w);
    }
    return hew_load_relaxed(&w->clock);
#endif
}
/* For an entry that is not the first of its node. */
HEW_INLINE uint32_t hew_sent_later(const hew_worker *w)
{
    return (uint32_t)(hew_load_relaxed(&w->clock) >> HEW_SENT_SHIFT);
}
/* When a message was sent, ticks. */
HEW_INLINE uint64_t hew_sent(const hew_node *node, const hew_entry *e)
{
    if ((const char *)e == node->entries) {
        return node->sent;
    }
    uint32_t after = e->sent - (uint32_t)(node->sent >> HEW_SENT_SHIFT);
    return node->sent + ((uint64_t)after << HEW_SENT_SHIFT);
}

/* By the tick and before a worker sleeps: where many messages went untimed as they came fast and now do not, the next
 * are timed again. It may interrupt anything here: what it changes only says which message is next. */
void hew_handlers_look(hew_worker *w);

/* By the supervisor at the start. false: no memory. */
bool hew_handlers_start(hew_worker *w, const hew_program *program);

#endif
