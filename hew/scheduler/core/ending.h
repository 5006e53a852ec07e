/* ending.h - has the program ended, or can nothing ever run again. */
#ifndef HEW_ENDING_H
#define HEW_ENDING_H

#include "layout.h"

/* All workers sleep and nothing is queued: ENDED, or DEADLOCK when a handler still waits. */
void hew_ending_quiescent(hew_region *r);

#endif
