/* region.c - see region.h. Called by the supervisor before it forks. */
#include "region.h"
#include "actor.h"
#include "park.h"
#include "runq.h"
#include "sample.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define RESERVE_MAX (384ull << 30) /* a 39-bit address space has room for this */
#define HEAP_SLACK  2              /* addresses per byte of the limit: page runs leave holes */

uint32_t hew_abi(void)
{
    return HEW_ABI;
}

uint64_t hew_self_address(void)
{
    return HEW_SELF;
}

const char *hew_counter_name(uint32_t index)
{
    static const char *const names[] = {
#define X(name, text) text,
        HEW_COUNTERS(X)
#undef X
    };
    return index < HEW_COUNT_OF(names) ? names[index] : NULL;
}

void hew_fatal(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    char text[600];
    n = snprintf(text, sizeof text, "[hew] internal error: %.*s\n", n, line);
    if (n > 0 && write(2, text, (size_t)n) < 0) {
        abort();
    }
    abort();
}

/* ---- clock ---- */

#if defined(__x86_64__)
static bool tsc_is_usable(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d) || !(d & 1u << 8)) {
        return false;
    }
    char source[16] = "";
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (f) {
        if (!fgets(source, sizeof source, f)) {
            source[0] = 0;
        }
        fclose(f);
    }
    return strncmp(source, "tsc", 3) == 0;
}

/* Both clocks at one instant: the closest of a few looks, as the machine may take the CPU between two of them. */
static void read_clocks(uint64_t *ticks, uint64_t *ns)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        uint64_t before = __builtin_ia32_rdtsc(), now = hew_monotonic_ns();
        uint64_t taken = __builtin_ia32_rdtsc() - before;
        if (taken < least) {
            least = taken;
            *ticks = before + taken / 2;
            *ns = now;
        }
    }
}
#endif

static void start_clock(hew_region *r)
{
#if defined(__x86_64__)
    r->clock_tsc = tsc_is_usable();
    if (!r->clock_tsc) {
        r->ticks_mult = 1ull << 32;
    } else {
        /* 1 ms of both clocks: an error of some 50 ns is 0.005 % */
        uint64_t t0, n0, t1, n1;
        read_clocks(&t0, &n0);
        while (hew_monotonic_ns() - n0 < 1000000) {
        }
        read_clocks(&t1, &n1);
        r->ticks_mult = (uint64_t)(((unsigned __int128)(n1 - n0) << 32) / (t1 - t0));
    }
#elif defined(__aarch64__)
    uint64_t hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    r->ticks_mult = (uint64_t)(((unsigned __int128)1000000000u << 32) / hz);
#else
    r->ticks_mult = 1ull << 32;
#endif
    r->start_ticks = hew_ticks(r);
}

/* ---- mapping ---- */

typedef struct plan { /* offsets from the base */
    uint64_t workers, overflow, ended, own_counters, handlers, argv, sampling, span_table, actors,
        heap;
    uint64_t end, span_table_size, handlers_stride;
} plan;

static uint64_t place(uint64_t *at, uint64_t size)
{
    uint64_t here = *at;
    *at = hew_round_up(here + size, HEW_PAGE);
    return here;
}

static uint64_t argv_bytes(const hew_config *c)
{
    uint64_t n = 8 * ((uint64_t)c->argc + 1);
    for (int64_t i = 0; i < c->argc; i++) {
        n += strlen(c->argv[i]) + 1;
    }
    return n;
}

static uint32_t max_rows(const hew_config *c)
{
    return c->handlers > HEW_HANDLERS_LEAST ? c->handlers : HEW_HANDLERS_LEAST;
}

static plan make_plan(const hew_config *c, uint64_t heap_bytes)
{
    plan p;
    uint64_t at = hew_round_up(sizeof(hew_region), HEW_PAGE);
    p.workers = place(&at, (uint64_t)(c->workers + 1) * sizeof(hew_worker));
    p.overflow = place(&at, HEW_OVERFLOW_BYTES);
    p.ended = place(&at, 2ull * HEW_ENDED_RING * sizeof(hew_ended_row));
    p.own_counters = place(&at, (uint64_t)(c->workers + 1) * HEW_COUNTER_STRIDE * 8);
    p.handlers_stride = hew_round_up(
        max_rows(c) * (sizeof(hew_handler_row) + HEW_TIMES * HEW_BUCKETS * 8), HEW_PAGE);
    p.handlers = place(&at, c->workers * p.handlers_stride); /* what is not used is never touched */
    p.argv = place(&at, argv_bytes(c));
    p.sampling = place(&at, hew_sampling_bytes(c->workers));
    p.span_table_size = hew_alloc_table_size(heap_bytes);
    p.span_table = place(&at, p.span_table_size);
    p.actors = place(&at, (uint64_t)HEW_MAX_SLOTS * sizeof(hew_actor));
    at = hew_round_up(at, HEW_SPAN);
    p.heap = place(&at, heap_bytes);
    p.end = at;
    return p;
}

static void *map_somewhere(int fd, uint64_t size)
{
    static const uint64_t addresses[] = HEW_REGION_ADDRESSES;
    for (size_t i = 0; i < HEW_COUNT_OF(addresses); i++) {
        void *want = (void *)(uintptr_t)addresses[i]; /* NOLINT: chosen address */
        void *got = mmap(want, size, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
        if (got == want) {
            return got;
        }
        if (got != MAP_FAILED) {
            munmap(got, size); /* a kernel that does not know the flag */
        }
    }
    return NULL;
}

/* The file of the largest heap that can be had: limits on file size or address space halve it. */
static hew_region *map_region(const hew_config *c, plan *p, int *fd, char *error,
                              uint64_t error_size)
{
    *fd = memfd_create("hew", MFD_CLOEXEC);
    if (*fd < 0) {
        snprintf(error, error_size, "cannot create shared memory: %s", strerror(errno));
        return NULL;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGXFSZ, &ignore, &before);
    uint64_t heap = hew_round_up(c->heap_max, HEW_SPAN) * HEAP_SLACK + (64ull << 20);
    if (heap > RESERVE_MAX) {
        heap = hew_round_up(c->heap_max > RESERVE_MAX ? c->heap_max : RESERVE_MAX, HEW_SPAN);
    }
    hew_region *r = NULL;
    for (; !r && heap >= (16ull << 20); heap = hew_round_up(heap / 2, HEW_SPAN)) {
        *p = make_plan(c, heap);
        if (ftruncate(*fd, (off_t)p->end) == 0) {
            r = map_somewhere(*fd, p->end);
        }
    }
    sigaction(SIGXFSZ, &before, NULL);
    if (!r) {
        snprintf(error, error_size, "cannot map shared memory: %s", strerror(errno));
        close(*fd);
    }
    return r;
}

static void copy_argv(hew_region *r, const hew_config *c, uint64_t at)
{
    r->argv = (const char **)((uintptr_t)r + at);
    r->argc = c->argc;
    char *text = (char *)(r->argv + c->argc + 1);
    for (int64_t i = 0; i < c->argc; i++) {
        size_t n = strlen(c->argv[i]) + 1;
        memcpy(text, c->argv[i], n);
        r->argv[i] = text;
        text += n;
    }
}

void hew_worker_init(hew_region *r, hew_worker *w, uint32_t index, uint64_t *counters)
{
    w->index = index;
    w->region = r;
    w->actors = r->actors;
    w->counters = counters;
    w->own_rows = index < r->n_workers ? hew_rows_of(r, index) : NULL;
    w->holder = HEW_HOLDER_RUNTIME;
    w->live_bits = hew_header(HEW_TAG_LIVE, 0, HEW_HOLDER_RUNTIME, 0);
    w->open.to = HEW_NO_HANDLE;
    w->open.k = 1;
    w->next_deadline = UINT64_MAX;
    w->random = index * 0x9e3779b97f4a7c15ull + 1;
}

hew_region *hew_region_create(const hew_config *config, char *error, uint64_t error_size)
{
    if (config->abi != HEW_ABI || config->workers < 1 || config->workers > HEW_MAX_WORKERS) {
        snprintf(error, error_size, "the core was called with a configuration it does not know");
        return NULL;
    }
    plan p;
    int fd;
    hew_region *r = map_region(config, &p, &fd, error, error_size);
    if (!r) {
        return NULL;
    }
    uint64_t base = (uint64_t)(uintptr_t)r;
    *r = (hew_region){
        .magic = HEW_MAGIC,
        .abi = HEW_ABI,
        .n_workers = config->workers,
        .base = base,
        .size = p.end,
        .fd = fd,
        .notify_fd = config->notify_fd,
        .checked = config->checked,
        .on_crash_recover = config->on_crash_recover,
        .stack_size = hew_round_up(config->stack_size ? config->stack_size : 8u << 20, HEW_PAGE),
        .worker_stride = sizeof(hew_worker),
        .handlers_stride = p.handlers_stride,
        .max_rows = max_rows(config),
        .next_pid = 1};
    r->workers = (hew_worker *)(uintptr_t)(base + p.workers);
    r->overflow = (uint64_t *)(uintptr_t)(base + p.overflow);
    r->ended = (hew_ended_row *)(uintptr_t)(base + p.ended);
    r->own_counters = (uint64_t *)(uintptr_t)(base + p.own_counters);
    r->handler_rows = (hew_handler_row *)(uintptr_t)(base + p.handlers);
    r->sampling = (hew_sampling *)(uintptr_t)(base + p.sampling);
    r->actors = (hew_actor *)(uintptr_t)(base + p.actors);
    r->heap = (hew_heap){.base = base + p.heap,
                         .end = base + p.end,
                         .limit = config->heap_max,
                         .span_table = base + p.span_table,
                         .span_table_size = p.span_table_size};
    copy_argv(r, config, p.argv);
    start_clock(r);
    hew_alloc_region_init(r);
    for (uint32_t i = 0; i <= r->n_workers; i++) {
        uint64_t *slice = config->counters ? config->counters + i * config->counters_stride
                                           : r->own_counters + (uint64_t)i * HEW_COUNTER_STRIDE;
        if (i == r->n_workers) {
            slice = hew_worker_at(r, 0)
                        ->counters; /* no worker runs when the supervisor works with it */
        }
        hew_worker_init(r, hew_worker_at(r, i), i, slice);
        hew_worker_at(r, i)->incarnation = i == r->n_workers;
    }
    hew_alloc_worker_start(hew_supervisor(r));
    return r;
}

void hew_region_set_code(hew_region *r, uint64_t base, uint64_t size, const void *lines,
                         uint64_t lines_size)
{
    r->code_base = base;
    r->code_size = size;
    r->lines = lines;
    r->lines_size = lines_size;
}

void hew_region_destroy(hew_region *r)
{
    int fd = r->fd;
    munmap(r, r->size);
    close(fd);
}

/* ---- verdict ---- */

uint32_t hew_region_verdict(hew_region *r, int64_t *exit_code)
{
    uint64_t v = hew_load_acquire(&r->verdict);
    if (exit_code) {
        *exit_code = (int64_t)v >> 8;
    }
    return (uint32_t)(v & 0xff);
}

bool hew_region_decide(hew_region *r, uint32_t verdict, int64_t exit_code)
{
    uint64_t none = 0;
    if (!hew_cas_seq(&r->verdict, &none, (uint64_t)exit_code << 8 | verdict)) {
        return false;
    }
    for (uint32_t i = 0; i < r->n_workers; i++) {
        hew_store_seq(&hew_worker_at(r, i)->poll, 1u);
    }
    hew_region_wake_all(r);
    if (r->notify_fd >= 0) {
        uint64_t one = 1;
        ssize_t done;
        do {
            done = write(r->notify_fd, &one, sizeof one);
        } while (done < 0 && errno == EINTR);
    }
    return true;
}
