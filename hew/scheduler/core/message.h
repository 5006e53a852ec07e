/* message.h - building messages and handing them to mailboxes.
 *
 * A worker keeps one open segment (w->open): messages to one receiver, sent in one activation. The first
 * message to a receiver goes at once, in a node of its own; later ones are collected and published by one
 * exchange: 2, then 4, 8, 16, 30 of them. Published as well: when the receiver changes, at the end of an
 * activation, before a block, an ask, a system message, and at each safepoint that suspends.
 *
 * S1  Storing w->open.first sends what the node holds; storing n and end of a node (one word) sends one
 *     more. From there on a message is delivered, whatever happens to its sender.
 * S2  The header's nonce says whether messages_sent counts it yet: see recover.c.
 * S3  One segment holds messages for one receiver, in the order sent; nodes reach a mailbox in that order.
 */
#ifndef HEW_MESSAGE_H
#define HEW_MESSAGE_H

#include "layout.h"
#include "rt/value.h"

/* Publishes the open segment of w, if there is one. */
void hew_message_publish_open(hew_worker *w);
HEW_INLINE void hew_message_publish(hew_worker *w)
{
    if (w->open.first) {
        hew_message_publish_open(w);
    }
}

/* And writes what was printed: it is seen before what others print once they know what comes next, a reply or an end. */
HEW_INLINE void hew_message_publish_all(hew_worker *w)
{
    hew_message_publish(w);
    if (HEW_UNLIKELY(w->output.len)) {
        hew_print_flush(w);
    }
}

HEW_INLINE uint32_t hew_sequence_nonce(const hew_worker *w, uint64_t sent)
{
    return (uint32_t)(sent & 0x7fffff) | w->index << 23;
}

/* The start message of main: not counted anywhere. In the supervisor. */
bool hew_message_start_main(hew_worker *w, hew_actor *main);

#endif
