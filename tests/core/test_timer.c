/* test_timer.c - sleepers against a plain list: each is woken at its deadline, the earliest first, none twice, and
 * none that waits for something else by then.
 */
#include "laws.h"
#include "runq.h"
#include "timer.h"

enum {
    SLEEPERS = 300,
    STEPS = 20000
};

static const hew_handler nothing_handlers[] = {HANDLER(0, "nothing", NULL, NULL, NULL, 0)};
ACTOR(nothing, "Nothing", 0, NULL, nothing_handlers, 0);

typedef struct sleeper {
    hew_actor *actor;
    uint64_t deadline;
    bool sleeps; /* and has not been called off */
} sleeper;

static sleeper sleepers[SLEEPERS];
static uint64_t n_timers; /* called off ones too, until their time has come */
static uint64_t deadlines[STEPS];

static void set_state(hew_actor *a, hew_state state)
{
    a->state = (a->state & ~15ull) | state;
}

/* As hew_sleep_ns and the worker's loop do it. */
static void sleep_until(hew_worker *w, sleeper *s, uint64_t deadline)
{
    s->deadline = deadline;
    s->sleeps = true;
    s->actor->wait_about = deadline;
    s->actor->wait = HEW_WAIT_SLEEP | ++w->tickets << 4;
    s->actor->worker = w->index;
    hew_timer_add(w, s->actor);
    set_state(s->actor, HEW_S_BLOCKED);
    deadlines[n_timers++] = deadline;
}

/* It was woken by something else: it waits no more, for another thing, or sleeps again. */
static void call_off(hew_worker *w, sleeper *s, uint64_t *seed)
{
    s->sleeps = false;
    switch (random_below(seed, 3)) {
    case 0:
        s->actor->wait = 0;
        set_state(s->actor, HEW_S_IDLE);
        break;
    case 1: s->actor->wait = HEW_WAIT_REPLY | ++w->tickets << 4; break;
    case 2: sleep_until(w, s, s->deadline + random_below(seed, 50)); break;
    }
}

static void check_heap(const hew_worker *w)
{
    uint64_t first = UINT64_MAX;
    for (uint64_t i = 0; i < n_timers; i++) {
        first = deadlines[i] < first ? deadlines[i] : first;
    }
    CHECK(w->n_timers == n_timers && w->next_deadline == first);
}

static sleeper *of_entry(const hew_worker *w, uint32_t entry)
{
    CHECK(entry);
    for (int i = 0; i < SLEEPERS; i++) {
        if (sleepers[i].actor == w->actors + (entry - 1)) {
            return &sleepers[i];
        }
    }
    CHECK(!"an actor that never slept");
    return NULL;
}

static uint64_t is_woken(hew_worker *w, uint32_t entry, uint64_t last, uint64_t now)
{
    sleeper *s = of_entry(w, entry);
    CHECK(s->sleeps && s->deadline <= now && s->deadline >= last);
    CHECK(hew_state_of(s->actor->state) == HEW_S_READY);
    s->sleeps = false;
    s->actor->wait = 0;
    set_state(s->actor, HEW_S_IDLE);
    return s->deadline;
}

static void run_until(hew_worker *w, uint64_t now)
{
    uint64_t last = 0, kept = 0;
    hew_timer_run(w, now);
    for (uint32_t entry; (entry = hew_ring_pop(w)) != 0;) { /* the order in which they were woken */
        last = is_woken(w, entry, last, now);
    }
    if ((uint32_t)w->run_slot) { /* of any place in that order */
        (void)is_woken(w, (uint32_t)w->run_slot, 0, now);
        w->run_slot &= ~0xffffffffull;
    }
    for (uint64_t i = 0; i < n_timers; i++) {
        if (deadlines[i] > now) {
            deadlines[kept++] = deadlines[i];
        }
    }
    n_timers = kept;
    for (int i = 0; i < SLEEPERS; i++) {
        CHECK(!sleepers[i].sleeps || sleepers[i].deadline > now);
    }
    check_heap(w);
}

/* Another life of the worker knows who sleeps from the actors alone; also when the life before it was killed in
 * the middle of finding out. */
static void begin_anew(hew_worker *w, bool cut_short)
{
    free(w->timers);
    if (cut_short && w->n_timers) {
        w->rebuilding = 1;
        w->n_timers = 0;
    }
    hew_timer_rebuild(w);
    CHECK(!w->rebuilding);
    n_timers = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        if (sleepers[i].sleeps) {
            deadlines[n_timers++] = sleepers[i].deadline;
        }
    }
    check_heap(w);
}

static void test_each_is_woken_once_in_order_unless_called_off(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    uint64_t now = 1000;
    for (int i = 0; i < SLEEPERS; i++) {
        (void)hew_spawn_begin(w, &nothing, NULL);
        sleepers[i].actor = hew_actor_of(w, hew_spawn_commit(w));
    }
    for (int i = 0; i < STEPS; i++) {
        sleeper *s = &sleepers[random_below(&seed, SLEEPERS)];
        uint64_t kind = random_below(&seed, 100);
        if (kind < 80 && !s->sleeps) {
            sleep_until(w, s, now + 1 + random_below(&seed, 20) * 10); /* often equal */
        } else if (kind < 90 && s->sleeps) {
            call_off(w, s, &seed);
        } else if (kind < 98) {
            now += random_below(&seed, 30);
            run_until(w, now);
        } else if (kind < 99) {
            begin_anew(w, random_below(&seed, 2));
        }
        check_heap(w);
    }
    run_until(w, now + 100000);
    CHECK(n_timers == 0 && w->next_deadline == UINT64_MAX);
    free(w->timers);
    hew_region_destroy(r);
}

int main(void)
{
    uint64_t seed = chosen_seed();
    end_after(100);
    test_each_is_woken_once_in_order_unless_called_off(seed);
    return 0;
}
