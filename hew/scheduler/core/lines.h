/* lines.h - machine address -> function, file, line, column, with the calls that were inlined there.
 *
 * Reads, in place, the table that the compiler keeps beside the machine code; its form is in hew/lines.py, which reads
 * it for everybody else. Nothing is touched before a trap asks. In processes of the run only: others have no pointer
 * to it. Async-signal-safe.
 */
#ifndef HEW_LINES_H
#define HEW_LINES_H

#include "layout.h"

typedef struct hew_frame {
    const char *function, *file;
    uint32_t line, column; /* 0: not known */
} hew_frame;

/* The frames at an address in the code of the program (of a return address: that address - 1), innermost first.
 * Gives how many there are, and writes at most `max` of them. 0: no Hew function. */
uint32_t hew_lines_lookup(const hew_region *r, uint64_t pc, hew_frame *out, uint32_t max);

#endif
