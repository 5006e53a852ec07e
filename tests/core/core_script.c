/* core_script.c - does to the core what the lines on standard input say, for tests/property/test_core_laws.py.
 *
 * A script is lines of words; for each one line of answer comes back. All is done by one thread: the same script
 * gives the same answers.
 */
#include "alloc_audit.h"
#include "harness.h"
#include "mailbox.h"
#include "runq.h"

enum {
    WORKERS = 2,
    BLOCKS = 512,
    LETTERS = 512
};

static const hew_handler nothing_handlers[] = {HANDLER(0, "nothing", NULL, NULL, NULL, 0)};
ACTOR(nothing, "Nothing", 0, NULL, nothing_handlers, 0);

static hew_region *region;
static hew_actor *receiver;
static struct {
    unsigned char *at;
    uint64_t size;
} blocks[BLOCKS];
static struct letter {
    uint64_t next, n, number;
} *letters[2][LETTERS]; /* of the mailbox, of the system queue */

static hew_worker *begin(uint32_t index, uint32_t incarnation)
{
    hew_worker *w = hew_worker_at(region, index);
    w->thread_mode = 1;
    w->random = index;
    hew_worker_begin(w, incarnation);
    return w;
}

static void start(void)
{
    region = make_region((run_options){.workers = WORKERS, .heap_max = 24 << 20});
    for (uint32_t i = WORKERS; i-- > 0;) {
        begin(i, 1);
    }
    hew_worker *w = hew_worker_at(region, 0);
    (void)hew_spawn_begin(w, &nothing, NULL);
    receiver = hew_actor_of(w, hew_spawn_commit(w));
}

/* ---- allocator ---- */

static uint64_t counted(hew_counter more, hew_counter less)
{
    uint64_t c[HEW_C_COUNT];
    read_counters(region, c);
    return c[more] - c[less];
}

static void answer_heap(uint64_t first, uint64_t second)
{
    hew_heap_audit audit;
    char error[200] = "";
    if (!hew_alloc_audit(region, &audit, error, sizeof error)) {
        printf("bad %s\n", error);
        return;
    }
    printf("%lu %lu %lu %lu %lu %lu %lu\n", first, second,
           counted(HEW_C_ALLOC_COUNT, HEW_C_DEALLOC_COUNT),
           counted(HEW_C_BYTES_ALLOCATED, HEW_C_BYTES_FREED), audit.used_blocks, audit.used_bytes,
           audit.lost_blocks);
}

static void do_alloc(uint64_t worker, uint64_t id, uint64_t size, uint64_t holder)
{
    unsigned char *at =
        hew_alloc_try(hew_worker_at(region, (uint32_t)worker), size, (uint32_t)holder);
    CHECK(id < BLOCKS && !blocks[id].at);
    if (at) {
        CHECK(hew_block_size(at) >= size && hew_header_holder(*hew_header_of(at)) == holder);
        memset(at, (int)(id & 255), size);
        blocks[id].at = at;
        blocks[id].size = size;
    }
    answer_heap((uint64_t)at, at ? hew_block_bytes(at) : 0);
}

static void check_bytes(uint64_t id)
{
    for (uint64_t i = 0; i < blocks[id].size; i++) {
        CHECK(blocks[id].at[i] == (id & 255));
    }
}

static void do_free(uint64_t worker, uint64_t id)
{
    check_bytes(id);
    hew_free(hew_worker_at(region, (uint32_t)worker), blocks[id].at);
    blocks[id].at = NULL;
    answer_heap(0, 0);
}

/* The worker dies at rest while it runs the actor of that slot; another life of it sweeps. */
static void do_die(uint64_t worker, uint64_t slot)
{
    hew_worker *w = hew_worker_at(region, (uint32_t)worker);
    uint32_t next = w->incarnation + 1;
    w->dead = 1;
    hew_alloc_recover(region, (uint32_t)worker);
    w->n_sweep = 1;
    w->sweep_slots[0] = (uint32_t)slot;
    begin((uint32_t)worker, next);
    while (hew_alloc_sweep(w)) {
    }
    w->n_sweep = 0;
    answer_heap(0, 0);
}

/* ---- mailbox ---- */

static void answer_mailbox(uint64_t first)
{
    uint64_t depth = hew_mailbox_depth(receiver);
    uint64_t most = receiver->hwm > depth ? receiver->hwm : depth;
    printf("%lu %lu %lu %lu\n", first, depth, most, (uint64_t)(receiver->head & HEW_OFF_MASK));
}

static void do_push(uint64_t sys, uint64_t number, uint64_t n)
{
    struct letter *l = hew_alloc_try(hew_worker_at(region, 0), sizeof *l, HEW_HOLDER_RUNTIME);
    CHECK(l);
    *l = (struct letter){.n = n, .number = number};
    letters[sys][number % LETTERS] = l;
    answer_mailbox(sys ? hew_mailbox_push_sys(region, receiver, &l->next)
                       : hew_mailbox_push(region, receiver, &l->next, (uint32_t)n));
}

static void do_pop(uint64_t sys)
{
    uint64_t *fifo = hew_chain_of(receiver, sys ? HEW_FOR_SYS : 0);
    struct letter *l = hew_at(region, *fifo);
    CHECK(l);
    uint64_t number = l->number;
    *fifo = l->next;
    if (!sys) {
        hew_mailbox_mark(receiver);
        receiver->left -= (uint32_t)l->n;
    }
    hew_free(hew_worker_at(region, 0), l);
    answer_mailbox(number);
}

static void do_take(uint64_t sys)
{
    answer_mailbox(hew_mailbox_take(region, receiver, sys ? &receiver->sys_head : &receiver->head,
                                    sys ? HEW_FOR_SYS : 0));
}

static void do_rest(void)
{
    uint64_t h = receiver->head;
    bool empty = (h & HEW_OFF_MASK) == HEW_EMPTY;
    if (empty) {
        receiver->head = (h & HEW_EPOCH) | HEW_IDLE;
    }
    answer_mailbox(empty);
}

/* ---- run queue ---- */

static void answer_queue(uint64_t entry)
{
    printf("%lu %d\n", entry, hew_runq_any(region));
}

static void do_slot(hew_worker *w)
{
    uint64_t entry = (uint32_t)w->run_slot;
    w->run_slot &= ~0xffffffffull;
    answer_queue(entry);
}

/* ---- scripts ---- */

static void run_line(const char *line)
{
    char word[16];
    unsigned long a = 0, b = 0, c = 0, d = 0;
    CHECK(sscanf(line, "%15s %lu %lu %lu %lu", word, &a, &b, &c, &d) >= 1);
    hew_worker *w = hew_worker_at(region, a < WORKERS ? (uint32_t)a : 0);
    if (!strcmp(word, "alloc")) {
        do_alloc(a, b, c, d);
    } else if (!strcmp(word, "free")) {
        do_free(a, b);
    } else if (!strcmp(word, "die")) {
        do_die(a, b);
    } else if (!strcmp(word, "forget")) { /* freed by a sweep */
        blocks[a].at = NULL;
        answer_heap(0, 0);
    } else if (!strcmp(word, "push")) {
        do_push(a, b, c);
    } else if (!strcmp(word, "take")) {
        do_take(a);
    } else if (!strcmp(word, "reverse")) {
        answer_mailbox(hew_mailbox_reverse(region, receiver, (uint32_t)a));
    } else if (!strcmp(word, "pop")) {
        do_pop(a);
    } else if (!strcmp(word, "rest")) {
        do_rest();
    } else if (!strcmp(word, "append")) {
        hew_runq_append(w, (uint32_t)b + 1);
        answer_queue(0);
    } else if (!strcmp(word, "wake")) {
        hew_runq_wake(w, (uint32_t)b);
        answer_queue((uint32_t)w->run_slot);
    } else if (!strcmp(word, "overflow")) {
        hew_runq_overflow(region, (uint32_t)b);
        answer_queue(0);
    } else if (!strcmp(word, "ring")) {
        answer_queue(hew_ring_pop(w));
    } else if (!strcmp(word, "refill")) {
        answer_queue(hew_runq_refill(w));
    } else if (!strcmp(word, "steal")) {
        answer_queue(hew_runq_steal(w));
    } else if (!strcmp(word, "slot")) {
        do_slot(w);
    } else {
        fprintf(stderr, "no such line: %s", line);
        exit(2);
    }
}

int main(void)
{
    char line[128];
    setvbuf(stdout, NULL, _IOLBF, 4096);
    start();
    while (fgets(line, sizeof line, stdin)) {
        run_line(line);
    }
    return 0;
}
