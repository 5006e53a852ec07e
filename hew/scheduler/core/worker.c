/* worker.c - find an actor, claim it, dispatch its messages, account, begin again.
 *
 * An activation (hew_activation) runs on the run stack until the actor's mailbox is empty or its budget is
 * used; if a handler waits, the whole activation is copied out, and it goes on where it is resumed. What must
 * not happen on a stack that is about to be copied or abandoned is done by the loop, on the process's own
 * stack, when control has come back (settle).
 *
 * W1  An actor is run by who turned its state from IDLE or READY to RUNNING; only that one touches line 1 and 2.
 * W2  At the end: store IDLE, exchange head EMPTY -> IDLE, look at everything once more. Who pushes meanwhile
 *     either sees IDLE in the head and queues the actor, or is seen by this last look.
 */
#include "worker.h"
#include "account.h"
#include "actor.h"
#include "alloc_inline.h"
#include "ask.h"
#include "handler_stats.h"
#include "mailbox.h"
#include "message.h"
#include "overflow.h"
#include "park.h"
#include "region.h"
#include "rt/value.h"
#include "runq.h"
#include "sample.h"
#include "stack.h"
#include "timer.h"
#include "trap.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BUDGET         1024u  /* messages of an activation while others wait */
#define REVERSE_STEPS  1024u  /* nodes turned round between two looks at the flag */
#define OVERFLOW_EVERY 64u    /* dispatches between two looks at the shared overflow */
#define SPIN_NS        30000u /* a worker without work looks around this long before it sleeps */
#define STEAL_FIRST_NS 200u   /* between two looks at others: at first, and later */
#define STEAL_LATER_NS 1500u
#define STEAL_PAYS_NS  500u /* an activation shorter than this is done sooner where its data lie */
#define PAUSE_LEAST_NS 10000u
#define PAUSE_MOST_NS  1000000u

/* ---- an activation ---- */

/* Timers too: they are run between activations, and those of a worker by no other. */
static bool others_wait(const hew_worker *w)
{
    return (uint32_t)w->run_slot || !hew_ring_is_empty(w) || hew_runq_overflow_any(w->region) ||
           w->next_deadline <= hew_ticks(w->region);
}

/* Mail in order into fifo. false: there is none. */
HEW_INLINE bool refill(hew_worker *w, hew_actor *a)
{
    hew_region *r = w->region;
    do {
        while (HEW_UNLIKELY(a->rev)) { /* after a recovery also one of the system queue */
            if (!hew_mailbox_reverse(r, a, REVERSE_STEPS) && hew_load_relaxed(&w->poll)) {
                hew_safepoint(w);
            }
            hew_mailbox_mark(a);
        }
    } while (!a->fifo && hew_mailbox_take(r, a, &a->head, 0));
    return a->fifo != 0;
}

/* It missed its actor: the slot had a new one when it arrived. To its sender that one has ended. */
static HEW_COLD void drop_stray(hew_worker *w, hew_actor *a, hew_node *node)
{
    const hew_entry *e = (const hew_entry *)node->entries;
    const hew_actor_type *type = hew_type_of_handler(w->region, node->handler);
    hew_store_relaxed(&a->left, a->left - node->n);
    hew_count(w, MESSAGES_RECEIVED, node->n);
    a->fifo = node->next;
    hew_step();
    hew_actor_drop_node(w, type, hew_handle(e->pid, hew_slot_of(w->region, a)), node, 0);
    hew_place_grant(w, a);
}

static HEW_COLD void reply_missing(hew_worker *w, hew_actor *a, hew_entry *e, const hew_handler *h)
{
    if (!h->reply) {
        hew_reply(w, NULL);
        return;
    }
    hew_ask ask;
    memcpy(&ask, e->rest, sizeof ask);
    hew_ask_fail(w, ask.asker, ask.ticket, hew_actor_handle(w, a), h);
}

HEW_INLINE void dispatch(hew_worker *w, hew_actor *a, const hew_node *node, hew_entry *e)
{
    hew_timed timed;
    timed.weight = 0;
    uint32_t bits = e->handler;
    const hew_handler *h = &a->type->handlers[bits & HEW_ENTRY_INDEX];
    char *args = e->rest;
    if (HEW_UNLIKELY(bits & HEW_ENTRY_ASK)) {
        args += sizeof(hew_ask);
    }
    if (HEW_LIKELY(!(h->flags & HEW_HANDLER_INIT))) {
        hew_count(w, MESSAGES_RECEIVED, 1);
        hew_tally(&a->msgs, 1);
        if (HEW_UNLIKELY(hew_handler_count(w, h->index))) {
            hew_handler_begin(w, a, h->index, hew_sent(node, e), &timed);
        }
        hew_store_relaxed(&a->left, a->left - 1);
        if (HEW_UNLIKELY(a->n_waiters)) {
            hew_place_grant(w, a);
        }
    }
    if (h->args && !h->args->flat) {
        uint64_t bytes;
        memcpy(&bytes, args + hew_round_up(h->args->size, 8), sizeof bytes);
        w->moved += (int64_t)bytes;
    }
    h->fn(w, a->fields, args);
    if (HEW_UNLIKELY(timed.weight)) {
        hew_handler_end(w, a, h->index, &timed);
    }
    if (HEW_UNLIKELY(bits & HEW_ENTRY_ASK) && !(e->handler & HEW_ENTRY_REPLIED)) {
        reply_missing(w, a, e, h);
    }
    if (HEW_UNLIKELY(w->output.len)) {
        hew_print_flush(w);
    }
}

/* The depth is marked, and the next message may begin. false: there is none. */
HEW_INLINE bool has_next(hew_worker *w, hew_actor *a)
{
    if (a->fifo) {
        hew_mailbox_mark(a);
        return true;
    }
    return refill(w, a);
}

/* Dispatches what is in the oldest node, from where it was left, until its end, the budget's or a poll. */
HEW_INLINE void run_node(hew_worker *w, hew_actor *a, uint32_t *budget)
{
    hew_region *r = w->region;
    hew_node *node = hew_at(r, a->fifo);
    uint32_t at = a->idx, end = node->end;
    if (a->current != a->fifo) {
        if (HEW_UNLIKELY(((const hew_entry *)node->entries)->pid != (uint32_t)a->pid)) {
            drop_stray(w, a, node);
            return;
        }
        w->moved += (int64_t)hew_block_bytes_inline(node);
        hew_step();
        a->current = a->fifo;
        hew_step();
        at = 0;
    }
    for (uint32_t ahead = 64; ahead < end; ahead += 64) {
        __builtin_prefetch(node->entries + ahead);
    }
    while (at < end) {
        hew_entry *e = (hew_entry *)(node->entries + at);
        uint32_t size = e->size ? e->size : end - at;
        hew_store_relaxed(&a->idx, at | 1); /* in work: a kill loses this one, and it is reported */
        hew_step();
        dispatch(w, a, node, e);
        hew_step();
        at += size;
        hew_store_relaxed(&a->idx, at);
        hew_step();
        bool stops = --*budget == 0 || hew_load_relaxed(&w->poll);
        if (at >= end) {
            break;
        }
        if (HEW_UNLIKELY(stops)) {
            return;
        }
        hew_mailbox_mark(a);
    }
    uint64_t next = node->next;
    __builtin_prefetch(hew_at(r, next));
    a->fifo = next;
    hew_step();
    uint32_t size_class = hew_header_class(hew_load_relaxed(hew_header_of(node)));
    bool big = size_class == HEW_CLASS_BIG;
    if (HEW_LIKELY(!big)) {
        hew_free_begin(w, node, size_class);
    }
    hew_step();
    a->idx = 0;
    hew_step();
    a->current = 0; /* before it may be another's, and a node again: settle_node would free that */
    hew_step();
    if (HEW_LIKELY(!big)) {
        hew_free_end(w, node, size_class);
    } else {
        hew_free_big(w, node);
    }
}

/* Between two messages: true, the actor gives way to others. */
static HEW_NOINLINE bool gives_way(hew_worker *w, uint32_t *budget)
{
    bool wanted = *budget == 0;
    if (hew_load_relaxed(&w->poll)) {
        hew_store_relaxed(&w->poll, 0u);
        wanted = wanted || w->preempt;
        w->preempt = 0;
        if (hew_is_over(w->region)) {
            hew_trap_leave(w, HEW_LEAVE_EXIT);
        }
        if (w->overflow == 1) { /* the C core used the reserve and came back from it */
            hew_stack_close_reserve(w);
        }
    }
    if (*budget == 0) {
        *budget = BUDGET;
    }
    return wanted && others_wait(w);
}

/* W2. false: something came meanwhile, and the actor is ours again. */
HEW_INLINE bool come_to_rest(hew_worker *w, hew_actor *a)
{
    uint64_t running = hew_load_relaxed(&a->state);
    hew_store_release(&a->state, (running & ~15ull) | HEW_S_IDLE);
    uint64_t h = hew_load_relaxed(&a->head);
    if (HEW_LIKELY((h & HEW_OFF_MASK) == HEW_EMPTY) &&
        HEW_LIKELY(hew_cas_seq(&a->head, &h, (h & HEW_EPOCH) | HEW_IDLE))) {
        hew_count(w, TASKS_COMPLETED, 1); /* M1 */
        hew_fence_after_exchange();
        h = HEW_IDLE;
    } else {
        hew_fence_seq();
        h = hew_load_seq(&a->head);
    }
    if (HEW_LIKELY((h & HEW_OFF_MASK) == HEW_IDLE && !hew_sys_pending(a) && !hew_is_closing(a))) {
        return true;
    }
    uint64_t idle = (running & ~15ull) | HEW_S_IDLE;
    return !hew_cas_seq(&a->state, &idle, running);
}

/* The actor has more to do but others wait: to the tail of the queue, IDLE with a head that is not. */
static void to_the_tail(hew_worker *w, hew_actor *a)
{
    uint32_t slot = hew_slot_of(w->region, a);
    hew_count(w, TASKS_SPAWNED, 1);
    hew_count(w, TASKS_COMPLETED, 1);
    hew_store_release(&a->state, (hew_load_relaxed(&a->state) & ~15ull) | HEW_S_IDLE);
    hew_runq_append(w, slot + 1);
}

static void activation(hew_worker *w, hew_actor *a)
{
    uint32_t budget = BUDGET;
    for (;;) {
        if (HEW_UNLIKELY(hew_sys_pending(a))) {
            (void)hew_sys_drain(w, a, 0);
        }
        if (HEW_UNLIKELY(a->rev)) { /* what was turned round so far is the newest */
            refill(w, a);
        }
        while (has_next(w, a)) {
            run_node(w, a, &budget);
            if (HEW_UNLIKELY(budget == 0 || hew_load_relaxed(&w->poll)) && gives_way(w, &budget)) {
                hew_message_publish(w);
                hew_account(w, a);
                w->open.to = HEW_NO_HANDLE;
                w->leave = HEW_LEAVE_DONE;
                to_the_tail(w, a);
                return;
            }
        }
        hew_message_publish(w);
        w->open.to = HEW_NO_HANDLE;
        if (HEW_UNLIKELY(hew_is_closing(a))) {
            hew_actor_end(w, a, HEW_END_NORMAL, "", 0);
            break;
        }
        hew_account(w, a);
        if (HEW_LIKELY(come_to_rest(w, a))) {
            break;
        }
    }
    w->leave = HEW_LEAVE_DONE;
}

void hew_safepoint(hew_worker *w)
{
    hew_store_relaxed(&w->poll, 0u);
    if (hew_is_over(w->region)) {
        hew_trap_leave(w, HEW_LEAVE_EXIT);
    }
    if (w->overflow == 1) {
        w->overflow = 2;
        hew_trap_stack(w);
    }
    if (w->output.len) {
        hew_print_flush(w); /* what a long handler prints is seen within a tick or two */
    }
    if (w->preempt) {
        hew_message_publish(w); /* what a long handler sends waits no longer than a tick or two */
    }
    w->preempt = 0;
    if (!w->thread_mode && others_wait(w)) {
        hew_actor *a = w->current;
        hew_store_relaxed(&a->wait, (uint64_t)HEW_WAIT_TURN);
        hew_suspend(w, HEW_LEAVE_TURN);
        hew_store_relaxed(&a->wait, 0ull);
    }
}

/* ---- the loop's side ---- */

static void crash(hew_worker *w, hew_actor *a)
{
    const char *text;
    uint32_t size;
    if (w->output.len) {
        hew_print_flush(w);
    }
    if (w->overflow) {
        hew_stack_close_reserve(w);
    }
    hew_message_publish(w); /* what it sent is delivered */
    w->open.to = HEW_NO_HANDLE;
    hew_trap_report(w, a, &text, &size);
    if (a->pid == 0) {
        hew_region_decide(w->region, HEW_MAIN_TRAPPED, 1);
        return;
    }
    hew_store_relaxed(&a->ended, (uint32_t)HEW_END_CRASHED); /* before anybody is told */
    hew_step();
    hew_entry *e = hew_entry_in_work(w, a);
    if (e) {
        const hew_node *node = hew_at(w->region, a->current);
        if ((e->handler & (HEW_ENTRY_ASK | HEW_ENTRY_REPLIED)) == HEW_ENTRY_ASK) {
            hew_ask ask;
            memcpy(&ask, e->rest, sizeof ask);
            hew_ask_fail(w, ask.asker, ask.ticket, hew_actor_handle(w, a),
                         &a->type->handlers[e->handler & HEW_ENTRY_INDEX]);
        }
        /* its arguments were the handler's, and have been dropped by the unwinding */
        hew_store_relaxed(&a->idx, e->size ? (a->idx & ~1u) + e->size : node->end);
    }
    hew_actor_end(w, a, HEW_END_CRASHED, text, size);
    hew_trap_clear(w);
}

/* The actor has left the run stack in the middle of a handler: keep it, and let others see it. */
static HEW_NOINLINE void keep(hew_worker *w, hew_actor *a, uint32_t slot)
{
    bool turn = w->leave == HEW_LEAVE_TURN;
    if (HEW_UNLIKELY(!hew_stack_save(w, a))) {
        w->leave = HEW_LEAVE_TRAPPED;
        hew_stack_switch(&w->sched_sp, w->run_sp);
        crash(w, a);
        return;
    }
    hew_count(w, TASKS_COMPLETED, 1);
    w->current = NULL;
    if (turn) {
        hew_count(w, TASKS_SPAWNED, 1);
        hew_store_release(&a->state, (hew_load_relaxed(&a->state) & ~15ull) | HEW_S_READY);
        hew_runq_append(w, slot + 1);
        return;
    }
    if ((a->wait & 15) == HEW_WAIT_SLEEP) {
        hew_timer_add(w, a);
    }
    uint64_t blocked = (hew_load_relaxed(&a->state) & ~15ull) | HEW_S_BLOCKED;
    hew_store_release(&a->state, blocked);
    hew_fence_seq(); /* BLOCKED before the last look; pairs with the fence in hew_sys_push */
    if (hew_sys_pending(a)) {
        hew_sys_wake(w, a);
    }
}

HEW_INLINE void settle(hew_worker *w, hew_actor *a, uint32_t slot)
{
    switch ((hew_leave)w->leave) {
    case HEW_LEAVE_BLOCKED:
    case HEW_LEAVE_TURN: keep(w, a, slot); break;
    case HEW_LEAVE_TRAPPED: crash(w, a); break;
    case HEW_LEAVE_EXIT:
        if (w->output.len) {
            hew_print_flush(w);
        }
        break;
    case HEW_LEAVE_DONE: break;
    }
}

/* In a thread of a test: on the thread's own stack. */
static HEW_NOINLINE void enter_here(hew_worker *w, hew_actor *a)
{
    jmp_buf here;
    w->jump = &here;
    w->run_bottom = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    if (setjmp(here) == 0) {
        activation(w, a);
    }
}

HEW_INLINE void enter(hew_worker *w, hew_actor *a, bool ready)
{
    if (HEW_UNLIKELY(w->thread_mode)) {
        enter_here(w, a);
    } else if (ready && a->stack) {
        hew_stack_resume(w, a);
    } else {
        hew_stack_enter(w, a, activation, &w->sched_sp, HEW_STACK_TOP - 64);
    }
}

/* Of a FREE slot: an actor is beginning there, and who pushed to the one before it was so slow that it got there too. */
static HEW_COLD bool has_mail(const hew_actor *a)
{
    return hew_head_has_nodes(hew_load_acquire(&a->head)) ||
           hew_head_has_nodes(hew_load_acquire(&a->sys_head));
}

/* Claims and runs the actor, unless somebody else did. */
HEW_INLINE bool run(hew_worker *w, uint32_t slot, bool stolen)
{
    hew_actor *a = w->actors + slot;
    uint64_t state = hew_load_relaxed(&a->state), mine;
    bool ready;
    do {
        ready = hew_state_of(state) == HEW_S_READY;
        if (!ready && hew_state_of(state) != HEW_S_IDLE) {
            if (HEW_UNLIKELY(hew_state_of(state) == HEW_S_FREE && has_mail(a))) {
                hew_runq_overflow(w->region, slot);
            }
            return false; /* a double */
        }
        mine =
            (state & ~0xffffffffull) | (hew_state_word(HEW_S_RUNNING, w->index, w->incarnation, 0));
        /* acquire: all that its last worker wrote */
    } while (!hew_cas_acq_rel(&a->state, &state, mine));
    if (!ready) {
        uint64_t h = hew_load_relaxed(&a->head) & HEW_OFF_MASK;
        if (h == HEW_IDLE && !hew_sys_pending(a) && !hew_is_closing(a)) {
            hew_store_relaxed(&a->ended,
                              HEW_END_NONE); /* a double: back to rest; looks again by itself */
            if (come_to_rest(w, a)) {
                return false;
            }
        }
    }
    hew_prefetch_own(a->fields);
    if (HEW_UNLIKELY(
            stolen)) { /* only now: an entry of another's queue may be one that has run already */
        hew_count(w, STEALS, 1);
    }
    w->holder = slot;
    w->live_bits = hew_header(HEW_TAG_LIVE, 0, slot, 0);
    hew_store_relaxed(&a->worker, w->index);
    hew_store_relaxed(&w->counters[HEW_C_CURRENT_ACTOR], slot + 1ull);
    hew_store_relaxed(&w->counters[HEW_C_ACTIVATION_START], w->stamp);
    hew_store_relaxed(&w->activations, w->activations + 1);
    hew_account_begin(w);
    hew_handler_activation(w, a);
    hew_step();
    w->current = a;
    hew_step();
    enter(w, a, ready);
    settle(w, a, slot);
    hew_step();
    w->current = NULL;
    hew_step();
    w->holder = HEW_HOLDER_RUNTIME;
    w->live_bits = hew_header(HEW_TAG_LIVE, 0, HEW_HOLDER_RUNTIME, 0);
    hew_store_relaxed(&w->counters[HEW_C_CURRENT_ACTOR], 0ull);
    return true;
}

/* 1 + slot of who is next here, 0: nobody. */
HEW_INLINE uint32_t next_here(hew_worker *w)
{
    if (HEW_UNLIKELY(++w->rounds % OVERFLOW_EVERY == 0) && hew_runq_overflow_any(w->region)) {
        (void)hew_runq_refill(w);
    }
    uint64_t s = w->run_slot;
    uint32_t entry = (uint32_t)s;
    if (entry && w->slot_uses < HEW_RUN_SLOT_USES) {
        w->slot_uses++;
        hew_store_relaxed(&w->run_slot, s & ~0xffffffffull);
        return entry;
    }
    w->slot_uses = 0;
    uint32_t other = hew_ring_pop(w);
    if (other) {
        return other;
    }
    if (entry) {
        hew_store_relaxed(&w->run_slot, s & ~0xffffffffull);
        return entry;
    }
    return hew_runq_refill(w) ? hew_ring_pop(w) : 0;
}

bool hew_worker_step(hew_worker *w)
{
    uint32_t entry = next_here(w);
    return entry && run(w, entry - 1, false);
}

bool hew_worker_run_entry(hew_worker *w, uint32_t entry)
{
    return run(w, entry - 1, false);
}

bool hew_worker_sweep(hew_worker *w)
{
    if (hew_alloc_sweep(w)) {
        return true;
    }
    while (w->n_sweep) {
        uint32_t slot = w->sweep_slots[w->n_sweep - 1];
        w->n_sweep--;
        hew_step();
        hew_slot_give(w, slot);
    }
    return false;
}

/* What was stolen last has been done. Where it was too little for what it costs to bring it here, this worker stays
 * away for a while, longer each time: tiny actors that wake each other are faster on one core than on two. */
static void judge_booty(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t n = w->activations - w->stole_activations;
    uint64_t least = hew_ns_to_ticks(r, PAUSE_LEAST_NS), most = hew_ns_to_ticks(r, PAUSE_MOST_NS);
    bool paid = !n || w->stamp - w->stole_at >= n * hew_ns_to_ticks(r, STEAL_PAYS_NS);
    uint64_t pause = paid ? 0 : w->steal_pause * 2 < least ? least : w->steal_pause * 2;
    w->steal_pause = pause > most ? most : pause;
    w->steal_after = w->stamp + w->steal_pause;
    w->stole_at = 0;
}

/* Asleep, but not PARKED: nobody offers it anything, and there is no verdict before it has looked again. */
static void stay_away(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t now = hew_ticks(r), until = w->steal_after;
    until = until < w->next_deadline ? until : w->next_deadline;
    w->steal_after = 0;
    if (until > now) {
        struct timespec t = {.tv_nsec = (long)hew_ticks_to_ns(r, until - now)};
        nanosleep(&t, NULL);
    }
}

/* Looks for work until there is some (1 + slot) or it is time to sleep (0). */
static uint32_t search(hew_worker *w, bool *stolen)
{
    hew_region *r = w->region;
    uint64_t start = hew_ticks(r), limit = hew_ns_to_ticks(r, SPIN_NS);
    uint64_t first = hew_ns_to_ticks(r, STEAL_FIRST_NS), later = hew_ns_to_ticks(r, STEAL_LATER_NS);
    uint64_t last = 0;
    if (w->stole_at) {
        judge_booty(w);
    }
    if (HEW_UNLIKELY(w->steal_after > start) && !hew_runq_overflow_any(r)) {
        stay_away(w);
        start = hew_ticks(r);
    }
    for (uint32_t tries = 0;;) {
        w->sweeping = hew_worker_sweep(w);
        uint64_t now = hew_ticks(r);
        if (now - start > limit || hew_is_over(r) || now >= w->next_deadline) {
            return 0;
        }
        if (r->n_workers > 1 && now - last > (tries < 4 ? first : later)) {
            uint32_t entry = hew_runq_steal(w);
            if (entry) {
                if (!hew_ring_is_empty(w)) { /* more than one */
                    w->stole_at = now;
                    w->stole_activations = w->activations;
                }
                *stolen = true;
                hew_store_relaxed(&w->stamp, now);
                return entry;
            }
            last = now;
            tries++;
        }
        if (hew_runq_refill(w)) {
            hew_store_relaxed(&w->stamp, now);
            return hew_ring_pop(w);
        }
        hew_cpu_relax();
    }
}

/* Samples tell this time from that of the runtime's other work. */
static uint32_t look_around(hew_worker *w, bool *stolen)
{
    hew_store_relaxed(&w->looking, 1u);
    uint32_t entry = search(w, stolen);
    hew_store_relaxed(&w->looking, 0u);
    return entry;
}

static void loop(hew_worker *w)
{
    hew_region *r = w->region;
    hew_store_relaxed(&w->stamp, hew_ticks(r));
    while (!hew_is_over(r)) {
        if (HEW_UNLIKELY(w->next_deadline <= w->stamp)) {
            hew_timer_run(w, w->stamp);
        }
        uint32_t entry = next_here(w);
        bool stolen = false;
        if (HEW_UNLIKELY(!entry)) {
            entry = look_around(w, &stolen);
        }
        if (HEW_LIKELY(entry)) {
            if (HEW_UNLIKELY(!w->timer_armed)) {
                hew_timer_arm(w);
            }
            run(w, entry - 1, stolen);
            continue;
        }
        uint64_t now = hew_ticks(r);
        hew_store_relaxed(&w->stamp, now);
        if (now < w->next_deadline && !hew_is_over(r)) {
            hew_park(w);
            hew_store_relaxed(&w->stamp, hew_ticks(r));
        }
    }
    hew_timer_disarm(w);
}

/* ---- starting ---- */

void hew_worker_begin(hew_worker *w, uint32_t incarnation)
{
    hew_region *r = w->region;
    w->incarnation = incarnation;
    w->current = NULL;
    w->looking = 0;
    hew_store_relaxed(&w->run_slot, 0ull);
    /* The ring begins beyond all that its last life used: a thief that read it then fails at `top`. */
    uint64_t top = hew_load_relaxed(&w->top), bottom = hew_load_relaxed(&w->bottom);
    uint64_t next = (top > bottom ? top : bottom) + HEW_RING;
    hew_store_seq(&w->top, next);
    hew_store_seq(&w->bottom, next);
    w->open = (hew_open){.to = HEW_NO_HANDLE, .k = 1};
    w->text = (hew_text){0};
    w->output = (hew_output){0};
    w->trapped = w->unwinding = w->preempt = w->timer_armed = 0;
    w->sample_period = 0;
    w->trap_text = NULL;
    w->stole_at = w->steal_after = w->steal_pause = 0;
    hew_store_relaxed(&w->poll, hew_is_over(r) ? 1u : 0u);
    w->os_pid = (int32_t)getpid();
    w->os_tid = (int32_t)syscall(SYS_gettid);
    hew_alloc_worker_start(w);
    hew_rt_worker_start(w);
    hew_timer_rebuild(w);
    hew_store_seq(&w->park, (w->park & ~(uint32_t)HEW_PARK_MASK) + 4);
    hew_store_seq(&w->dead, 0u);
}

/* The worker's record once more, at the address that is the same in every worker. */
hew_worker *hew_worker_map(hew_region *r, uint32_t index)
{
    void *want = (void *)HEW_SELF; /* NOLINT: fixed address */
    uint64_t at = (uint64_t)(uintptr_t)hew_worker_at(r, index) - r->base;
    void *got = mmap(want, sizeof(hew_worker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                     r->fd, (off_t)at);
    return got == want ? want : NULL;
}

int hew_worker_run(hew_region *r, uint32_t index, uint32_t incarnation)
{
    hew_worker *w = hew_worker_map(r, index);
    if (!w) {
        return errno;
    }
    int error = hew_stack_setup(w);
    error = error ? error : hew_sample_setup();
    error = error ? error : hew_timer_setup(w);
    if (error) {
        return error;
    }
    hew_worker_begin(w, incarnation);
    loop(w);
    return 0;
}

int hew_worker_run_thread(hew_region *r, uint32_t index, uint32_t incarnation)
{
    hew_worker *w = hew_worker_at(r, index);
    w->thread_mode = 1;
    hew_worker_begin(w, incarnation);
    loop(w);
    return 0;
}

/* ---- the program's ends ---- */

void hew_main_result(hew_worker *w, int64_t code)
{
    hew_region *r = w->region;
    r->main_code = code & 255;
    hew_store_seq(&r->main_done, 1u);
}

HEW_NORETURN void hew_exit(hew_worker *w, int64_t code)
{
    if (w->output.len) {
        hew_print_flush(w);
    }
    hew_region_decide(w->region, HEW_EXITED, code & 255);
    hew_trap_leave(w, HEW_LEAVE_EXIT);
}

void hew_region_start(hew_region *r, const hew_program *program)
{
    hew_worker *w = hew_supervisor(r);
    r->program = program;
    r->n_types = program->n_types;
    uint64_t sums = (r->n_workers + 1) * (uint64_t)(program->n_types + 1) * sizeof(hew_type_sums);
    r->type_sums = hew_alloc_try(w, sums, HEW_HOLDER_RUNTIME);
    hew_actor *main = hew_actor_at(r, HEW_MAIN_SLOT);
    if (!r->type_sums || !hew_handlers_start(w, program) ||
        !hew_commit(r, HEW_SLOT_BATCH * sizeof(hew_actor), 0)) {
        hew_fatal("the heap's limit leaves no room for main");
    }
    memset(r->type_sums, 0, sums);
    r->slots_used = 1; /* the rest of the first batch is never used */
    hew_actor_begin(w, main, program->main, 0);
    if (!hew_message_start_main(w, main)) {
        hew_fatal("the heap's limit leaves no room for main");
    }
    hew_store_seq(&r->started, 1u);
}
