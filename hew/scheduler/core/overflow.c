/* overflow.c - see overflow.h. */
#include "overflow.h"
#include "actor.h"
#include "ask.h"
#include "mailbox.h"
#include "message.h"
#include "region.h"
#include "trap.h"

#include <string.h>

static const hew_type place_type = {.kind = HEW_KIND_TUPLE,
                                    .flat = 1,
                                    .align = 8,
                                    .size = sizeof(hew_place),
                                    .name = "a place in a mailbox"};

HEW_INLINE hew_place *place_of(hew_sys *s)
{
    return (hew_place *)(void *)s->value;
}

/* ---- places ---- */

/* Of several that reserve at once the last sees all the others, as reserved or as queued: reservations are read first,
 * then the head, then what was taken out of it. Too much may be counted on the way, never too little. */
static bool has_room(const hew_region *r, const hew_actor *a, uint64_t to)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const hew_worker *v = hew_worker_at(r, i);
        n += hew_load_seq(&v->reserved_place) == to + 1 && !hew_load_seq(&v->dead);
    }
    n += hew_load_seq(&a->head) >> HEW_COUNT_SHIFT;
    n += hew_load_seq(&a->left);
    return n <= hew_load_relaxed(&a->bound);
}

static bool reserve(hew_worker *w, const hew_actor *a, uint64_t to)
{
    hew_store_seq(&w->reserved_place, to + 1);
    if (has_room(w->region, a, to)) {
        return true;
    }
    hew_store_seq(&w->reserved_place, 0ull);
    return false;
}

bool hew_place_try(hew_worker *w, const hew_actor *a, uint64_t to)
{
    return !hew_load_seq(&a->n_waiters) && reserve(w, a, to);
}

static void nudge(hew_worker *w, uint64_t to)
{
    (void)hew_sys_push(w, to, hew_sys_new(w, to, HEW_SYS_NUDGE, 0, NULL, NULL));
}

void hew_place_done(hew_worker *w, const hew_actor *a, uint64_t to)
{
    if (!w->reserved_place) {
        return; /* it has ended, or is the sender itself */
    }
    hew_step();
    w->released_place = to + 1; /* B3 holds over a death */
    hew_step();
    hew_store_seq(&w->reserved_place,
                  0ull); /* pairs with hew_place_asked: n_waiters, then the look */
    if (HEW_UNLIKELY(hew_load_seq(&a->n_waiters))) {
        nudge(w, to);
    }
    hew_step();
    w->released_place = 0;
}

/* ---- the sender's side ---- */

void hew_place_wait(hew_worker *w, uint64_t to, hew_node *node, const hew_handler *h,
                    const hew_loc *loc)
{
    uint64_t ticket = ++w->tickets << 8 | w->index;
    hew_place place = {.node = node};
    hew_sys *s = hew_sys_new(w, to, HEW_SYS_PLACE, ticket, &place_type, &place);
    s->about = hew_actor_handle(w, w->current);
    if (hew_sys_push(w, to, s)) {
        hew_ask_note(w, to, h);
        hew_sys_free(w, hew_sys_wait(w, HEW_WAIT_PLACE, ticket, loc), false);
    }
}

void hew_place_drop(hew_worker *w, hew_sys *s)
{
    hew_node *node = place_of(s)->node;
    if (node) {
        const hew_actor_type *type = hew_type_of_handler(w->region, node->handler);
        uint64_t about = hew_handle(s->pid, 0);
        hew_actor_fail_asks(w, type, about, node, 0);
        hew_step();
        place_of(s)->node = NULL;
        hew_step();
        hew_actor_drop_node(w, type, about, node, 0);
    }
}

/* ---- the receiver's side ---- */

void hew_place_asked(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    hew_sys *newest = a->waiters;
    if (newest != s) { /* else: killed after it was linked */
        if (newest && newest->link != s) {
            s->link = newest->link;
            hew_step();
            newest->link = s;
        } else if (!newest) {
            s->link = s;
        }
        hew_step();
        a->waiters = s;
        hew_store_seq(&a->n_waiters, a->n_waiters + 1);
    }
    hew_step();
    a->sys_fifo = next;
    hew_place_grant(w, a);
}

static void unlink_oldest(hew_actor *a, const hew_sys *s)
{
    hew_sys *newest = a->waiters;
    if (newest == s) {
        a->waiters = NULL;
    } else if (newest && newest->link == s) {
        newest->link = s->link;
    }
    hew_step();
}

/* The block goes back to the sender. */
static void send_back(hew_worker *w, hew_sys *s)
{
    s->kind = HEW_SYS_GRANTED;
    s->pid = hew_handle_pid(s->about);
    hew_step();
    (void)hew_sys_push(w, s->about, s);
}

/* The mailbox is neither DEAD nor full; it may be at rest, when a system message made the actor run (M1). */
static void put_in(hew_worker *w, hew_actor *a, hew_node *node)
{
    if (hew_mailbox_push(w->region, a, &node->next, node->n) == HEW_PUSHED_WOKE) {
        hew_count(w, TASKS_SPAWNED, 1);
    }
}

/* Of the oldest one. deliver: its message is put into the mailbox, for which there is room. */
static void let_go(hew_worker *w, hew_actor *a, bool deliver)
{
    hew_sys *s = a->waiters->link;
    hew_place *place = place_of(s);
    hew_node *node = place->node;
    w->letting_header = hew_load_relaxed(hew_header_of(s));
    hew_step();
    w->letting = s;
    hew_step();
    if (deliver && node) {
        place->sent = hew_counted(w, MESSAGES_SENT) + node->n;
        hew_step();
        hew_store_relaxed(&w->counters[HEW_C_MESSAGES_SENT], place->sent);
        hew_step();
        put_in(w, a, node);
        hew_step();
        place->node = NULL;
        hew_step();
    } else {
        hew_place_drop(w, s);
    }
    unlink_oldest(a, s);
    hew_store_seq(&a->n_waiters, a->n_waiters - 1);
    hew_step();
    send_back(w, s);
    hew_step();
    w->letting = NULL;
}

void hew_place_grant(hew_worker *w, hew_actor *a)
{
    uint64_t self = hew_actor_handle(w, a);
    while (a->waiters && (hew_is_closing(a) || reserve(w, a, self))) {
        let_go(w, a, !hew_is_closing(a));
        hew_step();
        hew_store_seq(&w->reserved_place, 0ull);
    }
}

void hew_place_missed(hew_worker *w, hew_actor *a, hew_sys *s, uint64_t next)
{
    w->letting_header = hew_load_relaxed(hew_header_of(s));
    hew_step();
    w->letting = s;
    hew_step();
    a->sys_fifo = next;
    hew_place_drop(w, s);
    send_back(w, s);
    hew_step();
    w->letting = NULL;
}

void hew_place_end(hew_worker *w, hew_actor *a)
{
    while (a->waiters) {
        let_go(w, a, false);
    }
}

/* ---- after a death ---- */

/* Since it is marked dead its reservation does not count. */
void hew_place_recover(hew_worker *w, hew_worker *dead)
{
    uint64_t place = dead->reserved_place ? dead->reserved_place : dead->released_place;
    if (place) {
        const hew_actor *a = hew_actor_of(w, place - 1);
        if (a && hew_load_seq(&a->n_waiters)) {
            nudge(w, place - 1);
        }
        hew_step();
        hew_store_seq(&dead->reserved_place, 0ull);
        hew_step();
        dead->released_place = 0;
    }
}

/* Still the receiver's, or already the sender's? */
static bool is_still_here(const hew_worker *dead, const hew_sys *s)
{
    return s && hew_load_relaxed(hew_header_of(s)) == dead->letting_header;
}

static bool is_waiting(const hew_actor *a, const hew_sys *wanted)
{
    const hew_sys *s = a->waiters;
    while (s && s != wanted) {
        s = s->link == a->waiters ? NULL : s->link;
    }
    return s != NULL;
}

static void finish_letting(hew_worker *w, hew_worker *dead, hew_actor *a)
{
    hew_sys *s = dead->letting;
    if (!is_still_here(dead, s)) {
        return;
    }
    hew_place *place = place_of(s);
    if (hew_chain_holds(w->region, a->sys_fifo, s) ||
        (place->node && !place->sent && is_waiting(a, s))) {
        return; /* not begun */
    }
    if (place->node && place->sent) {
        hew_store_relaxed(&dead->counters[HEW_C_MESSAGES_SENT], place->sent);
        if (!hew_mailbox_holds(w->region, a, place->node)) {
            put_in(w, a, place->node);
        }
        hew_step();
        place->node = NULL;
        hew_step();
    }
    hew_place_drop(w, s);
    unlink_oldest(a, s);
    send_back(w, s);
}

void hew_place_recover_waiters(hew_worker *w, hew_worker *dead, hew_actor *a)
{
    if (a->pid == HEW_PID_NONE) {
        return;
    }
    finish_letting(w, dead, a);
    hew_step();
    dead->letting = NULL;
    uint32_t n = 0;
    for (const hew_sys *s = a->waiters; s; s = s->link == a->waiters ? NULL : s->link) {
        n++;
    }
    hew_store_seq(&a->n_waiters, n);
    if (n) {
        nudge(w, hew_actor_handle(w, a));
    }
}
