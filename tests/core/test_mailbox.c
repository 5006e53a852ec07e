/* test_mailbox.c - the mailbox against a plain queue: what is pushed comes out once, in order, and the depth is right.
 *
 * Alone at random, both queues of an actor at every step of take and reversal; then with several threads, each of
 * which sends, and receives when its push has woken the actor. The receiver's record is not atomic: under TSan the
 * test also shows that the mailbox hands it over properly.
 */
#include "laws.h"
#include "mailbox.h"

enum {
    QUEUE = 64,
    ALONE_STEPS = 200000,
    SENDERS = 4,
    BURSTS = 20000
};

static const hew_handler nothing_handlers[] = {HANDLER(0, "nothing", NULL, NULL, NULL, 0)};
ACTOR(nothing, "Nothing", 0, NULL, nothing_handlers, 0);

typedef struct letter { /* a node, as far as the mailbox looks at it, and what it is */
    uint64_t next;
    uint32_t n;
    uint32_t sender;
    uint64_t number;
} letter;

static hew_actor *new_actor(hew_worker *w)
{
    (void)hew_spawn_begin(w, &nothing, NULL);
    return hew_actor_of(w, hew_spawn_commit(w));
}

static letter *new_letter(hew_worker *w, uint32_t n, uint32_t sender, uint64_t number)
{
    letter *l = hew_alloc_try(w, sizeof *l, HEW_HOLDER_RUNTIME);
    CHECK(l);
    *l = (letter){.n = n, .sender = sender, .number = number};
    return l;
}

/* ---- alone ---- */

typedef struct model { /* of one of the two queues */
    uint64_t pushed, taken, popped;
    uint64_t waiting; /* messages pushed and not popped */
    uint64_t most;    /* that ever waited */
    letter *letters[QUEUE];
} model;

static model mail, system_mail;

static void push(hew_worker *w, hew_actor *a, model *m, uint64_t *seed)
{
    bool at_rest = (a->head & HEW_OFF_MASK) == HEW_IDLE;
    bool sys = m == &system_mail;
    uint32_t n = sys ? 0 : (uint32_t)random_below(seed, 31);
    letter *l = new_letter(w, n, 0, m->pushed);
    m->letters[m->pushed++ % QUEUE] = l;
    m->waiting += n;
    m->most = m->waiting > m->most ? m->waiting : m->most;
    hew_pushed pushed = sys ? hew_mailbox_push_sys(w->region, a, &l->next)
                            : hew_mailbox_push(w->region, a, &l->next, n);
    CHECK(pushed == (!sys && at_rest ? HEW_PUSHED_WOKE : HEW_PUSHED));
}

static void pop(hew_worker *w, hew_actor *a, model *m)
{
    uint64_t *fifo = hew_chain_of(a, m == &system_mail ? HEW_FOR_SYS : 0);
    letter *l = hew_at(w->region, *fifo);
    CHECK(l == m->letters[m->popped % QUEUE] && l->number == m->popped);
    m->popped++;
    m->waiting -= l->n;
    if (m == &mail) {
        hew_mailbox_mark(a);
        CHECK(a->hwm == m->most);
        a->left -= l->n;
    }
    *fifo = l->next;
    hew_free(w, l);
}

static void take(hew_worker *w, hew_actor *a, model *m)
{
    bool sys = m == &system_mail;
    uint64_t waiting = m->waiting, n = m->pushed - m->popped;
    bool took =
        hew_mailbox_take(w->region, a, sys ? &a->sys_head : &a->head, sys ? HEW_FOR_SYS : 0);
    CHECK(took == (n > 0));
    m->taken = m->pushed;
    CHECK(sys || !took || (a->left == waiting && a->hwm == m->most));
}

static void check_holds(hew_region *r, const hew_actor *a, const model *m)
{
    for (uint64_t i = m->popped; m == &mail && i < m->pushed; i++) {
        CHECK(hew_mailbox_holds(r, a, m->letters[i % QUEUE]));
    }
    for (uint64_t i = m->popped; m != &mail && i < m->pushed; i++) {
        const letter *l = m->letters[i % QUEUE];
        CHECK(hew_chain_holds(r, a->sys_fifo, l) || hew_chain_holds(r, a->sys_head, l) ||
              hew_chain_holds(r, a->rev, l));
    }
}

static void step_alone(hew_worker *w, hew_actor *a, uint64_t *seed)
{
    hew_region *r = w->region;
    model *m = random_below(seed, 3) ? &mail : &system_mail;
    uint64_t chain = m == &mail ? a->fifo : a->sys_fifo;
    switch (random_below(seed, 7)) {
    case 0:
    case 1:
    case 2:
        if (m->pushed - m->popped < 40) {
            push(w, a, m, seed);
        }
        break;
    case 3:
        if (a->rev) {
            uint64_t turned = random_below(seed, 4);
            CHECK(hew_mailbox_reverse(r, a, (uint32_t)turned) == (a->rev == 0));
        }
        break;
    case 4: /* what was turned round so far is the newest: nothing is popped before all is */
        for (uint64_t n = random_below(seed, 8); chain && !a->rev && n; n--) {
            pop(w, a, m);
            chain = m == &mail ? a->fifo : a->sys_fifo;
        }
        break;
    case 5:
        if (!a->rev && !chain) {
            take(w, a, m);
        }
        break;
    case 6: /* to rest, when there is nothing */
        if (mail.pushed == mail.popped) {
            uint64_t h = a->head;
            CHECK((h & HEW_OFF_MASK) == HEW_EMPTY || (h & HEW_OFF_MASK) == HEW_IDLE);
            a->head = (h & HEW_EPOCH) | HEW_IDLE;
        }
        break;
    }
}

static void test_what_is_pushed_is_popped_in_order_at_every_depth(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    hew_actor *a = new_actor(w);
    for (int i = 0; i < ALONE_STEPS; i++) {
        step_alone(w, a, &seed);
        CHECK(hew_mailbox_depth(a) == mail.waiting);
        hew_actor before = *a;
        hew_mailbox_recover(r, a); /* of what is whole: changes nothing */
        CHECK(memcmp(&before, a, sizeof before) == 0);
        if (i % 100 == 0) {
            check_holds(r, a, &mail);
            check_holds(r, a, &system_mail);
        }
    }
    CHECK(mail.popped > 1000 && system_mail.popped > 1000);
    hew_region_destroy(r);
}

/* Stopped before the exchange of a take, or after it, or between two steps of a reversal, as a death may stop it. */
static void test_recovery_of_a_take_or_reversal_cut_short_loses_nothing(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    hew_actor *a = new_actor(w);
    for (int round = 0; round < 3000; round++) {
        uint64_t n = 1 + random_below(&seed, 6), sum = 0, cut = random_below(&seed, 6);
        for (uint64_t i = 0; i < n; i++) {
            uint32_t count = (uint32_t)random_below(&seed, 31);
            sum += count;
            (void)hew_mailbox_push(r, a, &new_letter(w, count, 0, i)->next, count);
        }
        uint64_t h = a->head, off = h & HEW_OFF_MASK;
        a->take = (h & (HEW_OFF_MASK | HEW_EPOCH)) | HEW_VALID;
        if (cut > 0) {
            a->left = (uint32_t)(h >> HEW_COUNT_SHIFT);
        }
        if (cut > 1) {
            a->head = (h & HEW_EPOCH) ^ HEW_EPOCH;
        }
        if (cut > 2) {
            *(hew_next_of(r, off) ? &a->rev : &a->fifo) = off;
        }
        if (cut > 3) {
            a->take = 0;
        }
        if (cut > 4 && a->rev) { /* the pivot of one step stands, its stores are done or not */
            uint64_t next = hew_next_of(r, off);
            a->pivot = next | HEW_VALID;
            if (random_below(&seed, 2)) {
                *(uint64_t *)hew_at(r, off) = a->fifo;
                a->fifo = off;
            }
        }
        hew_mailbox_recover(r, a);
        hew_mailbox_recover(r, a);
        CHECK(!a->take && !a->pivot && hew_mailbox_depth(a) == sum);
        for (uint64_t i = 0; i < n;) {
            if (a->rev) {
                hew_mailbox_reverse(r, a, 1);
            } else if (a->fifo) {
                letter *l = hew_at(r, a->fifo);
                CHECK(l->number == i++);
                a->fifo = l->next;
                hew_free(w, l);
            } else {
                CHECK(hew_mailbox_take(r, a, &a->head, 0));
            }
        }
        CHECK(!a->rev && !a->fifo && !hew_head_has_nodes(a->head));
        a->left = 0;
    }
    hew_region_destroy(r);
}

static void test_a_dead_mailbox_and_a_full_one_take_nothing(void)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    hew_actor *a = new_actor(w);
    letter *l = new_letter(w, 30, 0, 0), *more = new_letter(w, 1, 0, 1);
    CHECK(hew_mailbox_push(r, a, &l->next, 0xffffff) == HEW_PUSHED_WOKE);
    uint64_t head = a->head;
    CHECK(hew_mailbox_push(r, a, &more->next, 1) == HEW_PUSHED_FULL && a->head == head);
    CHECK(hew_mailbox_push(r, a, &more->next, 0) == HEW_PUSHED);
    a->head = HEW_DEAD | (a->head & HEW_EPOCH);
    head = a->head;
    CHECK(hew_mailbox_push(r, a, &l->next, 1) == HEW_PUSHED_NOT && a->head == head);
    CHECK(!hew_mailbox_take(r, a, &a->head, 0));
    hew_region_destroy(r);
}

/* ---- several threads ---- */

static hew_actor *shared_actor;
static uint64_t sent[SENDERS], wakes[SENDERS], messages_sent[SENDERS]; /* by each thread */

static struct { /* by who runs the actor: never two at a time */
    uint64_t expected[SENDERS];
    uint64_t activations, messages;
    bool is_running;
} receiver;

static void receive(hew_worker *w, letter *l)
{
    CHECK(l->sender < SENDERS);
    CHECK(l->number == receiver.expected[l->sender]);
    receiver.expected[l->sender]++;
    receiver.messages += l->n;
    hew_actor *a = shared_actor;
    hew_mailbox_mark(a);
    hew_store_relaxed(&a->left, a->left - l->n);
    a->fifo = l->next;
    hew_free(w, l);
}

static void activate(hew_worker *w, uint64_t *seed)
{
    hew_region *r = w->region;
    hew_actor *a = shared_actor;
    CHECK(!receiver.is_running);
    receiver.is_running = true;
    receiver.activations++;
    for (;;) {
        while (a->rev) {
            hew_mailbox_reverse(r, a, 1 + (uint32_t)random_below(seed, 3));
        }
        if (a->fifo) {
            receive(w, hew_at(r, a->fifo));
        } else if (!hew_mailbox_take(r, a, &a->head, 0)) {
            uint64_t h = hew_load_relaxed(&a->head);
            receiver.is_running = false;
            if ((h & HEW_OFF_MASK) == HEW_EMPTY &&
                hew_cas_seq(&a->head, &h, (h & HEW_EPOCH) | HEW_IDLE)) {
                return;
            }
            receiver.is_running = true;
        }
    }
}

static void *send_and_receive(void *argument)
{
    law_thread *t = argument;
    hew_worker *w = t->w;
    uint32_t self = w->index;
    for (int burst = 0; burst < BURSTS; burst++) {
        for (uint64_t k = random_below(&t->seed, 6); k; k--) {
            uint32_t n = (uint32_t)random_below(&t->seed, 31);
            letter *l = new_letter(w, n, self, sent[self]++);
            messages_sent[self] += n;
            hew_pushed pushed = hew_mailbox_push(w->region, shared_actor, &l->next, n);
            CHECK(pushed == HEW_PUSHED || pushed == HEW_PUSHED_WOKE);
            if (pushed == HEW_PUSHED_WOKE) {
                wakes[self]++;
                activate(w, &t->seed);
            }
        }
        uint64_t depth = hew_mailbox_depth(shared_actor); /* anybody may ask */
        CHECK(depth <= 30ull * SENDERS * 6 * BURSTS);
    }
    return NULL;
}

static void test_of_many_senders_nothing_is_lost_and_each_rest_ends_with_one_wake(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = SENDERS});
    shared_actor = new_actor(begin_worker(r, 0));
    uint64_t all_wakes = 0, all_messages = 0;
    run_threads(r, SENDERS, seed, send_and_receive);
    for (int i = 0; i < SENDERS; i++) {
        CHECK(receiver.expected[i] == sent[i]);
        all_wakes += wakes[i];
        all_messages += messages_sent[i];
    }
    CHECK(all_wakes == receiver.activations && all_messages == receiver.messages);
    CHECK((shared_actor->head & HEW_OFF_MASK) == HEW_IDLE);
    CHECK(shared_actor->head >> HEW_COUNT_SHIFT == 0 && shared_actor->left == 0);
    CHECK(hew_mailbox_depth(shared_actor) == 0 && shared_actor->hwm <= all_messages);
    printf("%lu letters, %lu wakes, mark %u\n", sent[0] + sent[1] + sent[2] + sent[3], all_wakes,
           shared_actor->hwm);
    hew_region_destroy(r);
}

int main(void)
{
    uint64_t seed = chosen_seed();
    end_after(100);
    test_what_is_pushed_is_popped_in_order_at_every_depth(seed);
    test_recovery_of_a_take_or_reversal_cut_short_loses_nothing(seed);
    test_a_dead_mailbox_and_a_full_one_take_nothing();
    test_of_many_senders_nothing_is_lost_and_each_rest_ends_with_one_wake(seed);
    return 0;
}
