/* timer.h - sleepers, and the tick that takes the CPU from a handler that runs too long.
 *
 * A sleeper's deadline stands in its slot (wait, wait_about); each worker's heap of deadlines lies in its private
 * memory and is derived: after a death the replacement rebuilds it from the actor table.
 */
#ifndef HEW_TIMER_H
#define HEW_TIMER_H

#include "layout.h"

#define HEW_TICK_NS 5000000 /* an activation may run this long before the flag is set */

/* The actor, about to be BLOCKED in SLEEP, is to be woken at its deadline. */
void hew_timer_add(hew_worker *w, const hew_actor *a);
/* Wakes all whose deadline is not after `now`. */
void hew_timer_run(hew_worker *w, uint64_t now);
/* In a new worker: sleepers that a predecessor on this record was to wake. */
void hew_timer_rebuild(hew_worker *w);

/* The tick. 0 or an errno. In the worker process. */
int hew_timer_setup(hew_worker *w);
void hew_timer_arm(hew_worker *w);
void hew_timer_disarm(hew_worker *w);

#endif
