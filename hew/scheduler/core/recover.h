/* recover.h - after a worker's death, in the supervisor; hew_recover_worker (hew.h) is all of it in order.
 *
 * R1  Each step may be done again: whoever is killed in a recovery leaves what the next one repairs.
 * R2  The others run on meanwhile: only what the dead worker owned is touched, everything else by the same
 *     exchanges that live workers use.
 * R3  messages_sent stays exact; messages_received, tasks_spawned and tasks_completed may be one off for each death.
 * R4  A kill in the few instructions between taking a nudge (HEW_SYS_NUDGE) out of its queue and
 *     freeing it loses that one block.
 */
#ifndef HEW_RECOVER_H
#define HEW_RECOVER_H

#include "layout.h"

/* The actor the dead one was running: it survives when no handler was in work, else it ends. */
void hew_recover_actor(hew_worker *w, hew_worker *dead, hew_actor *a);
/* What it had sent but not published is delivered. */
void hew_recover_open(hew_worker *w, hew_worker *dead);

#endif
