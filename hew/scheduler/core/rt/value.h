/* value.h - what the core does with any value, by its descriptor: keep, drop, copy, compare, hand
 * to another actor, show.
 *
 * A descriptor's own nesting (record in a record) is walked by recursion: the program's text bounds
 * it. What may nest as deep as data does (a Vec inside a Vec) goes through a list: dead Vecs are
 * linked through themselves, the others by walk.h.
 */
#ifndef HEW_RT_VALUE_H
#define HEW_RT_VALUE_H

#include "layout.h"

/* ---- for the message path ---- */

/* Makes the value at `value` wholly the property of the actor in `slot`: blocks that only the giver
 * holds change their holder, shared ones are copied (the giver's reference goes). *bytes:
 * hew_block_bytes of all blocks the value reaches now. False when memory ran out: then the value
 * has been dropped and zeroed, and *bytes is 0. */
HEW_USE_RESULT bool hew_give(hew_worker *w, const hew_type *t, void *value, uint32_t slot,
                             uint64_t *bytes);

/* A new string with rc 1 held by `holder`; NULL at the limit or when len is 0. */
hew_string *hew_string_try(hew_worker *w, const char *bytes, uint64_t len, uint32_t holder);
/* For recovery: drops a value of which perhaps a drop was begun, and cut short by the death of who did it. */
void hew_drop_again(hew_worker *w, const hew_type *t, void *value);

/* Writes what print has collected (w->output). Called before each publish, suspension and end of
 * activation when w->output.len != 0. */
void hew_print_flush(hew_worker *w);

/* One whole piece to `fd`: short writes, EAGAIN, EINTR and EPIPE handled. For 1 it is collected;
 * for 2 it is written after what is collected. */
void hew_print_bytes(hew_worker *w, int fd, const char *bytes, uint64_t len);

/* At the start of a worker process: text and output buffers (hew_worker.text, .output) begin anew.
 */
void hew_rt_worker_start(hew_worker *w);

/* In the supervisor, after the death of that worker: if it was writing, others may. Idempotent. */
void hew_print_recover(hew_region *r, uint32_t index);

/* Appends the text form to w->text, from where it is now, without hew_text_begin. quoted: strings
 * in quotes. Without memory the text is marked (rt/text.h); nothing traps. */
void hew_show(hew_worker *w, const hew_type *t, const void *value, bool quoted);

/* ---- inside rt/ ---- */

/* hew_clone without its trap: false when memory ran out, and then nothing is owned by dst. */
HEW_USE_RESULT bool hew_try_clone(hew_worker *w, const hew_type *t, void *dst, const void *src);

/* Drops n elements that lie one after the other; their memory is the caller's. */
void hew_drop_elements(hew_worker *w, const hew_type *elem, char *data, uint64_t n);

HEW_NORETURN void hew_trap_memory(hew_worker *w, const hew_loc *loc);

extern const hew_type hew_type_string;

#endif
