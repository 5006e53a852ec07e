/* test_message.c - messages of every size, alone and by the dozen, flat and with heap values, to actors that live,
 * that end meanwhile, and that have ended: each arrives whole, in its sender's order, or is counted as dropped.
 *
 * Workers are threads. What an actor records lies in its fields, not atomic: under TSan the test also shows that an
 * actor is handed on properly from worker to worker.
 */
#include "alloc_audit.h"
#include "laws.h"
#include "rt/string.h"

enum {
    THREADS = 4,
    SENDERS = 12,
    SINKS = 10, /* of these VICTIMS are closed in the midst of it */
    VICTIMS = 4,
    ROUNDS = 300,
    KINDS = 12
};

LOC(here, 3);

/* ---- the messages ---- */

typedef struct note { /* how each payload begins */
    uint32_t sender;
    uint32_t number; /* of this sender to this receiver */
} note;

/* Bytes of a payload, note included; the last two kinds end with a String. Kind 0 is without a payload. */
static const uint32_t payload_bytes[KINDS] = {0, 8, 8, 16, 24, 56, 88, 96, 1000, 4096, 16, 1008};

#define HAS_TEXT(k) ((k) >= 10)
#define FLAT(k, bytes)                                                                             \
    static const hew_type flat_##k = {                                                             \
        .kind = HEW_KIND_TUPLE, .flat = 1, .align = 8, .size = bytes, .name = "(..)"};
#define TEXTUAL(k, bytes)                                                                          \
    static const hew_field field_##k[] = {{.type = &text_type, .offset = (bytes) - 8}};            \
    static const hew_type flat_##k = {.kind = HEW_KIND_TUPLE,                                      \
                                      .align = 8,                                                  \
                                      .size = bytes,                                               \
                                      .n = 1,                                                      \
                                      .name = "(.., String)",                                      \
                                      .fields = field_##k};
FLAT(1, 8)
FLAT(2, 8)
FLAT(3, 16)
FLAT(4, 24)
FLAT(5, 56)
FLAT(6, 88)
FLAT(7, 96)
FLAT(8, 1000)
FLAT(9, 4096)
TEXTUAL(10, 16)
TEXTUAL(11, 1008)

static char pattern(uint32_t number, uint32_t at)
{
    return (char)(number * 31 + at);
}

static uint32_t pattern_end(uint32_t kind)
{
    return payload_bytes[kind] - (HAS_TEXT(kind) ? 8u : 0u);
}

/* ---- sinks ---- */

typedef struct sink_fields {
    uint32_t expected[SENDERS];
    uint64_t blank;   /* messages without a payload */
    hew_string *text; /* the last one that came */
} sink_fields;
static const hew_field sink_field_list[] = {
    {.name = "text", .type = &text_type, .offset = offsetof(sink_fields, text)}};
static const hew_type sink_field_type = {.kind = HEW_KIND_RECORD,
                                         .align = 8,
                                         .size = sizeof(sink_fields),
                                         .n = 1,
                                         .name = "Sink",
                                         .fields = sink_field_list};
static uint64_t handled; /* atomic */

static void sink_blank(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)args;
    ((sink_fields *)fields)->blank++;
    hew_add_relaxed(&handled, 1);
}

static void receive(hew_worker *w, sink_fields *self, const char *args, uint32_t kind)
{
    note n;
    memcpy(&n, args, sizeof n);
    CHECK(n.sender < SENDERS && n.number == self->expected[n.sender]++);
    for (uint32_t i = sizeof n; i < pattern_end(kind); i++) {
        CHECK(args[i] == pattern(n.number, i));
    }
    if (HAS_TEXT(kind)) {
        hew_string *old = self->text, *s;
        memcpy(&s, args + pattern_end(kind), sizeof s);
        for (uint64_t i = 0; i < hew_string_len(s); i++) {
            CHECK(s->data[i] == 'a' + (char)(i % 26));
        }
        self->text = s;
        hew_drop(w, &text_type, &old);
    }
    hew_add_relaxed(&handled, 1);
}

#define SINK(k)                                                                                    \
    static void sink_##k(hew_worker *w, void *fields, void *args)                                  \
    {                                                                                              \
        receive(w, fields, args, k);                                                               \
    }
SINK(1)
SINK(2)
SINK(3)
SINK(4)
SINK(5)
SINK(6)
SINK(7)
SINK(8)
SINK(9)
SINK(10)
SINK(11)
#define ROW(k) HANDLER(k, "note", sink_##k, &flat_##k, NULL, 0)
static const hew_handler sink_handlers[] = {HANDLER(0, "blank", sink_blank, NULL, NULL, 0),
                                            ROW(1),
                                            ROW(2),
                                            ROW(3),
                                            ROW(4),
                                            ROW(5),
                                            ROW(6),
                                            ROW(7),
                                            ROW(8),
                                            ROW(9),
                                            ROW(10),
                                            ROW(11)};
ACTOR(sink, "Sink", 0, &sink_field_type, sink_handlers, 0);

/* ---- senders ---- */

typedef struct sender_fields {
    uint64_t seed;
    uint32_t self;
    uint32_t left; /* rounds */
    uint32_t numbers[SINKS];
    uint64_t blanks[SINKS];
} sender_fields;
static const hew_type sender_field_type = {.kind = HEW_KIND_RECORD,
                                           .flat = 1,
                                           .align = 8,
                                           .size = sizeof(sender_fields),
                                           .name = "Sender"};
static uint64_t sinks[SINKS], senders[SENDERS];
static uint64_t attempted; /* atomic; messages to sinks */

static hew_string *a_text(hew_worker *w, uint64_t *seed)
{
    static const struct {
        hew_string head;
        char data[8];
    } constant = {{.rc = -1, .len = 5, .cap = 5}, "abcde"};
    char bytes[300];
    uint64_t len = random_below(seed, sizeof bytes);
    for (uint64_t i = 0; i < len; i++) {
        bytes[i] = (char)('a' + i % 26);
    }
    return random_below(seed, 4) ? hew_string_new(w, bytes, len)
                                 : (hew_string *)(uintptr_t)&constant.head;
}

static void send_payload(hew_worker *w, uint64_t to, const hew_handler *h, note n, uint64_t *seed)
{
    hew_string *text = HAS_TEXT(h->index) ? a_text(w, seed) : NULL;
    hew_string *kept =
        text && random_below(seed, 3) == 0 ? text : NULL; /* shared: it is copied on the way */
    uint64_t len = hew_string_len(text);
    if (kept) {
        hew_retain(w, &text_type, &kept);
    }
    char *payload = hew_send_begin(w, to, h, &here);
    memcpy(payload, &n, sizeof n);
    for (uint32_t i = sizeof n; i < pattern_end(h->index); i++) {
        payload[i] = pattern(n.number, i);
    }
    if (HAS_TEXT(h->index)) {
        memcpy(payload + pattern_end(h->index), &text, sizeof text);
    }
    hew_send_commit(w);
    if (kept) {
        CHECK(hew_string_len(kept) == len &&
              (len == 0 || kept->data[len - 1] == 'a' + (char)((len - 1) % 26)));
        hew_drop(w, &text_type, &kept);
    }
}

static void send_one(hew_worker *w, sender_fields *self, uint64_t which, uint64_t kind)
{
    const hew_handler *h = &sink_handlers[kind];
    note n = {self->self, self->numbers[which]};
    hew_add_relaxed(&attempted, 1);
    if (kind == 0) {
        self->blanks[which]++;
        hew_send0(w, sinks[which], h, &here);
        return;
    }
    self->numbers[which]++;
    if (kind == 1) {
        uint64_t word;
        memcpy(&word, &n, sizeof word);
        hew_send1(w, sinks[which], h, word, &here);
        return;
    }
    send_payload(w, sinks[which], h, n, &self->seed);
}

/* Uses the slots of those that have ended again. */
static void spawn_in_between(hew_worker *w)
{
    (void)hew_spawn_begin(w, &sink, &here);
    uint64_t brief = hew_spawn_commit(w);
    hew_add_relaxed(&attempted, 1);
    hew_send0(w, brief, &sink_handlers[0], &here);
    hew_close(w, brief);
}

static void sender_go(hew_worker *w, void *fields, void *args);
static const hew_handler sender_handlers[] = {HANDLER(0, "go", sender_go, NULL, NULL, 0)};
ACTOR(sender, "Sender", 1, &sender_field_type, sender_handlers, 0);
static const hew_actor_type *const types[] = {&sink, &sender};

static void sender_go(hew_worker *w, void *fields, void *args)
{
    sender_fields *self = fields;
    (void)args;
    for (uint64_t bursts = random_below(&self->seed, 6); bursts; bursts--) {
        uint64_t which = random_below(&self->seed, SINKS), kind = random_below(&self->seed, KINDS);
        bool mixed = random_below(&self->seed, 3) == 0;
        for (uint64_t n = 1 + random_below(&self->seed, kind > 7 ? 4 : 70); n; n--) {
            send_one(w, self, which, mixed ? random_below(&self->seed, KINDS) : kind);
        }
    }
    if (random_below(&self->seed, 4) == 0) {
        spawn_in_between(w);
    }
    if (self->left == ROUNDS / 2 && self->self < VICTIMS) {
        hew_close(w, sinks[self->self]);
    }
    if (--self->left) {
        hew_send0(w, senders[self->self], &sender_handlers[0], &here);
    }
}

/* ---- the program ---- */

static uint64_t first_seed;

static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    for (uint32_t i = 0; i < SINKS; i++) {
        (void)hew_spawn_begin(w, &sink, &here);
        sinks[i] = hew_spawn_commit(w);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        *(sender_fields *)hew_spawn_begin(w, &sender, &here) =
            (sender_fields){.seed = first_seed + i, .self = i, .left = ROUNDS};
        senders[i] = hew_spawn_commit(w);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        hew_send0(w, senders[i], &sender_handlers[0], &here);
    }
    hew_main_result(w, 0);
}
PROGRAM(program, types, start);

static void *work(void *argument)
{
    const law_thread *t = argument;
    CHECK(hew_worker_run_thread(t->w->region, t->w->index, 1) == 0);
    return NULL;
}

static void check_who_lives(hew_region *r)
{
    const hew_worker *w = hew_supervisor(r);
    for (uint32_t i = 0; i < SINKS; i++) {
        uint64_t blanks = 0;
        const hew_actor *a = hew_actor_of(w, sinks[i]);
        CHECK((a == NULL) == (i < VICTIMS));
        for (uint32_t k = 0; a && k < SENDERS; k++) {
            const sender_fields *from = hew_actor_of(w, senders[k])->fields;
            CHECK(((const sink_fields *)a->fields)->expected[k] == from->numbers[i]);
            blanks += from->blanks[i];
        }
        CHECK(!a || ((const sink_fields *)a->fields)->blank == blanks);
        CHECK(!a || hew_mailbox_len(hew_supervisor(r), sinks[i]) == 0);
    }
}

/* Nothing is left of messages: the blocks in use are the fields of who lives, and their texts. */
static void check_blocks(hew_region *r, hew_heap_audit before, const uint64_t c[HEW_C_COUNT])
{
    hew_heap_audit audit;
    char error[200] = "";
    uint64_t texts = 0;
    for (uint32_t i = VICTIMS; i < SINKS; i++) {
        const sink_fields *f = hew_actor_of(hew_supervisor(r), sinks[i])->fields;
        texts += f->text && f->text->rc >= 0;
    }
    CHECK(hew_alloc_audit(r, &audit, error, sizeof error));
    CHECK(audit.lost_blocks ==
          before.lost_blocks); /* in the supervisor's cache, which the audit leaves out */
    /* before, main's start message was in use */
    CHECK(audit.used_blocks ==
          before.used_blocks - 1 + c[HEW_C_ACTORS_SPAWNED] - c[HEW_C_ACTORS_ENDED] + texts);
}

int main(void)
{
    end_after(100);
    first_seed = chosen_seed();
    hew_region *r = make_region((run_options){.workers = THREADS});
    hew_region_start(r, &program);
    hew_heap_audit audit;
    char error[200] = "";
    CHECK(hew_alloc_audit(r, &audit, error, sizeof error));
    run_threads(r, THREADS, first_seed, work);
    int64_t code;
    uint64_t c[HEW_C_COUNT];
    read_counters(r, c);
    CHECK(hew_region_verdict(r, &code) == HEW_ENDED);
    printf("%lu of %lu handled, %lu dropped\n", handled, attempted, c[HEW_C_MESSAGES_DROPPED]);
    check_who_lives(r);
    CHECK(handled + c[HEW_C_MESSAGES_DROPPED] == attempted);
    uint64_t gos = SENDERS * ROUNDS;
    CHECK(c[HEW_C_MESSAGES_RECEIVED] >=
          handled + gos); /* and those that found another in their slot */
    CHECK(c[HEW_C_MESSAGES_RECEIVED] <= c[HEW_C_MESSAGES_SENT] &&
          c[HEW_C_MESSAGES_SENT] <= attempted + gos);
    CHECK(c[HEW_C_TASKS_SPAWNED] == c[HEW_C_TASKS_COMPLETED]);
    check_blocks(r, audit, c);
    hew_region_destroy(r);
    return 0;
}
