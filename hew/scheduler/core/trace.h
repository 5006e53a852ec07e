/* trace.h - who called whom when a handler trapped: noted frame by frame while it unwinds, printed with the trap.
 *
 * Of a deep recursion the first and the last callers are kept, so a trap costs the same memory however deep it is.
 */
#ifndef HEW_TRACE_H
#define HEW_TRACE_H

#include "lines.h"

#include <unwind.h>

void hew_trace_begin(hew_worker *w);
/* One frame of the unwinding, innermost first; one that is seen again, after its clean-up, counts once. */
void hew_trace_note(hew_worker *w, struct _Unwind_Context *context);
/* Where the innermost Hew function was; false: not known. */
bool hew_trace_own(const hew_worker *w, hew_frame *out);
/* "[hew]   called from" lines, each with its line feed, at most 16 with the one that says how many are left out.
 * Whole lines, as many as there is room for; their bytes. */
size_t hew_trace_text(const hew_worker *w, char *out, size_t size);

#endif
