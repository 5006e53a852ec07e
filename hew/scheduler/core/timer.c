/* timer.c - see timer.h. */
#include "timer.h"
#include "actor.h"
#include "ask.h"
#include "handler_stats.h"
#include "park.h"
#include "region.h"
#include "runq.h"
#include "sample.h"
#include "stack.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

typedef struct hew_timer {
    uint64_t deadline, handle, ticket;
} hew_timer;

/* ---- heap: the earliest first ---- */

static void sift_up(hew_timer *heap, uint32_t i)
{
    hew_timer t = heap[i];
    while (i && heap[(i - 1) / 2].deadline > t.deadline) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = t;
}

static void sift_down(hew_timer *heap, uint32_t n)
{
    hew_timer t = heap[0];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= n) {
            break;
        }
        child += child + 1 < n && heap[child + 1].deadline < heap[child].deadline;
        if (heap[child].deadline >= t.deadline) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = t;
}

void hew_timer_add(hew_worker *w, const hew_actor *a)
{
    if (w->n_timers == w->timers_cap) {
        uint32_t cap = w->timers_cap ? w->timers_cap * 2 : 64;
        hew_timer *more = realloc(w->timers, cap * sizeof *more);
        if (!more) {
            hew_fatal("no private memory for %u sleepers", cap);
        }
        w->timers = more;
        w->timers_cap = cap;
    }
    w->timers[w->n_timers] = (hew_timer){
        .deadline = a->wait_about, .handle = hew_actor_handle(w, a), .ticket = a->wait >> 4};
    sift_up(w->timers, w->n_timers);
    hew_store_seq(&w->n_timers, w->n_timers + 1);
    w->next_deadline = w->timers[0].deadline;
}

void hew_timer_run(hew_worker *w, uint64_t now)
{
    while (w->n_timers && w->timers[0].deadline <= now) {
        hew_timer t = w->timers[0];
        uint32_t n = w->n_timers - 1;
        w->timers[0] = w->timers[n];
        if (n) {
            sift_down(w->timers, n);
        }
        hew_actor *a = hew_actor_of(w, t.handle);
        if (a && hew_load_relaxed(&a->wait) == (HEW_WAIT_SLEEP | t.ticket << 4)) {
            hew_sys_wake(w, a);
        }
        hew_store_seq(&w->n_timers, n); /* after the wake-up: the verdict sees one or the other */
        w->next_deadline = n ? w->timers[0].deadline : UINT64_MAX;
    }
}

void hew_timer_rebuild(hew_worker *w)
{
    uint64_t n = hew_load_acquire(&w->region->slots_used);
    n = n > HEW_MAX_SLOTS ? HEW_MAX_SLOTS : n;
    if (w->n_timers) { /* never fewer than its sleepers */
        w->rebuilding = 1;
    }
    hew_step();
    hew_store_seq(&w->n_timers, 0u);
    w->timers_cap = 0;
    w->timers = NULL;
    w->next_deadline = UINT64_MAX;
    for (uint64_t i = 0; w->rebuilding && i < n; i++) {
        const hew_actor *a = w->actors + i;
        __builtin_prefetch(&a[HEW_SCAN_AHEAD].state);
        __builtin_prefetch(&a[HEW_SCAN_AHEAD].wait);
        if (hew_state_of(hew_load_acquire(&a->state)) == HEW_S_BLOCKED && a->worker == w->index &&
            (hew_load_relaxed(&a->wait) & 15) == HEW_WAIT_SLEEP) {
            hew_timer_add(w, a);
        }
    }
    hew_step();
    w->rebuilding = 0;
}

void hew_sleep_ns(hew_worker *w, int64_t ns, const hew_loc *loc)
{
    if (ns <= 0) {
        return;
    }
    hew_region *r = w->region;
    hew_actor *a = w->current;
    uint64_t deadline = hew_ticks(r) + hew_ns_to_ticks(r, (uint64_t)ns);
    uint64_t ticket = ++w->tickets << 8 | w->index;
    do {
        a->wait_loc = loc;
        hew_store_relaxed(&a->wait_about, deadline);
        hew_store_relaxed(&a->wait, HEW_WAIT_SLEEP | ticket << 4);
        hew_suspend(w, HEW_LEAVE_BLOCKED);
        hew_store_relaxed(&a->wait, 0ull);
        (void)hew_sys_drain(w, a, 0); /* it may have been a system message that woke us */
    } while (hew_ticks(r) < deadline);
}

/* ---- the tick ---- */

static void on_tick(int number)
{
    (void)number;
    int saved = errno;
    hew_worker *w = (hew_worker *)HEW_SELF; /* NOLINT: fixed address */
    hew_handlers_look(w);
    if (w->current && w->activations == w->last_seen_activation) {
        hew_store_relaxed(&w->clock, hew_ticks(w->region));
        w->preempt = 1;
        hew_store_relaxed(&w->poll, 1u);
        /* What it has woken waits for it; who sleeps could take that. */
        if (((uint32_t)w->run_slot || !hew_ring_is_empty(w)) && hew_park_anybody(w->region)) {
            hew_park_wake_one(w->region);
        }
    }
    w->last_seen_activation = w->activations;
    hew_sample_look(w);
    errno = saved;
}

static void set(hew_worker *w, long ns)
{
    struct itimerspec spec = {.it_interval = {.tv_nsec = ns}, .it_value = {.tv_nsec = ns}};
    timer_settime((timer_t)w->timer_id, 0, &spec, NULL);
}

int hew_timer_setup(hew_worker *w)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG};
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    timer_t id;
    sigset_t urgent;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGPROF); /* which looks at what we interrupt, not at us */
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    if (sigaction(SIGURG, &action, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &urgent, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &id) != 0) {
        return errno;
    }
    w->timer_id = (void *)id;
    w->timer_armed = 0;
    return 0;
}

void hew_timer_arm(hew_worker *w)
{
    if (!w->timer_armed && !w->thread_mode) {
        w->timer_armed = 1;
        hew_sample_look(w);
        set(w, HEW_TICK_NS);
    }
}

void hew_timer_disarm(hew_worker *w)
{
    if (w->timer_armed) {
        w->timer_armed = 0;
        set(w, 0);
    }
}
