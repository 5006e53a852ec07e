/* message.c - see message.h; message-path.md has the measurements. */
#include "message.h"
#include "actor.h"
#include "alloc_inline.h"
#include "ask.h"
#include "handler_stats.h"
#include "mailbox.h"
#include "overflow.h"
#include "region.h"
#include "rt/value.h"
#include "runq.h"
#include "trap.h"

#include <string.h>
#include <time.h>

#define WORD_NODE     (sizeof(hew_node) + sizeof(hew_entry) + 8) /* one message of one word */
#define CROWDED_EVERY 256u /* messages to a crowded mailbox, between two looks at its actor */
#define VERY_CROWDED  (4ull * HEW_CROWDED)
#define HOLD_BACK_NS  200000 /* about 10^4 messages of a receiver that has a CPU */

/* hew_scratch.flags */
enum {
    TO_NOBODY = 1,
    SINGLE = 2,
    ASK = 4,
    NOT_FLAT = 8,
    UNCOUNTED = 16,
    PLACE = 32,
    PLAIN = 64
};

HEW_INLINE uint32_t payload_size(const hew_handler *h)
{
    return h->args ? (uint32_t)hew_round_up(h->args->size, 8) : 0;
}

/* ---- publishing ---- */

/* The receiver has ended: what the node holds is dropped. */
static HEW_COLD void drop_open(hew_worker *w, hew_node *node, uint64_t to)
{
    const hew_actor_type *type = hew_type_of_handler(w->region, node->handler);
    hew_actor_drop_node(w, type, to, node, 0);
}

/* So many wait for `a`, n of them just sent. When it does not run, our turn is over: else who is heard for a short turn
 * only never catches up with who sends for a long one. When very many wait our turn is over in any case, since turns of a
 * few messages each are slower than who handles them; and as that helps only who has a turn on this worker, the worker
 * holds back too: other workers, or the CPU that it leaves, may be those that handle them. */
static HEW_COLD void give_way_to(hew_worker *w, const hew_actor *a, uint64_t waiting, uint32_t n)
{
    bool look = waiting % CROWDED_EVERY < n; /* dear beside a send, so it is rare */
    bool runs = look && hew_state_of(hew_load_relaxed(&a->state)) == HEW_S_RUNNING;
    if (waiting >= VERY_CROWDED || (look && !runs)) {
        w->preempt = 1;
        hew_store_relaxed(&w->poll, 1u);
    }
    if (waiting >= VERY_CROWDED && look && a != w->current) {
        struct timespec t = {.tv_nsec = HOLD_BACK_NS};
        nanosleep(&t, NULL);
    }
}

/* n: the messages of it that count. */
HEW_INLINE void publish(hew_worker *w, uint64_t to, hew_node *node, uint32_t n)
{
    hew_actor *a = w->actors + hew_handle_slot(to);
    if (HEW_UNLIKELY(w->output.len)) {
        hew_print_flush(w); /* what was printed before it was sent is seen before it is handled */
    }
    hew_pushed pushed = HEW_PUSHED_NOT;
    if (HEW_LIKELY(hew_load_acquire(&a->pid) == hew_handle_pid(to) && !hew_is_closing(a))) {
        hew_count(w, MESSAGES_SENT, n);
        hew_step();
        pushed = hew_mailbox_push(w->region, a, &node->next, n);
        if (HEW_UNLIKELY(pushed >= HEW_PUSHED_NOT)) {
            hew_count(w, MESSAGES_SENT, -(uint64_t)n);
        }
    }
    hew_step();
    w->open.first = NULL;
    hew_step();
    w->open.n = w->open.end = w->open.limit = 0;
    if (pushed == HEW_PUSHED_WOKE) {
        hew_count(w, TASKS_SPAWNED, 1); /* M1 */
        hew_runq_wake(w, hew_handle_slot(to));
    } else if (HEW_UNLIKELY(pushed >= HEW_PUSHED_NOT)) {
        bool full = pushed == HEW_PUSHED_FULL;
        drop_open(w, node, to);
        if (full) {
            hew_trap_full(w, a, to, w->scratch.loc);
        }
    }
    uint64_t waiting = hew_load_relaxed(&a->head) >> HEW_COUNT_SHIFT;
    if (HEW_UNLIKELY(waiting >= HEW_CROWDED)) {
        give_way_to(w, a, waiting, n);
    }
}

HEW_NOINLINE void hew_message_publish_open(hew_worker *w)
{
    hew_open *o = &w->open;
    bool full = o->n >= o->k;
    publish(w, o->to, o->first, o->n);
    if (full && o->k < HEW_SEGMENT_MAX) {
        o->k = o->k * 2 > HEW_SEGMENT_MAX ? HEW_SEGMENT_MAX : o->k * 2;
    }
}

/* ---- opening ---- */

/* A node with room for `bytes` of entries; sends nothing yet. Until it does it is the sender's. */
static hew_node *new_node(hew_worker *w, uint32_t bytes)
{
    hew_node *node = hew_alloc_try(w, sizeof(hew_node) + bytes, w->holder);
    if (HEW_LIKELY(node != NULL)) {
        node->next = 0;
        node->n = node->end = 0;
        node->sent = hew_clock_for_node(w);
    }
    return node;
}

/* From here on recovery finds the node (S1). */
static void open_node(hew_worker *w, hew_node *node, uint64_t to)
{
    w->moved -= (int64_t)hew_block_bytes(node);
    hew_step();
    node->handler = w->scratch.handler;
    hew_step();
    w->open.first = node;
    hew_step();
    hew_block_retag(node, HEW_TAG_MSG, hew_handle_slot(to),
                    hew_sequence_nonce(w, hew_counted(w, MESSAGES_SENT) + 1));
}

static void *scratch_for(hew_worker *w, uint32_t bytes, const hew_loc *loc)
{
    w->scratch_block = NULL;
    if (bytes <= sizeof w->scratch_payload) {
        return w->scratch_payload;
    }
    w->scratch_block = hew_alloc_try(w, bytes, HEW_HOLDER_RUNTIME);
    if (!w->scratch_block) {
        hew_trap(w, "out of memory", loc);
    }
    return w->scratch_block;
}

/* Where the next message to `to` goes: a new entry in the open node, or one in a new node. */
static hew_entry *begin_slow(hew_worker *w, uint64_t to, uint32_t bytes, const hew_loc *loc)
{
    hew_scratch *s = &w->scratch;
    hew_open *o = &w->open;
    hew_message_publish(w);
    if (o->to != to) {
        o->to = to;
        o->k = 1;
    }
    hew_actor *a = hew_actor_of(w, to);
    if (HEW_UNLIKELY(!a || hew_is_closing(a))) {
        s->flags |= TO_NOBODY;
        return scratch_for(w, bytes, loc);
    }
    if (HEW_UNLIKELY(hew_load_relaxed(&a->bound))) {
        s->flags |= SINGLE | PLACE;
    }
    bool single =
        s->flags & (SINGLE | UNCOUNTED | ASK) || o->k == 1 || bytes > HEW_INLINE_PAYLOAD + 32;
    if (single) {
        s->flags |= SINGLE;
    }
    uint32_t room = single ? bytes : o->k * bytes;
    room = !single && room > HEW_NODE_BYTES - sizeof(hew_node)
               ? HEW_NODE_BYTES - (uint32_t)sizeof(hew_node)
               : room;
    hew_node *node = new_node(w, room);
    if (HEW_UNLIKELY(!node)) {
        hew_trap(w, "out of memory", loc);
    }
    s->node = node;
    if (!single) {
        o->n = o->end = 0;
        o->limit = room;
        open_node(w, node, to);
    }
    return (hew_entry *)node->entries;
}

HEW_INLINE void *begin(hew_worker *w, uint64_t to, const hew_handler *handler, const hew_loc *loc,
                       uint32_t ask)
{
    hew_scratch *s = &w->scratch;
    hew_open *o = &w->open;
    uint32_t flat = !handler->args || handler->args->flat;
    uint32_t bytes = (uint32_t)sizeof(hew_entry) + payload_size(handler) +
                     (ask ? (uint32_t)sizeof(hew_ask) : 0) + (flat ? 0 : 8);
    hew_entry *e;
    s->handler = handler;
    s->loc = loc;
    s->to = to;
    s->entry_bytes = bytes;
    s->flags = (ask ? ASK : 0) | (flat ? 0 : NOT_FLAT);
    if (HEW_LIKELY(o->to == to && o->end + bytes <= o->limit && !handler->flags)) {
        s->node = o->first;
        e = (hew_entry *)(s->node->entries + o->end);
    } else {
        s->flags |= handler->flags & HEW_HANDLER_INIT ? UNCOUNTED : 0;
        e = begin_slow(w, to, bytes, loc);
    }
    s->entry = e;
    e->handler = (uint16_t)(handler->index | (ask ? HEW_ENTRY_ASK : 0));
    e->size = (uint16_t)(s->flags & SINGLE ? 0 : bytes);
    e->pid = s->flags & SINGLE || o->end == 0 ? (uint32_t)hew_handle_pid(to) : hew_sent_later(w);
    s->payload = e->rest + (ask ? sizeof(hew_ask) : 0);
    return s->payload;
}

/* ---- committing ---- */

static HEW_COLD void commit_nobody(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    if (s->flags & NOT_FLAT) {
        hew_drop(w, s->handler->args, s->payload);
    }
    if (w->scratch_block) {
        hew_free(w, w->scratch_block);
        w->scratch_block = NULL;
    }
    if (!(s->flags & UNCOUNTED)) {
        hew_count(w, MESSAGES_DROPPED, 1);
    }
    if (s->flags & ASK) {
        hew_ask_fail_self(w, s->ticket, s->to, s->handler);
    }
}

/* Values change hands. false: out of memory, they are dropped. */
static HEW_NOINLINE bool give(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    uint64_t bytes = 0;
    w->giving_value = s->payload;
    hew_step();
    w->giving = s->handler->args; /* until it is sent: a kill leaves it to recovery to drop */
    hew_step();
    bool given = hew_give(w, s->handler->args, s->payload, hew_handle_slot(s->to), &bytes);
    memcpy((char *)s->payload + payload_size(s->handler), &bytes, sizeof bytes);
    w->moved -= (int64_t)bytes;
    return given;
}

/* To a bounded mailbox. May suspend: scratch and the open segment are another's afterwards. */
static HEW_NOINLINE void commit_bounded(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    hew_node *node = s->node;
    uint64_t to = s->to;
    hew_actor *a = hew_actor_of(w, to);
    if (a && a != w->current && !hew_place_try(w, a, to)) { /* an actor never waits for itself */
        node->handler = s->handler;
        w->moved -= (int64_t)hew_block_bytes(node);
        hew_place_wait(w, to, node, s->handler, s->loc);
        return;
    }
    w->open.to = to;
    open_node(w, node, to);
    w->giving = NULL;
    hew_step();
    publish(w, to, node, node->n);
    hew_place_done(w, a, to);
    w->open.to = HEW_NO_HANDLE; /* each is for itself */
}

static HEW_NOINLINE void commit_single(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    hew_node *node = s->node;
    uint32_t counted = s->flags & UNCOUNTED ? 0 : 1, flags = s->flags;
    if (flags & NOT_FLAT && HEW_UNLIKELY(!give(w))) {
        w->giving = NULL;
        hew_free(w, node);
        hew_trap(w, "out of memory", s->loc);
    }
    node->n = counted;
    node->end = s->entry_bytes;
    if (HEW_UNLIKELY(flags & PLACE)) {
        commit_bounded(w);
        return;
    }
    w->open.to = s->to;
    open_node(w, node, s->to);
    w->giving = NULL;
    hew_step();
    publish(w, s->to, node, counted);
    if (w->open.k == 1 && counted) {
        w->open.k = 2;
    }
}

HEW_INLINE void add_to_open(hew_worker *w, uint32_t bytes)
{
    hew_open *o = &w->open;
    hew_node *node = o->first;
    uint64_t n = o->n + 1, end = o->end + bytes;
    hew_step();
    /* one store of both: this sends it (S1) */
    hew_store_relaxed((uint64_t *)(void *)&node->n, n | end << 32);
    hew_step();
    w->giving = NULL;
    hew_step();
    o->n = (uint32_t)n;
    o->end = (uint32_t)end;
    if (o->n >= o->k) {
        hew_message_publish_open(w);
    }
}

void *hew_send_begin(hew_worker *w, uint64_t to, const hew_handler *handler, const hew_loc *loc)
{
    return begin(w, to, handler, loc, 0);
}

HEW_INLINE void commit(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    if (HEW_UNLIKELY(s->flags & TO_NOBODY)) {
        commit_nobody(w);
    } else if (s->flags & SINGLE) {
        commit_single(w);
    } else {
        if (s->flags & NOT_FLAT && HEW_UNLIKELY(!give(w))) {
            w->giving = NULL;
            hew_trap(w, "out of memory", s->loc);
        }
        add_to_open(w, s->entry_bytes);
    }
}

void hew_send_commit(hew_worker *w)
{
    commit(w);
}

/* The first word to a receiver in an activation goes at once, in a node of its own. false: another way is needed. */
HEW_INLINE bool send_first_word(hew_worker *w, uint64_t to, const hew_handler *handler,
                                uint64_t word, uint32_t bytes)
{
    hew_open *o = &w->open;
    hew_prefetch_own(&w->actors[hew_handle_slot(to)].head);
    if (o->first) {
        hew_message_publish_open(w);
    }
    if (o->to != to) {
        o->to = to;
        o->k = 1;
    }
    hew_actor *a = w->actors + hew_handle_slot(to);
    if (o->k != 1 || handler->flags || hew_load_acquire(&a->pid) != hew_handle_pid(to) ||
        hew_load_relaxed(&a->bound)) {
        return false;
    }
    hew_node *node = hew_alloc_class(w, hew_class_of(WORD_NODE), w->live_bits);
    if (HEW_UNLIKELY(!node)) {
        return false;
    }
    uint64_t *e = (uint64_t *)(void *)node->entries;
    hew_store_relaxed((uint64_t *)(void *)&node->n, 1 | (uint64_t)bytes << 32);
    node->handler = handler;
    node->sent = hew_clock_for_node(w);
    e[0] = (uint64_t)handler->index | hew_handle_pid(to) << 32; /* size 0: the only one */
    e[1] = word;
    w->moved -= hew_class_bytes[hew_class_of(WORD_NODE)];
    hew_step();
    o->first = node;
    hew_step();
    hew_store_relaxed(hew_header_of(node),
                      hew_header(HEW_TAG_MSG, hew_class_of(WORD_NODE), hew_handle_slot(to),
                                 hew_sequence_nonce(w, hew_counted(w, MESSAGES_SENT) + 1)));
    hew_step();
    publish(w, to, node, 1);
    o->k = 2;
    return true;
}

static HEW_NOINLINE void send_word_slow(hew_worker *w, uint64_t to, const hew_handler *handler,
                                        uint64_t word, uint32_t bytes, const hew_loc *loc)
{
    if (send_first_word(w, to, handler, word, bytes)) {
        return;
    }
    void *payload = begin(w, to, handler, loc, 0);
    uint32_t size = handler->args ? handler->args->size : 0;
    memcpy(payload, &word, size < 8 ? size : 8);
    commit(w);
}

HEW_INLINE void send_word(hew_worker *w, uint64_t to, const hew_handler *handler, uint64_t word,
                          uint32_t bytes, const hew_loc *loc)
{
    hew_open *o = &w->open;
    uint32_t at = o->end;
    if (HEW_UNLIKELY(o->to != to || at + bytes > o->limit || handler->flags)) {
        send_word_slow(w, to, handler, word, bytes, loc);
        return;
    }
    uint64_t *e = (uint64_t *)(void *)(o->first->entries + at);
    w->scratch.loc = loc;
    uint64_t mark = HEW_LIKELY(at) ? hew_sent_later(w) : hew_handle_pid(to);
    e[0] = (uint64_t)handler->index | (uint64_t)bytes << 16 | mark << 32;
    if (bytes > sizeof(hew_entry)) {
        e[1] = word;
    }
    add_to_open(w, bytes);
}

void hew_send0(hew_worker *w, uint64_t to, const hew_handler *handler, const hew_loc *loc)
{
    send_word(w, to, handler, 0, sizeof(hew_entry), loc);
}

void hew_send1(hew_worker *w, uint64_t to, const hew_handler *handler, uint64_t word,
               const hew_loc *loc)
{
    send_word(w, to, handler, word, sizeof(hew_entry) + 8, loc);
}

/* ---- asks ---- */

/* The most usual: flat arguments, a mailbox without bound. The node is all there is to be sent: commit_plain only
 * fills in what tells recovery so. NULL: another way is needed. */
HEW_INLINE void *begin_plain(hew_worker *w, uint64_t to, const hew_handler *handler,
                             const hew_loc *loc)
{
    hew_scratch *s = &w->scratch;
    hew_actor *a = w->actors + hew_handle_slot(to);
    uint32_t size = payload_size(handler);
    if (handler->flags || (handler->args && !handler->args->flat) || size > HEW_INLINE_PAYLOAD ||
        hew_load_acquire(&a->pid) != hew_handle_pid(to) || hew_load_relaxed(&a->bound) ||
        hew_is_closing(a)) {
        return NULL;
    }
    uint32_t bytes = (uint32_t)(sizeof(hew_entry) + sizeof(hew_ask)) + size;
    hew_message_publish(w);
    hew_node *node = hew_alloc_class(w, hew_class_of(sizeof(hew_node) + bytes), w->live_bits);
    if (HEW_UNLIKELY(!node)) {
        return NULL;
    }
    hew_store_relaxed((uint64_t *)(void *)&node->n, 1 | (uint64_t)bytes << 32);
    node->handler = handler;
    node->sent = hew_clock_for_node(w);
    hew_entry *e = (hew_entry *)node->entries;
    uint64_t ticket = ++w->tickets << 8 | w->index;
    hew_ask ask = {.asker = hew_actor_handle(w, w->current), .ticket = ticket};
    hew_store_relaxed((uint64_t *)(void *)e, /* size 0: the only one */
                      (uint64_t)(handler->index | HEW_ENTRY_ASK) | hew_handle_pid(to) << 32);
    memcpy(e->rest, &ask, sizeof ask);
    s->flags = PLAIN;
    s->handler = handler;
    s->loc = loc;
    s->to = to;
    s->ticket = ticket;
    s->node = node;
    return e->rest + sizeof ask;
}

HEW_INLINE void commit_plain(hew_worker *w)
{
    hew_scratch *s = &w->scratch;
    hew_node *node = s->node;
    w->open.to = s->to;
    w->open.k = 2;
    w->moved -= (int64_t)hew_block_bytes_inline(node);
    hew_step();
    w->open.first = node;
    hew_step();
    hew_block_retag(node, HEW_TAG_MSG, hew_handle_slot(s->to),
                    hew_sequence_nonce(w, hew_counted(w, MESSAGES_SENT) + 1));
    hew_step();
    publish(w, s->to, node, 1);
}

void *hew_ask_begin(hew_worker *w, uint64_t to, const hew_handler *handler, const hew_loc *loc)
{
    void *payload = begin_plain(w, to, handler, loc);
    if (HEW_LIKELY(payload != NULL)) {
        return payload;
    }
    payload = begin(w, to, handler, loc, 1);
    w->tickets++;
    w->scratch.ticket = w->tickets << 8 | w->index;
    hew_ask ask = {.asker = hew_actor_handle(w, w->current), .ticket = w->scratch.ticket};
    memcpy(w->scratch.entry->rest, &ask, sizeof ask);
    return payload;
}

uint64_t hew_ask_commit(hew_worker *w)
{
    uint64_t ticket = w->scratch.ticket;
    hew_store_relaxed(&w->current->wait_about, w->scratch.to);
    w->current->wait_handler = w->scratch.handler;
    if (HEW_LIKELY(w->scratch.flags == PLAIN)) {
        commit_plain(w);
        return ticket;
    }
    commit(w);
    hew_message_publish(w);
    return ticket;
}

/* ---- main ---- */

bool hew_message_start_main(hew_worker *w, hew_actor *main)
{
    hew_node *node = new_node(w, sizeof(hew_entry));
    if (!node) {
        return false;
    }
    hew_entry *e = (hew_entry *)node->entries;
    *e = (hew_entry){.handler = 0, .size = 0, .pid = 0};
    node->end = sizeof(hew_entry);
    hew_block_retag(node, HEW_TAG_MSG, HEW_MAIN_SLOT, 0);
    if (hew_mailbox_push(w->region, main, &node->next, 0) == HEW_PUSHED_WOKE) {
        hew_count(w, TASKS_SPAWNED, 1);
        hew_runq_overflow(w->region, HEW_MAIN_SLOT);
    }
    return true;
}
