/* atomic.h - operations on shared words, named by their memory order.
 *
 * They work on plain (non-_Atomic) integers so that layout.h stays a description of bytes.
 * hew_step(): between two stores of ONE process whose order matters only when that process is
 * killed between them. Exceptions are precise, so ordering the compiler is enough (protocols.md).
 */
#ifndef HEW_ATOMIC_H
#define HEW_ATOMIC_H

#include "base.h"

#define hew_load_relaxed(p)        __atomic_load_n((p), __ATOMIC_RELAXED)
#define hew_load_acquire(p)        __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define hew_load_seq(p)            __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define hew_store_relaxed(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define hew_store_release(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define hew_store_seq(p, v)        __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define hew_exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define hew_exchange_seq(p, v)     __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define hew_add_relaxed(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define hew_add_seq(p, v)          __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define hew_sub_seq(p, v)          __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define hew_or_seq(p, v)           __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define hew_and_seq(p, v)          __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
/* *expected gets the value found when the exchange fails */
#define hew_cas_acq_rel(p, expected, v)                                                            \
    __atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define hew_cas_weak_acq_rel(p, expected, v)                                                       \
    __atomic_compare_exchange_n((p), (expected), (v), 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define hew_cas_seq(p, expected, v)                                                                \
    __atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#if defined(__SANITIZE_THREAD__)
/* TSan knows no fences; a seq_cst RMW on the same stack word orders as well on real machines. */
HEW_INLINE void hew_fence_seq(void)
{
    uint32_t word = 0;
    (void)__atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
}
#else
HEW_INLINE void hew_fence_seq(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

#if defined(__SANITIZE_THREAD__)
#define hew_fence_release() hew_fence_seq()
#else
#define hew_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

#define hew_step() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* hew_fence_seq() just after an exchange that has happened: on x86 a locked instruction is a fence. */
#if defined(__x86_64__)
#define hew_fence_after_exchange() hew_step()
#else
#define hew_fence_after_exchange() hew_fence_seq()
#endif

/* The line will be written soon: it comes as this core's own at once, not first shared. */
HEW_INLINE void hew_prefetch_own(const void *p)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
    __builtin_prefetch(p, 1);
#endif
}

HEW_INLINE void hew_cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* A word that only its owner writes and anybody may read: plain stores that no reader sees torn. */
#define hew_bump(p, n) hew_store_relaxed((p), hew_load_relaxed(p) + (n))

#endif
