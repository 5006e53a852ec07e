/* number.h - integers and floats to text (language.md 3.4): the shortest digits that read back as
 * the same value.
 *
 * Pure functions: no worker, no memory. They write into the caller's buffer and give the number of
 * bytes.
 */
#ifndef HEW_RT_NUMBER_H
#define HEW_RT_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "hew.h"

/* Enough for any of them: sign, 17 digits, point, "e-308", or "-0.000" and 17 digits. */
enum {
    HEW_NUMBER_MAX = 32
};

size_t hew_number_u64(char *out, uint64_t v);
size_t hew_number_i64(char *out, int64_t v);
HEW_API size_t hew_number_f64(char *out, double v);
HEW_API size_t hew_number_f32(char *out, float v);

#endif
