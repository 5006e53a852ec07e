/* test_alloc_kill.c - a worker that is killed at ANY instruction of the allocator loses no block;
 * nor does its replacement, killed at any instruction of the recovery.
 *
 * A child runs a script of allocations, one instruction at a time (ptrace). After each, this
 * process treats the child's worker as dead: recovers, sweeps as its replacement, audits the whole
 * heap, and puts the region back as it was. At some of these points the replacement is a child too,
 * and dies at each of its instructions in turn. Where ptrace is not allowed the test says so and
 * passes; under CI=true it fails.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap_support.h"

enum {
    HEAP = 9 << 18,
    HELD = 64,
    ACTOR = 5,
    OTHER_ACTOR = 6
};
#if defined(__SANITIZE_ADDRESS__)
enum {
    STRIDE = 5
}; /* instrumented code has five times the instructions; the seed decides which are tried */
#else
enum {
    STRIDE = 1
};
#endif
enum {
    SECOND_DEATH_EVERY = 2700 * STRIDE,
    SECOND_STRIDE = 7 * STRIDE
};

/* Shared with the child, in the region's first pages behind the records: what the script holds. */
typedef struct script_state {
    uint64_t running; /* 1 while the child is inside the script */
    uint64_t step;    /* of the script */
    void *held[HELD]; /* known before a free is begun and after an allocation is done */
} script_state;

static hew_region *region;
static hew_worker *w;
static script_state *state;
static uint64_t seed;
static uint64_t others; /* blocks that another worker's actor holds all the time */
static char *backup, *second_backup;
static uint64_t held_at_death;
static bool dead_with_actor; /* the actor it ran crashes: all that it holds is to be freed */
static uint64_t second_deaths;
static uint64_t overcommitted; /* deaths after which more is counted as committed than is used */

/* ---- the script ---- */

static void take(int i, size_t size)
{
    state->held[i] = hew_alloc_try(w, size, ACTOR);
}

static void drop(int i)
{
    void *block = state->held[i];
    state->held[i] = NULL;
    hew_free(w, block);
}

static void take_many(int from, int to, size_t size)
{
    for (int i = from; i < to; ++i) {
        take(i, size);
    }
}

static void drop_many(int from, int to)
{
    for (int i = from; i < to; ++i) {
        drop(i);
    }
}

static void script(void)
{
    state->step = 1; /* blocks of a batch that the other worker has freed */
    take_many(0, 6, 5000);
    drop_many(2, 6);
    state->step = 2; /* new spans; then batches to the shared list, and back again */
    take_many(10, 34, 16000);
    drop_many(10, 34);
    take_many(10, 26, 16000);
    state->step = 3; /* runs of pages: new, cut, joined */
    take(40, 100000);
    take(41, 200000);
    take(42, 70000);
    drop(41);
    take(43, 60000);
    drop(40);
    drop(43);
    take(44, 300000);
    state->step = 4;
    drop_many(10, 26);
    drop_many(0, 2);
    drop(42);
    drop(44);
}

/* ---- the child's death, as the others live through it ---- */

static uint64_t held_blocks(void)
{
    uint64_t n = 0;
    for (int i = 0; i < HELD; ++i) {
        n += state->held[i] != NULL;
    }
    return n;
}

/* What the supervisor does. */
static void recover_in_supervisor(bool actor_too)
{
    hew_store_release(&w->dead, 1);
    hew_alloc_recover(region, 0);
    hew_alloc_recover(region, 0);
    w->n_sweep = actor_too ? 1 : 0;
    w->sweep_slots[0] = ACTOR;
    hew_store_release(&w->dead, 0);
}

/* What the replacement does. */
static void recover_in_replacement(uint32_t incarnation)
{
    start_worker(region, 0, incarnation);
    while (hew_alloc_sweep(w)) {
    }
}

static void check_after_death(uint64_t held, bool actor_too)
{
    hew_heap_audit out = audited(region);
    uint64_t mine = out.used_blocks - others;
    uint64_t counted =
        counted_in_all(region, HEW_C_BYTES_ALLOCATED) - counted_in_all(region, HEW_C_BYTES_FREED);
    CHECK(actor_too ? mine == 0 : mine == held || mine == held + 1);
    CHECK(counted >= out.used_bytes && counted - out.used_bytes <= 320 << 10);
    CHECK(region->heap.committed >= region->heap.used);
    overcommitted += region->heap.committed != region->heap.used;
}

/* The parts of the region that are in use. */
static const struct {
    size_t offset, size;
} parts[] = {{0, 16 * HEW_PAGE}, {TABLE_OFFSET - HEW_PAGE, 2 * HEW_PAGE}, {HEAP_OFFSET, HEAP}};

static void copy_parts(char *to, const char *from)
{
    for (size_t i = 0; i < HEW_COUNT_OF(parts); ++i) {
        memcpy(to + parts[i].offset, from + parts[i].offset, parts[i].size);
    }
}

/* ---- single steps ---- */

static pid_t start_stopped_child(void (*body)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(2);
        }
        raise(SIGSTOP);
        state->running = 1;
        body();
        state->running = 0;
        _exit(0);
    }
    return child;
}

/* False when the child has ended. */
static bool step_once(pid_t child)
{
    int status;
    CHECK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) {
        CHECK(WEXITSTATUS(status) == 0);
        return false;
    }
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    return true;
}

static bool is_traced(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSTOPPED(status)) {
        return true;
    }
    const char *ci = getenv("CI");
    fprintf(stderr, "ptrace is not allowed here: nothing was tested\n");
    CHECK(ci == NULL || strcmp(ci, "true") != 0);
    return false;
}

/* Runs the body in a child and calls `check` at one of `stride` of its instructions; how often. */
static uint64_t step_through(void (*body)(void), uint64_t stride, void (*check)(uint64_t))
{
    pid_t child = start_stopped_child(body);
    uint64_t tried = 0;
    if (!is_traced(child)) {
        exit(0);
    }
    for (uint64_t step = seed % stride; step_once(child);) {
        if (state->running && step++ % stride == 0) {
            check(step);
            state->running =
                1; /* the check has put back what it found, perhaps with a child of its own */
            tried += 1;
        }
    }
    return tried;
}

/* ---- deaths ---- */

enum {
    SECOND_INCARNATION = 2000,
    THIRD_INCARNATION = 2001
};

static void second_body(void)
{
    recover_in_replacement(SECOND_INCARNATION);
}

static void check_second_death(uint64_t step)
{
    (void)step;
    copy_parts(second_backup, (char *)region);
    recover_in_supervisor(dead_with_actor);
    recover_in_replacement(THIRD_INCARNATION);
    check_after_death(held_at_death, dead_with_actor);
    copy_parts((char *)region, second_backup);
    second_deaths += 1;
}

static void check_death(uint64_t step)
{
    held_at_death = held_blocks();
    copy_parts(backup, (char *)region);
    for (int actor_too = 0; actor_too < 2; ++actor_too) {
        dead_with_actor = actor_too;
        recover_in_supervisor(actor_too);
        if (step % SECOND_DEATH_EVERY < STRIDE) {
            step_through(second_body, SECOND_STRIDE, check_second_death);
        } else {
            recover_in_replacement(7 + (uint32_t)step % 1000);
        }
        check_after_death(held_at_death, actor_too);
        copy_parts((char *)region, backup);
    }
}

/* The other worker has some blocks in use, and batches on the shared list. */
static uint64_t prepare_other_worker(void)
{
    hew_worker *other = start_worker(region, 1, 2);
    void *blocks[48];
    for (int i = 0; i < 48; ++i) {
        blocks[i] = hew_alloc_try(other, 5000, OTHER_ACTOR);
        CHECK(blocks[i] != NULL);
    }
    for (int i = 0; i < 36; ++i) {
        hew_free(other, blocks[i]);
    }
    CHECK(region->heap.free_batches[hew_class_of(5000)] != 0);
    return 12;
}

int main(void)
{
    seed = chosen_seed();
    region = make_region(2, HEAP, HEAP);
    CHECK((char *)(region->own_counters + 2 * HEW_COUNTER_STRIDE) <=
          (char *)region + parts[0].size);
    state = (script_state *)((char *)region + TABLE_OFFSET - HEW_PAGE);
    w = start_worker(region, 0, 1);
    others = prepare_other_worker();
    backup = malloc(region->size);
    second_backup = malloc(region->size);
    CHECK(backup != NULL && second_backup != NULL);
    uint64_t tried = step_through(script, STRIDE, check_death);
    CHECK(tried > 1000 && second_deaths > 1000 && overcommitted < (tried + second_deaths) / 50);
    printf("killed at %llu instructions, its replacement at %llu; overcommitted after %llu\n",
           (unsigned long long)tried, (unsigned long long)second_deaths,
           (unsigned long long)overcommitted);
    free(backup);
    free(second_backup);
    free_region(region);
    return 0;
}
