/* worker.h - the loop of a worker. */
#ifndef HEW_WORKER_H
#define HEW_WORKER_H

#include "layout.h"

/* What hew_worker_run does in a process of its own, in a thread of a test instead: no HEW_SELF, no run stack,
 * no tick; handlers may not suspend. */
int hew_worker_run_thread(hew_region *r, uint32_t index, uint32_t incarnation);

/* The two first steps of hew_worker_run, for tests: the record once more, at HEW_SELF (NULL: errno says why), and
 * its state at the start of a life. */
hew_worker *hew_worker_map(hew_region *r, uint32_t index);
void hew_worker_begin(hew_worker *w, uint32_t incarnation);

/* Takes one actor from the queues and runs it, if there is one: for tests that step. */
bool hew_worker_step(hew_worker *w);

/* The same for an entry of a queue, 1 + slot. */
bool hew_worker_run_entry(hew_worker *w, uint32_t entry);

/* A piece of what a killed predecessor left. true: there is more. */
bool hew_worker_sweep(hew_worker *w);

#endif
