/* base.h - attributes, sizes and assertions that every file of the core uses. */
#ifndef HEW_BASE_H
#define HEW_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEW_LINE            64 /* bytes of a cache line */
#define HEW_ALIGNED(n)      __attribute__((aligned(n)))
#define HEW_INLINE          static inline __attribute__((always_inline))
#define HEW_NOINLINE        __attribute__((noinline))
#define HEW_COLD            __attribute__((noinline, cold))
#define HEW_USE_RESULT      __attribute__((warn_unused_result))
#define HEW_UNUSED          __attribute__((unused))
#define HEW_LIKELY(x)       __builtin_expect(!!(x), 1)
#define HEW_UNLIKELY(x)     __builtin_expect(!!(x), 0)
#define HEW_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A broken invariant of the core itself: one line on stderr, then abort(). Never for bad input. */
__attribute__((noreturn, cold, format(printf, 1, 2))) void hew_fatal(const char *format, ...);

#ifdef HEW_DEBUG
#define HEW_ASSERT(x) ((x) ? (void)0 : hew_fatal("%s:%d: %s", __FILE__, __LINE__, #x))
#else
#define HEW_ASSERT(x) ((void)sizeof(x))
#endif

/* memcpy for what is mostly one word. */
HEW_INLINE void hew_copy_value(void *to, const void *from, uint32_t size)
{
    if (HEW_LIKELY(size == 8)) {
        __builtin_memcpy(to, from, 8);
    } else if (size) {
        __builtin_memcpy(to, from, size);
    }
}

HEW_INLINE uint64_t hew_round_up(uint64_t n, uint64_t step) /* step: a power of two */
{
    return (n + step - 1) & ~(step - 1);
}

#endif
