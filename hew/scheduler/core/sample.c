/* sample.c - see sample.h. All of it but hew_sample_setup and the readers at the end runs in signal handlers too. */
#include "sample.h"
#include "ask.h"
#include "backtrace.h"
#include "region.h"
#include "stack.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
#define RECORD_WORDS (sizeof(hew_sample) / sizeof(uint64_t))
#define NO_INDEX     UINT32_MAX

/* ---- records ---- */

void hew_sample_write(hew_sample_ring *ring, const hew_sample *from)
{
    uint64_t n = hew_load_relaxed(&ring->written);
    uint64_t *to = (uint64_t *)&ring->records[n % HEW_SAMPLE_RING];
    const uint64_t *words = (const uint64_t *)from;
    uint64_t used = RECORD_WORDS - HEW_SAMPLE_FRAMES + from->depth;
    hew_store_relaxed(to, 2 * n + 1);
    hew_fence_release(); /* S1: 2n + 1 before the first word, 2n + 2 after the last */
    for (uint64_t i = 1; i < used; i++) {
        hew_store_relaxed(to + i, words[i]);
    }
    hew_store_release(to, 2 * n + 2);
    hew_store_release(&ring->written, n + 1); /* S2 */
}

static bool read_record(const hew_sample_ring *ring, uint64_t n, hew_sample *out)
{
    const uint64_t *from = (const uint64_t *)&ring->records[n % HEW_SAMPLE_RING];
    uint64_t *words = (uint64_t *)out;
    if (hew_load_acquire(from) != 2 * n + 2) {
        return false;
    }
    for (uint64_t i = 1; i < RECORD_WORDS; i++) {
        words[i] = hew_load_relaxed(from + i);
    }
    hew_fence_seq(); /* the words before the second look */
    out->sequence = n;
    return hew_load_relaxed(from) == 2 * n + 2 && out->depth <= HEW_SAMPLE_FRAMES;
}

/* ---- what the worker is at ---- */

typedef struct place {
    uint64_t pc, fp, sp;
    uint64_t link; /* of a function without a frame: where it returns to, if that is known */
} place;

static bool is_hew_code(const hew_region *r, uint64_t pc)
{
    return pc - r->code_base < r->code_size;
}

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));
static bool is_core_code(uint64_t pc)
{
    return pc >= (uint64_t)(uintptr_t)__ehdr_start && pc < (uint64_t)(uintptr_t)etext;
}

static place place_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    const greg_t *regs = context->uc_mcontext.gregs;
    return (place){.pc = (uint64_t)regs[REG_RIP],
                   .fp = (uint64_t)regs[REG_RBP],
                   .sp = (uint64_t)regs[REG_RSP]};
#else
    return (place){.pc = context->uc_mcontext.pc,
                   .fp = context->uc_mcontext.regs[29],
                   .sp = context->uc_mcontext.sp,
                   .link = context->uc_mcontext.regs[30]};
#endif
}

/* Is it where a call in known code returns to? */
static bool is_return(const hew_region *r, uint64_t pc)
{
    if (!(is_hew_code(r, pc) && is_hew_code(r, pc - 8)) &&
        !(is_core_code(pc) && is_core_code(pc - 8))) {
        return false;
    }
#if defined(__x86_64__)
    const uint8_t *code = (const uint8_t *)(uintptr_t)pc;
    return code[-5] == 0xe8 || (code[-6] == 0xff && code[-5] == 0x15) ||
           (code[-2] == 0xff && (code[-1] & 0xf8) == 0xd0) ||
           (code[-3] == 0xff && (code[-2] & 0xf8) == 0x50);
#else
    return true;
#endif
}

/* The caller that the frame pointer does not name: at a function's first and last instruction, and in a library's
 * function that has no frame. 0: the frame pointer names it. `p` is on the run stack. */
static uint64_t unframed_caller(const hew_region *r, const place *p)
{
    bool foreign = !is_hew_code(r, p->pc) && !is_core_code(p->pc);
    uint64_t caller = foreign ? p->link : 0;
#if defined(__x86_64__)
    const uint8_t *code = (const uint8_t *)(uintptr_t)p->pc;
    const uint64_t *stack = (const uint64_t *)(uintptr_t)p->sp;
    if (foreign || code[0] == 0x55 || code[0] == 0xc3) {
        caller = stack[0]; /* push %rbp, ret */
    } else if (code[0] == 0x48 && code[1] == 0x89 && code[2] == 0xe5) {
        caller = stack[1]; /* mov %rsp, %rbp */
    } else if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && code[3] == 0xfa) {
        caller = stack[0]; /* endbr64 */
    }
#endif
    return caller && is_return(r, caller) ? caller : 0;
}

static uint32_t frames_of(const hew_worker *w, const place *p, uint64_t *pcs)
{
    uint64_t low = hew_stack_low(w);
    pcs[0] = p->pc;
    if (p->sp < low || p->sp > HEW_STACK_TOP - 2 * sizeof(uint64_t)) {
        return 1; /* the loop's own stack */
    }
    uint64_t fp = p->fp, caller = unframed_caller(w->region, p), next = fp;
    uint32_t n = 1;
    if (caller && hew_backtrace_next(w, &next) != caller) {
        pcs[n++] = caller;
    }
    next = hew_backtrace_next(w, &fp);
    return next ? n + hew_backtrace(w, next, fp, pcs + n, HEW_SAMPLE_FRAMES - n) : n;
}

static void record(hew_worker *w, const place *p, uint64_t periods)
{
    hew_sample s;
    s.ticks = hew_ticks(w->region);
    s.periods = periods;
    s.weight_ns = periods * w->sample_period;
    s.pid = HEW_PID_NONE;
    s.type = s.handler = NO_INDEX;
    s.looking = w->looking;
    const hew_actor *a = w->current;
    if (a) {
        s.pid = hew_load_relaxed(&a->pid);
        s.type = s.pid == 0 ? NO_INDEX : hew_load_relaxed(&a->type_index);
        const hew_entry *e = hew_entry_in_work(w, a);
        s.handler = e ? e->handler & HEW_ENTRY_INDEX : NO_INDEX;
    }
    s.depth = frames_of(w, p, s.pcs);
    hew_sample_write(hew_sample_ring_of(w->region, w->index), &s);
}

/* ---- the timer ---- */

static uint64_t wanted_period(const hew_region *r)
{
    const hew_sampling *s = r->sampling;
    return hew_load_acquire(&s->until) > hew_ticks(r) ? hew_load_relaxed(&s->period_ns) : 0;
}

/* Not glibc's timer_create and timer_delete, which allocate. 0: there is none to be had. */
static uint64_t start_timer(hew_worker *w, uint64_t period)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    struct timespec t = {.tv_sec = (time_t)(period / 1000000000u),
                         .tv_nsec = (long)(period % 1000000000u)};
    struct itimerspec spec = {.it_interval = t, .it_value = t};
    if (syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &w->sample_timer) != 0) {
        return 0;
    }
    syscall(SYS_timer_settime, w->sample_timer, 0, &spec, NULL);
    return period;
}

void hew_sample_adapt(hew_worker *w)
{
    sigset_t both, before;
    if (wanted_period(w->region) == w->sample_period) {
        return;
    }
    sigemptyset(&both);
    sigaddset(&both, SIGURG);
    sigaddset(&both, SIGPROF);
    sigprocmask(SIG_BLOCK, &both, &before); /* each of its signals may change the timer too */
    uint64_t period = wanted_period(w->region);
    if (period != w->sample_period) {
        if (w->sample_period) {
            syscall(SYS_timer_delete, w->sample_timer);
        }
        w->sample_period =
            period ? start_timer(w, period) : 0; /* none: tried again at the next tick */
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void on_sample(int number, siginfo_t *info, void *context)
{
    (void)number;
    int saved = errno;
    hew_worker *w = (hew_worker *)HEW_SELF; /* NOLINT: fixed address */
    if (info->si_code == SI_TIMER) {
        if (wanted_period(w->region) && w->sample_period) {
            place p = place_of(context);
            record(w, &p, 1 + (info->si_overrun > 0 ? (uint64_t)info->si_overrun : 0));
        }
        hew_sample_adapt(w);
    }
    errno = saved;
}

int hew_sample_setup(void)
{
    struct sigaction action = {.sa_sigaction = on_sample,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigset_t profile;
    sigemptyset(&profile);
    sigaddset(&profile, SIGPROF);
    if (sigaction(SIGPROF, &action, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &profile, NULL) != 0) {
        return errno;
    }
    return 0;
}

/* ---- for readers ---- */

uint64_t hew_sample_page(hew_region *r)
{
    return (uint64_t)(uintptr_t)r->sampling;
}

void hew_sample_request(hew_region *r, uint64_t period_ns, uint64_t lease_ns)
{
    hew_sampling *s = r->sampling;
    uint64_t now = hew_ticks(r), until = now + hew_ns_to_ticks(r, lease_ns);
    uint64_t old = hew_load_relaxed(&s->until), period = hew_load_relaxed(&s->period_ns);
    if (old <= now || !period || period > period_ns) { /* the fastest of those who ask */
        hew_store_relaxed(&s->period_ns, period_ns);
    }
    while (old < until && !hew_cas_seq(&s->until, &old, until)) {
    }
}

uint64_t hew_sample_written(hew_region *r, uint32_t worker)
{
    return hew_load_acquire(&hew_sample_ring_of(r, worker)->written);
}

uint64_t hew_sample_read(hew_region *r, uint32_t worker, uint64_t *next, hew_sample *out,
                         uint64_t max, uint64_t *lost)
{
    const hew_sample_ring *ring = hew_sample_ring_of(r, worker);
    uint64_t end = hew_load_acquire(&ring->written), n = 0;
    if (end - *next > HEW_SAMPLE_RING) {
        *lost += end - HEW_SAMPLE_RING - *next;
        *next = end - HEW_SAMPLE_RING;
    }
    for (; *next < end && n < max; (*next)++) {
        if (read_record(ring, *next, &out[n])) {
            n++;
        } else {
            ++*lost;
        }
    }
    return n;
}
