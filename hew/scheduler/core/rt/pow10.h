/* pow10.h - powers of ten for printing floats.
 *
 * Entry k - HEW_POW10_MIN is 10^k, scaled by the power of two that puts its highest bit at bit 127,
 * rounded up. tests/unit/core/test_text_format.py recomputes each entry.
 */
#ifndef HEW_RT_POW10_H
#define HEW_RT_POW10_H

#include <stdint.h>

#include "hew.h"

enum {
    HEW_POW10_MIN = -292,
    HEW_POW10_MAX = 324
};

typedef struct hew_pow10 {
    uint64_t high, low;
} hew_pow10;

extern HEW_API const hew_pow10 hew_pow10_table[HEW_POW10_MAX - HEW_POW10_MIN + 1];

#endif
