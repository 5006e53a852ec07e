/* test_places.c - a place in a bounded mailbox is never nobody's: who waits gets it, whatever the order of events. */
#include "laws.h"
#include "overflow.h"

LOC(here, 3);
static int handled;

static void note_fn(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields, (void)args;
    handled++;
}
static const hew_handler narrow_handlers[] = {HANDLER(0, "note", note_fn, &one_int, NULL, 0)};
ACTOR(narrow, "Narrow", 0, NULL, narrow_handlers, 1);
static const hew_actor_type *const types[] = {&narrow};
static void start(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields, (void)args;
}
PROGRAM(program, types, start);

static const hew_type place_type = {
    .kind = HEW_KIND_TUPLE, .flat = 1, .align = 8, .size = sizeof(hew_place), .name = "a place"};

static void step_all(hew_region *r)
{
    for (int idle = 0; idle < 4; idle++) {
        for (uint32_t i = 0; i < r->n_workers; i++) {
            while (hew_worker_step(hew_worker_at(r, i))) {
                idle = 0;
            }
        }
    }
}

/* As a sender without a place does it, but nobody blocks. */
static void ask_for_a_place(hew_worker *w, uint64_t to, uint64_t asker)
{
    hew_node *node = hew_alloc_try(w, sizeof(hew_node) + 16, w->holder);
    CHECK(node);
    *node = (hew_node){.n = 1, .end = 16, .handler = &narrow_handlers[0]};
    *(hew_entry *)(void *)node->entries = (hew_entry){.pid = (uint32_t)hew_handle_pid(to)};
    hew_place place = {.node = node};
    hew_sys *s = hew_sys_new(w, to, HEW_SYS_PLACE, 1, &place_type, &place);
    s->about = asker;
    CHECK(hew_sys_push(w, to, s));
}

/* The first has put its message in, which is handled at once, but is still about to say so. */
static void test_who_was_refused_for_a_reservation_gets_the_place_when_it_is_given_up(void)
{
    hew_region *r = make_region((run_options){.workers = 2});
    hew_region_start(r, &program);
    hew_worker *first = begin_worker(r, 0), *second = begin_worker(r, 1);
    (void)hew_spawn_begin(first, &narrow, &here);
    uint64_t to = hew_spawn_commit(first);
    (void)hew_spawn_begin(first, &narrow, &here);
    uint64_t asker = hew_spawn_commit(first);
    hew_actor *a = hew_actor_of(first, to);
    CHECK(hew_place_try(first, a, to));
    CHECK(!hew_place_try(second, a, to));
    ask_for_a_place(second, to, asker);
    step_all(r);
    CHECK(handled == 0 && a->n_waiters == 1);
    hew_place_done(first, a, to);
    step_all(r);
    CHECK(handled == 1 && a->n_waiters == 0 && !a->waiters);
    hew_region_destroy(r);
}

int main(void)
{
    end_after(100);
    test_who_was_refused_for_a_reservation_gets_the_place_when_it_is_given_up();
    return 0;
}
