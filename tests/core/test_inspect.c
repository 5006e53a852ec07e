/* test_inspect.c - rows for readers: the right ones, sorted, cut; and never torn while actors come and go. */
#include "account.h"
#include "laws.h"

enum {
    ACTORS = 700,
    QUERIES = 400,
    LIVES = 30000,
    LOOKS = 500 /* with somebody to see */
};

LOC(here, 3);
static const hew_handler nothing_handlers[] = {HANDLER(0, "nothing", NULL, NULL, NULL, 0)};
ACTOR(first_type, "First", 0, NULL, nothing_handlers, 0);
ACTOR(second_type, "Second", 1, NULL, nothing_handlers, 0);
ACTOR(third_type, "Third", 2, NULL, nothing_handlers, 0);
static const hew_actor_type *const types[] = {&first_type, &second_type, &third_type};
static void start(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields, (void)args;
}
PROGRAM(program, types, start);

static hew_actor *spawn(hew_worker *w, uint64_t type)
{
    (void)hew_spawn_begin(w, types[type], &here);
    return hew_actor_of(w, hew_spawn_commit(w));
}

/* ---- at rest: against a sort ---- */

static uint64_t key(const hew_actor_row *row, uint32_t sort)
{
    const uint64_t keys[] = {row->msgs,       row->time_ns, row->mbox_depth,     row->mbox_hwm,
                             row->bytes_live, row->id,      row->bytes_allocated};
    return keys[sort];
}

static hew_actor_query order; /* of compare */

static int compare(const void *a, const void *b)
{
    const hew_actor_row *x = a, *y = b;
    uint64_t i = key(x, order.sort), j = key(y, order.sort);
    if (i != j) {
        return (i < j) == !order.descending ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

static void fill(hew_actor *a, uint64_t *seed)
{
    static const hew_state states[] = {HEW_S_IDLE, HEW_S_BLOCKED, HEW_S_READY};
    a->msgs = random_below(seed, 20);
    a->ticks = random_below(seed, 20) * 1000000;
    a->hwm = (uint32_t)random_below(seed, 20);
    a->left = (uint32_t)random_below(seed, 20);
    a->bytes_live = (int64_t)random_below(seed, 20) - 3;
    a->bytes_allocated = random_below(seed, 20);
    a->state = (a->state & ~15ull) | states[random_below(seed, 3)];
}

static uint64_t expected_rows(const hew_actor_row *all, uint64_t n, hew_actor_row *rows)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < n; i++) {
        bool is_type = order.type == UINT32_MAX || all[i].type == order.type;
        bool is_state = order.state == UINT32_MAX || all[i].state == order.state;
        if (is_type && is_state && (order.include_main || all[i].id)) {
            rows[found++] = all[i];
        }
    }
    qsort(rows, found, sizeof *rows, compare);
    return found;
}

/* What was cut is in the sums too. */
static void check_sums(const hew_actor_row *list, uint64_t n, const hew_type_totals *live)
{
    hew_type_totals sums[3] = {{0}};
    for (uint64_t i = 0; i < n; i++) {
        if (list[i].type < 3) {
            sums[list[i].type].count++;
            sums[list[i].type].msgs += list[i].msgs;
            sums[list[i].type].time_ns += list[i].time_ns;
            sums[list[i].type].bytes_allocated += list[i].bytes_allocated;
        }
    }
    CHECK(memcmp(sums, live, sizeof sums) == 0);
}

static void test_the_best_rows_of_any_query_are_those_of_a_sort(uint64_t seed)
{
    static hew_actor_row all[ACTORS + 1], rows[ACTORS + 1], wanted[ACTORS + 1];
    hew_region *r = make_region((run_options){.workers = 1});
    hew_region_start(r, &program);
    hew_worker *w = begin_worker(r, 0);
    for (int i = 0; i < ACTORS; i++) {
        fill(spawn(w, random_below(&seed, 3)), &seed);
    }
    hew_actor_scan everything = {.query = {.sort = HEW_SORT_ID,
                                           .type = UINT32_MAX,
                                           .state = UINT32_MAX,
                                           .include_main = 1,
                                           .limit = ACTORS + 1},
                                 .rows = all};
    CHECK(hew_inspect_actors(r, &everything, UINT64_MAX));
    uint64_t n = everything.n;
    CHECK(n == ACTORS + 1 && everything.total == n);
    for (uint64_t i = 0; i < n; i++) {
        CHECK(all[i].id == i && all[i].mbox_hwm >= all[i].mbox_depth);
    }
    for (int i = 0; i < QUERIES; i++) {
        order = (hew_actor_query){
            .sort = (uint32_t)random_below(&seed, HEW_SORT_BYTES_ALLOCATED + 1),
            .descending = (uint32_t)random_below(&seed, 2),
            .type = random_below(&seed, 2) ? UINT32_MAX : (uint32_t)random_below(&seed, 4),
            .state = random_below(&seed, 2) ? UINT32_MAX : (uint32_t)random_below(&seed, 5),
            .include_main = (uint32_t)random_below(&seed, 2),
            .limit = random_below(&seed, random_below(&seed, 2) ? 10 : ACTORS + 2)};
        uint64_t most = expected_rows(all, n, wanted);
        hew_type_totals live[3] = {{0}};
        hew_actor_scan scan = {.query = order, .rows = rows, .live = live, .n_types = 3};
        uint64_t steps = 1,
                 work = random_below(&seed, 2) ? UINT64_MAX : 1 + random_below(&seed, 900);
        for (; !hew_inspect_actors(r, &scan, work); steps++) {
            CHECK(scan.total <= steps * work); /* no step is longer than was asked for */
        }
        CHECK(work > ACTORS || steps >= ACTORS / work);
        CHECK(scan.total == most && scan.n == (most < order.limit ? most : order.limit));
        for (uint64_t k = 0; k < scan.n; k++) {
            CHECK(memcmp(&rows[k], &wanted[k], sizeof rows[k]) == 0);
        }
        check_sums(wanted, most, live);
    }
    hew_region_destroy(r);
}

/* ---- while actors come and go: every figure is a function of the number ---- */

static uint32_t is_over, looks; /* atomic */

static void *come_and_go(void *argument)
{
    law_thread *t = argument;
    hew_worker *w = t->w;
    hew_actor *alive[64] = {NULL};
    hew_account_begin(w); /* what the worker has allocated so far is none of theirs */
    for (int i = 0; i < LIVES || hew_load_relaxed(&looks) < LOOKS; i++) {
        hew_actor **place = &alive[random_below(&t->seed, 64)];
        if (*place) {
            hew_actor_end(w, *place, HEW_END_NORMAL, "", 0);
        }
        hew_actor *a = spawn(w, w->region->next_pid % 3);
        CHECK(a->type_index == a->pid % 3);
        hew_store_relaxed(&a->msgs, a->pid * 3);
        hew_store_relaxed(&a->bytes_allocated, a->pid * 7);
        hew_store_relaxed(&a->hwm, (uint32_t)a->pid * 5);
        *place = a;
    }
    hew_store_release(&is_over, 1u);
    return NULL;
}

static void check_row(const hew_actor_row *row)
{
    CHECK(row->pid == row->id && row->id && row->type == row->id % 3);
    CHECK(row->msgs == 0 || row->msgs == row->id * 3); /* 0: not yet written */
    CHECK(row->bytes_allocated == 0 || row->bytes_allocated == row->id * 7);
    CHECK(row->mbox_hwm == 0 || row->mbox_hwm == (uint32_t)row->id * 5);
    CHECK(row->mbox_depth == 0 && row->bytes_live == 0);
}

static void test_no_row_is_torn_while_actors_are_spawned_and_end(uint64_t seed)
{
    static hew_actor_row rows[4096];
    hew_region *r = make_region((run_options){.workers = 1});
    hew_region_start(r, &program);
    law_thread t = {.w = begin_worker(r, 0), .seed = seed};
    CHECK(pthread_create(&t.thread, NULL, come_and_go, &t) == 0);
    uint64_t seen = 0;
    do {
        hew_actor_query q = {
            .sort = HEW_SORT_MSGS, .descending = 1, .type = UINT32_MAX, .state = UINT32_MAX};
        q.limit = HEW_COUNT_OF(rows);
#if !defined(                                                                                      \
    __SANITIZE_THREAD__) /* rows of ended actors are copied under a sequence number, which TSan cannot follow */
        q.include_ended = looks % 2;
#endif
        hew_actor_scan scan = {.query = q, .rows = rows};
        while (!hew_inspect_actors(r, &scan, 16)) {
        }
        for (uint64_t i = 0; i < scan.n; i++) {
            check_row(&rows[i]);
            CHECK(i == 0 || key(&rows[i - 1], q.sort) >= key(&rows[i], q.sort));
        }
        hew_store_relaxed(&looks, looks + (scan.n > 0));
        seen += scan.n;
    } while (!hew_load_acquire(&is_over));
    pthread_join(t.thread, NULL);
    CHECK(hew_inspect_actors_live(r) <= 64);
    printf("%u looks, %lu rows, %lu actors\n", looks, seen, r->next_pid);
    hew_region_destroy(r);
}

int main(void)
{
    uint64_t seed = chosen_seed();
    end_after(100);
    test_the_best_rows_of_any_query_are_those_of_a_sort(seed);
    test_no_row_is_torn_while_actors_are_spawned_and_end(seed);
    return 0;
}
