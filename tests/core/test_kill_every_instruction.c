/* test_kill_every_instruction.c - a worker is killed at each instruction of a script, what it leaves is recovered, run
 * to its end by a replacement, and audited.
 *
 * The script runs in a child that is single-stepped. All it shares is the region, and a kill leaves just those bytes; so
 * at each stop the region is saved, recovered in place as if the child had been killed there, and put back. The
 * script sends (first messages, segments, changes of receiver, moved values), takes, turns round, dispatches, allocates,
 * frees, spawns, parks, steals, suspends, resumes, replies, keeps a future, sleeps, waits for a place, also of an actor
 * that has ended, closes, awaits an end.
 *
 * Each (sender, receiver) must have handled 1..k in order, k being all when neither was killed; nobody waits for ever;
 * every block is accounted for. Then recovery itself is killed at its instructions, and done again.
 */
#include "alloc_audit.h"
#include "ask.h"
#include "harness.h"
#include "overflow.h"
#include "park.h"
#include "recover.h"
#include "runq.h"
#include "stack.h"
#include "timer.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

LOC(here, 9);
enum {
    LOGS = 4,
    LOG_SIZE = 64,
    SAVED_PARTS = 16,
    SLOTS = 192,
    RECOVERY_EVERY = 499,
    RECOVERY_STRIDE = 37
};

/* ---- what the script leaves to see ---- */

typedef struct results {
    volatile uint64_t log[LOGS][LOG_SIZE];
    volatile uint64_t n[LOGS];
    volatile uint64_t texts, replies, naps, kept, placed, missed, ends, started, done, wrong;
} results;
static results *seen;

/* ---- actors ---- */

static const hew_type place_type = {
    .kind = HEW_KIND_TUPLE, .flat = 1, .align = 8, .size = sizeof(hew_place), .name = "a place"};

typedef struct fields {
    int64_t id;
    hew_string *text;
} fields;
static const hew_field field_list[] = {{.name = "id", .type = &int_type, .offset = 0},
                                       {.name = "text", .type = &text_type, .offset = 8}};
static const hew_type field_type = {.kind = HEW_KIND_RECORD,
                                    .align = 8,
                                    .size = 16,
                                    .n = 2,
                                    .name = "Logger",
                                    .fields = field_list};
static const hew_actor_type logger, bounded, driver, keeper;

static void log_number(hew_worker *w, void *f, void *args);
static void log_text(hew_worker *w, void *f, void *args);
static void log_count(hew_worker *w, void *f, void *args);
static void drive(hew_worker *w, void *f, void *args);
static const hew_handler logger_handlers[] = {HANDLER(0, "number", log_number, &one_int, NULL, 0),
                                              HANDLER(1, "text", log_text, &one_text, NULL, 0),
                                              HANDLER(2, "count", log_count, NULL, &int_type, 0)};
static const hew_handler bounded_handlers[] = {HANDLER(0, "number", log_number, &one_int, NULL, 0)};
static void keep_asking(hew_worker *w, void *f, void *args);
static void keep_get(hew_worker *w, void *f, void *args);
static const hew_type future_type = {
    .kind = HEW_KIND_FUTURE, .align = 8, .size = 8, .elem = &int_type, .name = "Future<Int>"};
static const hew_field kept_list[] = {{.name = "asked", .type = &int_type, .offset = 0},
                                      {.name = "count", .type = &future_type, .offset = 8}};
static const hew_type kept_type = {
    .kind = HEW_KIND_RECORD, .align = 8, .size = 16, .n = 2, .name = "Keeper", .fields = kept_list};
static const hew_handler keeper_handlers[] = {HANDLER(0, "ask", keep_asking, NULL, NULL, 0),
                                              HANDLER(1, "get", keep_get, NULL, &int_type, 0)};
static const hew_handler driver_handlers[] = {HANDLER(0, "drive", drive, NULL, NULL, 0)};
ACTOR(logger, "Logger", 0, &field_type, logger_handlers, 0);
ACTOR(bounded, "Bounded", 1, &field_type, bounded_handlers, 2);
ACTOR(driver, "Driver", 2, NULL, driver_handlers, 0);
ACTOR(keeper, "Keeper", 3, &kept_type, keeper_handlers, 0);
static const hew_actor_type *const types[] = {&logger, &bounded, &driver, &keeper};

static void log_number(hew_worker *w, void *f, void *args)
{
    (void)w;
    uint64_t id = (uint64_t)((fields *)f)->id, n = seen->n[id];
    seen->log[id][n] = *(uint64_t *)args;
    hew_step();
    seen->n[id] = n + 1;
}
static void log_text(hew_worker *w, void *f, void *args)
{
    fields *self = f;
    hew_string *old = self->text;
    self->text = *(hew_string **)args;
    hew_drop(w, &text_type, &old);
    seen->texts++;
}
static void log_count(hew_worker *w, void *f, void *args)
{
    (void)args;
    int64_t n = (int64_t)seen->n[((fields *)f)->id];
    hew_reply(w, &n);
}

/* A future that is kept from one message to a later one; its reply comes in between. */
typedef struct kept {
    uint64_t whom;
    hew_future *count;
} kept;
static void keep_asking(hew_worker *w, void *f, void *args)
{
    (void)args;
    kept *self = f;
    (void)hew_ask_begin(w, self->whom, &logger_handlers[2], &here);
    self->count = hew_future_of_ask(w, hew_ask_commit(w));
}
static void keep_get(hew_worker *w, void *f, void *args)
{
    (void)args;
    kept *self = f;
    int64_t count = 0;
    hew_future *future = self->count;
    self->count = NULL;
    hew_await_future(w, future, &count, &here);
    hew_reply(w, &count);
}

static uint64_t spawn(hew_worker *w, const hew_actor_type *type, int64_t id)
{
    hew_string *s = hew_string_new(w, "of a logger", 11);
    fields *f = hew_spawn_begin(w, type, &here);
    f->id = id;
    f->text = s;
    return hew_spawn_commit(w);
}
static void send(hew_worker *w, uint64_t to, uint64_t from, uint64_t until)
{
    for (uint64_t i = from; i <= until; i++) {
        hew_send1(w, to, &logger_handlers[0], i, &here);
    }
}
static void send_text(hew_worker *w, uint64_t to)
{
    hew_string *s = hew_string_new(w, "moved", 5);
    *(hew_string **)hew_send_begin(w, to, &logger_handlers[1], &here) = s;
    hew_send_commit(w);
}

/* A message that waits for a place comes when its actor has ended and the slot has another. */
static void place_missed(hew_worker *w, uint64_t to)
{
    hew_node *node = hew_alloc_try(w, sizeof(hew_node) + sizeof(hew_entry) + 8, w->holder);
    *node = (hew_node){.n = 1, .end = 16, .handler = &bounded_handlers[0]};
    *(hew_entry *)(void *)node->entries = (hew_entry){.pid = (uint32_t)hew_handle_pid(to) - 1};
    hew_place place = {.node = node};
    uint64_t ticket = ++w->tickets << 8 | w->index, missed = to - (1ull << 24);
    hew_sys *s = hew_sys_new(w, missed, HEW_SYS_PLACE, ticket, &place_type, &place);
    s->about = hew_this(w);
    hew_ask_note(w, to, &bounded_handlers[0]);
    if (hew_sys_push(w, to, s)) { /* else: who has the slot now was killed */
        hew_sys_free(w, hew_sys_wait(w, HEW_WAIT_PLACE, ticket, &here), false);
    }
}

/* Whom this worker has just woken is the other's to run: found there by a thief, once in its place for the next and once
 * in its ring, and here too: whoever comes first runs it, once. */
static void to_the_other(hew_worker *w)
{
    hew_worker *other = hew_worker_at(w->region, 1);
    uint32_t entry = (uint32_t)w->run_slot;
    if (!entry) {
        return;
    }
    hew_store_relaxed(&other->run_slot, ((other->run_slot >> 32) + 1) << 32 | entry);
    hew_runq_append(other, entry);
    hew_runq_append(other, entry);
    hew_runq_append(w, entry);
    hew_store_relaxed(&w->run_slot, w->run_slot & ~0xffffffffull);
}

enum {
    FULL_0 = 26,
    FULL_1 = 15,
    FULL_2 = 5,
    FULL_3 = 3
};

static void drive(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    uint64_t a = spawn(w, &logger, 0), b = spawn(w, &logger, 1), reason[2];
    send(w, a, 1, 6); /* at once, a segment of 2, an open one */
    send(w, b, 1, 3); /* another receiver: the open one goes */
    send(w, a, 7, 7);
    send_text(w, a);
    int64_t count = 0;
    (void)hew_ask_begin(w, a, &logger_handlers[2], &here);
    hew_await_reply(w, hew_ask_commit(w), &count, &here);
    if (count != 7) {
        seen->wrong = 1;
    }
    seen->replies++;
    kept *k = hew_spawn_begin(w, &keeper, &here);
    k->whom = a;
    uint64_t keeping = hew_spawn_commit(w);
    hew_send0(w, keeping, &keeper_handlers[0], &here);
    to_the_other(w);
    hew_sleep_ns(w, 20000, &here);
    seen->naps++;
    (void)hew_ask_begin(w, keeping, &keeper_handlers[1], &here);
    hew_await_reply(w, hew_ask_commit(w), &count, &here);
    if (count != 7) {
        seen->wrong = 1;
    }
    seen->kept++;
    hew_close(w, keeping);
    send(w, a, 8, 16);
    send(w, b, 4, 5);
    for (uint64_t i = 0; i < 10; i++) { /* by turns: a node each, long chains to turn round */
        send(w, a, 17 + i, 17 + i);
        send(w, b, 6 + i, 6 + i);
    }
    uint64_t c = spawn(w, &bounded, 2);
    for (uint64_t i = 1; i <= FULL_2; i++) { /* two places: this waits */
        hew_send1(w, c, &bounded_handlers[0], i, &here);
    }
    seen->placed++;
    place_missed(w, c);
    seen->missed++;
    uint64_t d = spawn(w, &logger, 3);
    send(w, d, 1, FULL_3);
    hew_close(w, d);
    hew_await_exit(w, d, reason, &here);
    seen->ends += 1 + reason[0];
    hew_drop(w, &hew_type_exit_reason, reason);
    send(w, d, 4, 4); /* to nobody */
    hew_close(w, a);
    hew_close(w, b);
    hew_close(w, c);
    hew_await_exit(w, c, reason, &here);
    hew_drop(w, &hew_type_exit_reason, reason);
    hew_close(w, hew_this(w));
    seen->done = 1;
}

static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    (void)hew_spawn_begin(w, &driver, &here);
    uint64_t d = hew_spawn_commit(w);
    hew_send0(w, d, &driver_handlers[0], &here);
    hew_main_result(w, 0);
}
PROGRAM(program, types, start);

/* ---- the loop of a worker, bounded ---- */

static bool is_at_rest(hew_worker *w)
{
    return !w->n_timers && !(uint32_t)w->run_slot && !hew_runq_any(w->region);
}

/* Until nothing is left to run. */
static void work(hew_worker *w)
{
    hew_region *r = w->region;
    for (int idle = 0; idle < 3;) {
        hew_store_relaxed(&w->stamp, hew_ticks(r));
        hew_timer_run(w, w->stamp);
        if (hew_worker_step(w)) {
            idle = 0;
            continue;
        }
        uint32_t entry = hew_runq_steal(w);
        if (entry) {
            hew_worker_run_entry(w, entry);
        } else if (w->n_timers) {
            hew_park(w);
        } else if (!hew_worker_sweep(w) && is_at_rest(w)) {
            idle++;
        }
    }
}

/* ---- saving and putting back ---- */

static struct part {
    void *at;
    size_t size;
    char *copy[2];
} parts[SAVED_PARTS];
static int n_parts;

static void add_part(void *at, size_t size)
{
    CHECK(n_parts < SAVED_PARTS);
    parts[n_parts++] = (struct part){at, size, {malloc(size), malloc(size)}};
}
static void save(int copy)
{
    for (int i = 0; i < n_parts; i++) {
        memcpy(parts[i].copy[copy], parts[i].at, parts[i].size);
    }
}
static void put_back(int copy)
{
    for (int i = 0; i < n_parts; i++) {
        memcpy(parts[i].at, parts[i].copy[copy], parts[i].size);
    }
}

static void choose_parts(hew_region *r)
{
    add_part(r, sizeof *r);
    add_part(r->workers, (size_t)(r->n_workers + 1) * r->worker_stride);
    add_part(r->overflow, 4096);
    add_part(r->overflow + HEW_MAX_SLOTS / 64, 512);
    add_part(r->overflow + HEW_MAX_SLOTS / 64 + HEW_MAX_SLOTS / 4096, 64);
    add_part(r->overflow + HEW_OVERFLOW_WORDS - 1, 8);
    add_part(r->ended, 16 * sizeof(hew_ended_row));
    add_part(r->ended + HEW_ENDED_RING, 16 * sizeof(hew_ended_row));
    add_part(r->own_counters, (size_t)(r->n_workers + 1) * HEW_COUNTER_STRIDE * 8);
    add_part(r->handler_rows, r->n_workers * r->handlers_stride);
    add_part((void *)r->heap.span_table, 4096);
    add_part(r->actors, SLOTS * sizeof(hew_actor));
    add_part((void *)r->heap.base, r->heap.used + 8 * HEW_SPAN);
}

/* ---- the audit ---- */

extern const char __executable_start[];
static uint64_t stopped_at; /* address in the program, for addr2line */
static char killed[256];    /* recovery's own words */
static long wrong;
static uint64_t baseline;

static void report(long point, const char *what)
{
    if (wrong++ < 100) {
        printf("killed at %ld, 0x%lx (%s): %s; handled %lu %lu %lu %lu\n", point, stopped_at,
               killed, what, seen->n[0], seen->n[1], seen->n[2], seen->n[3]);
    }
}

static bool was_killed(const char *name)
{
    return strstr(killed, name) != NULL;
}

static uint64_t most_counted;

/* What is counted as timed has been counted before, and its wait before its work. */
static bool times_are_sound(hew_region *r)
{
    uint64_t counted = 0;
    for (uint32_t type = 0; type < program.n_types; type++) {
        for (uint32_t i = 0; i < types[type]->n_handlers; i++) {
            hew_handler_totals totals;
            uint64_t waited = 0, worked = 0;
            CHECK(hew_inspect_handler(r, type, i, &totals));
            for (int b = 0; b < 64; b++) {
                waited += totals.mailbox.buckets[b];
                worked += totals.work.buckets[b];
            }
            counted += totals.count;
            if (waited > totals.count || worked > waited) {
                return false;
            }
        }
    }
    most_counted = counted > most_counted ? counted : most_counted;
    return true;
}

#define NUDGES_LOST_MOST 60u
static uint32_t nudges_lost;

static const char *audit(hew_region *r)
{
    static const uint64_t full[LOGS] = {FULL_0, FULL_1, FULL_2, FULL_3};
    static char text[256];
    uint64_t live = 0, blocks = 0, c[HEW_C_COUNT];
    if (!times_are_sound(r)) {
        return "the times of messages do not fit their numbers";
    }
    for (int i = 0; i < LOGS; i++) {
        for (uint64_t k = 0; k < seen->n[i]; k++) {
            if (seen->log[i][k] != k + 1) {
                snprintf(text, sizeof text, "receiver %d handled %lu as number %lu", i,
                         seen->log[i][k], k + 1);
                return text;
            }
        }
    }
    if (!was_killed("Driver") && !was_killed("Logger") && !was_killed("Bounded") &&
        !was_killed("Keeper")) {
        if (!seen->done) {
            return "the driver did not come to its end, though nobody was killed";
        }
        for (int i = 0; i < LOGS; i++) {
            if (seen->n[i] != full[i]) {
                snprintf(text, sizeof text, "receiver %d handled %lu of %lu", i, seen->n[i],
                         full[i]);
                return text;
            }
        }
        if (seen->texts != 1) {
            return "the text did not arrive once";
        }
    }
    for (uint64_t i = 0; i < r->slots_used && i < SLOTS; i++) {
        const hew_actor *a = hew_actor_at(r, (uint32_t)i);
        hew_state state = hew_state_of(a->state);
        if (a->pid == HEW_PID_NONE) {
            continue;
        }
        if (state != HEW_S_IDLE || (a->head & HEW_OFF_MASK) != HEW_IDLE) {
            snprintf(text, sizeof text, "%s#%lu is in state %d at the end, head %lx wait %lx",
                     a->type->name, a->pid, (int)state, a->head, a->wait);
            return text;
        }
        live += (uint64_t)(a->pid != 0);
        if (a->type == &keeper) {
            const hew_future *f = ((kept *)a->fields)->count;
            blocks += 1u + (f != NULL) + (uint64_t)(f && f->reply);
            if (f && !f->reply) {
                return "a reply did not come to its future";
            }
        } else if (a->fields) {
            blocks += 1u + (uint64_t)(((fields *)a->fields)->text != NULL);
        }
    }
    if (seen->wrong) {
        return "the reply was not 7";
    }
    read_counters(r, c);
    if (c[HEW_C_ACTORS_SPAWNED] - c[HEW_C_ACTORS_ENDED] != live) {
        snprintf(text, sizeof text, "spawned %lu, ended %lu, but %lu live", c[HEW_C_ACTORS_SPAWNED],
                 c[HEW_C_ACTORS_ENDED], live);
        return text;
    }
    bool nobody_was_killed = seen->done && seen->kept;
    for (int i = 0; i < LOGS; i++) {
        nobody_was_killed = nobody_was_killed && seen->n[i] == full[i];
    }
    uint64_t sent = FULL_0 + FULL_1 + FULL_2 + FULL_3 +
                    6; /* a text, two counts, two for the keeper, the driver's own */
    if (nobody_was_killed && c[HEW_C_MESSAGES_SENT] != sent) {
        snprintf(text, sizeof text, "%lu sent, not %lu", c[HEW_C_MESSAGES_SENT], sent);
        return text;
    }
    if (c[HEW_C_MESSAGES_SENT] > sent) {
        snprintf(text, sizeof text, "%lu sent, at most %lu", c[HEW_C_MESSAGES_SENT], sent);
        return text;
    }
    if (nobody_was_killed &&
        c[HEW_C_MESSAGES_RECEIVED] + 1 < sent) { /* one off per kill is allowed */
        snprintf(text, sizeof text, "%lu received of %lu", c[HEW_C_MESSAGES_RECEIVED], sent);
        return text;
    }
    int64_t open_tasks = (int64_t)(c[HEW_C_TASKS_SPAWNED] - c[HEW_C_TASKS_COMPLETED]);
    if (open_tasks < -2 || open_tasks > 2) { /* R3: each of the two may be one off */
        snprintf(text, sizeof text, "%lu tasks spawned, %lu completed", c[HEW_C_TASKS_SPAWNED],
                 c[HEW_C_TASKS_COMPLETED]);
        return text;
    }
    hew_heap_audit heap;
    char error[256];
    if (!hew_region_audit(r, error, sizeof error)) {
        snprintf(text, sizeof text, "region: %.200s", error);
        return text;
    }
    if (!hew_alloc_audit(r, &heap, error, sizeof error)) {
        snprintf(text, sizeof text, "heap: %.200s", error);
        return text;
    }
    if (heap.used_blocks == baseline + blocks + 1 && nudges_lost < NUDGES_LOST_MOST) {
        nudges_lost++; /* recover.h R4 */
        return NULL;
    }
    if (heap.used_blocks != baseline + blocks) {
        snprintf(text, sizeof text, "%lu blocks in use, expected %lu + %lu", heap.used_blocks,
                 baseline, blocks);
        return text;
    }
    return NULL;
}

/* ---- the test ---- */

static void finish_as_replacement(hew_region *r, hew_worker *self)
{
    (void)r;
    hew_worker_begin(self, 2);
    work(self);
}

static uint64_t where(pid_t child)
{
    struct user_regs_struct registers;
    struct iovec v = {&registers, sizeof registers};
    CHECK(ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v) == 0);
#if defined(__x86_64__)
    return registers.rip - (uint64_t)(uintptr_t)__executable_start;
#else
    return registers.pc - (uint64_t)(uintptr_t)__executable_start;
#endif
}

static bool step(pid_t child)
{
    int status;
    CHECK(ptrace(PTRACE_SINGLESTEP, child, 0, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(!WIFSIGNALED(status));
    return !WIFEXITED(status);
}

/* Recovers and finishes in place; `copy` keeps the state meanwhile. */
static void check_point(hew_region *r, hew_worker *self, long point, int copy)
{
    char again[sizeof killed];
    save(copy);
    char error[256];
    if (!hew_region_audit(r, error,
                          sizeof error)) { /* as after a crash, before anything is repaired */
        report(point, error);
    }
    int main_lost = hew_recover_worker(r, 0, 1, copy ? again : killed, sizeof killed);
    if (!main_lost) {
        finish_as_replacement(r, self);
        const char *what = audit(r);
        if (what) {
            report(point, what);
        }
    }
    put_back(copy);
}

/* The child is where it is; a recovery of its death is killed at every `stride` of its instructions. */
static long check_recovery(hew_region *r, hew_worker *self, long point, long stride)
{
    char text[sizeof killed];
    long points = 0;
    save(0);
    pid_t recovery = fork();
    if (recovery == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        hew_recover_worker(r, 0, 1, text, sizeof text);
        _exit(0);
    }
    int status;
    CHECK(waitpid(recovery, &status, 0) == recovery);
    for (long j = 0; step(recovery); j++) {
        if (j % stride == 0) {
            points++;
            stopped_at = where(recovery);
            check_point(r, self, point, 1);
        }
    }
    put_back(0);
    return points;
}

int main(int argc, char **argv)
{
    long every = argc > 1 ? atol(argv[1]) : 5;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hew_region *r = make_region((run_options){.workers = 2});
    hew_region_start(r, &program);
    hew_worker *self = hew_worker_map(r, 0);
    CHECK(self && hew_stack_setup(self) == 0);
    self->timers = malloc(64 * 64);
    hew_worker_begin(self, 1);
    for (size_t size = 8; size < 3000;
         size += 16) { /* its own test kills the allocator while it makes spans */
        hew_free(self, hew_alloc_try(self, size, HEW_HOLDER_RUNTIME));
    }
    hew_heap_audit heap;
    char error[256];
    CHECK(hew_alloc_audit(r, &heap, error, sizeof error));
    baseline = heap.used_blocks - 1; /* main's start message */
    /* What a thief finds: the other worker has main in its ring. */
    hew_worker *other = hew_worker_at(r, 1);
    hew_runq_append(other, HEW_MAIN_SLOT + 1);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        seen->started = 1;
        work(self);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    while (!seen->started) {
        CHECK(step(child));
    }
    CHECK(freopen("/dev/null", "w", stderr) != NULL); /* those who get no reply say so */
    choose_parts(r);
    add_part(seen, sizeof *seen);
    long points = 0, instructions = 0, recoveries = 0, recovery_points = 0;
    while (step(child)) {
        instructions++;
        if (instructions % every == 0 || instructions % RECOVERY_EVERY == 0) { /* sets `killed` */
            points++;
            stopped_at = where(child);
            check_point(r, self, instructions, 0);
        }
        if (instructions % RECOVERY_EVERY == 0) {
            recoveries++;
            recovery_points += check_recovery(r, self, instructions, RECOVERY_STRIDE);
        }
    }
    printf("%ld recoveries killed at %ld of their instructions\n", recoveries, recovery_points);
    printf("%u times a nudge's block was lost\n", nudges_lost);
    printf("killed at %ld of %ld instructions: %ld wrong; the script itself: %s\n", points,
           instructions, wrong, seen->done ? "done" : "not done");
    return wrong != 0 || !seen->done || !seen->kept || !seen->missed || !most_counted;
}
