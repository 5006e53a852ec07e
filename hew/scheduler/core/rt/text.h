/* text.h - text built piece by piece in the worker's private buffer (hew.h: hew_text_*).
 *
 * The pieces never fail one by one: when there is no memory for one, the text is marked, further
 * pieces are ignored, and the public function that was called traps. So no trap crosses the walk
 * over a value.
 */
#ifndef HEW_RT_TEXT_H
#define HEW_RT_TEXT_H

#include "layout.h"

/* Adds bytes to w->text; without memory the text is marked as failed. */
void hew_text_put(hew_worker *w, const char *bytes, uint64_t len);
bool hew_text_failed(const hew_worker *w);

#endif
