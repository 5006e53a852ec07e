/* string.h - String: immutable UTF-8 in one block, its references counted; NULL is the empty one.
 *
 * Only append writes into a string, and only when its caller holds the sole reference; then the
 * block has room to spare, so that n appends cost O(n).
 */
#ifndef HEW_RT_STRING_H
#define HEW_RT_STRING_H

#include "hew.h"

static inline uint64_t hew_string_len(const hew_string *s)
{
    return s == NULL ? 0 : s->len;
}

static inline const char *hew_string_data(const hew_string *s)
{
    return s == NULL ? "" : s->data;
}

/* One of the running actor with room for `len` bytes, its length set and its bytes to be written;
 * len is not 0. */
hew_string *hew_string_make(hew_worker *w, uint64_t len);

#endif
