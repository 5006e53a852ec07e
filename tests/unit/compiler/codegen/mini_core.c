/* mini_core.c - enough of the core to run compiled code in one thread, so that code generation is tested by itself.
 *
 * Values live in malloc'd blocks that are counted: at the end of a program none may be left. Messages wait in one
 * queue; who awaits a reply runs it until the reply is there. A trap unwinds to the handler's start, as the real one.
 * Linked with the object of a program into an executable: exit 0, 1 after a trap of main, 99 when blocks are left.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "hew.h"

struct hew_worker { uint32_t flag; };
hew_worker hew_self;
extern const hew_program hew_program_info;

static long blocks; /* that programs own */
static long polls;

static void *take(size_t size) { ++blocks; void *p = malloc(size ? size : 1); memset(p, 0xA5, size); return p; }
static void give(void *p) { --blocks; free(p); }

/* ---- actors and messages ---- */

typedef struct future { int32_t rc; int done, failed; const hew_type *type; char value[256]; } future;
typedef struct actor {
    const hew_actor_type *type;
    void *fields;
    int ended, closing, crashed;
    long queued;
} actor;
typedef struct message {
    struct message *next;
    uint64_t to;
    const hew_handler *handler;
    future *reply;
    char *payload;
} message;

static actor actors[4096];
static uint64_t n_actors = 1;
static message *first, **last = &first;
static uint64_t current;
static const hew_handler *current_handler;
static future *current_reply;
static message *open_message;
static actor *open_actor;
static jmp_buf *top;
static char *bottom;

static void end_actor(hew_worker *w, actor *a);
static void step(hew_worker *w);
static actor *actor_of(uint64_t handle) { return &actors[handle & 0xffffff]; }

void *hew_spawn_begin(hew_worker *w, const hew_actor_type *type, const hew_loc *loc)
{
    (void)w; (void)loc;
    open_actor = &actors[n_actors];
    open_actor->type = type;
    open_actor->fields = calloc(1, type->fields ? type->fields->size : 1);
    return open_actor->fields;
}

uint64_t hew_spawn_commit(hew_worker *w) { (void)w; uint64_t id = n_actors++; return id << 24 | id; }

static message *begin(uint64_t to, const hew_handler *h, future *reply)
{
    message *m = calloc(1, sizeof *m);
    *m = (message){.to = to, .handler = h, .reply = reply, .payload = calloc(1, h->args ? h->args->size : 8)};
    return open_message = m;
}

static void commit(hew_worker *w)
{
    message *m = open_message;
    actor *a = actor_of(m->to);
    if (a->ended || a->closing) {
        if (m->handler->args) hew_drop(w, m->handler->args, m->payload);
        if (m->reply) { m->reply->done = m->reply->failed = 1; hew_future_drop(w, (hew_future *)m->reply); }
        free(m->payload); free(m);
        return;
    }
    if (m->handler->args && !m->handler->args->flat) { /* as a message does: nothing stays shared */
        char *copy = calloc(1, m->handler->args->size);
        hew_clone(w, m->handler->args, copy, m->payload);
        hew_drop(w, m->handler->args, m->payload);
        free(m->payload);
        m->payload = copy;
    }
    ++a->queued;
    *last = m;
    last = &m->next;
}

void *hew_send_begin(hew_worker *w, uint64_t to, const hew_handler *h, const hew_loc *loc) { (void)w; (void)loc; return begin(to, h, NULL)->payload; }
void hew_send_commit(hew_worker *w) { commit(w); }
void hew_send0(hew_worker *w, uint64_t to, const hew_handler *h, const hew_loc *loc) { (void)loc; begin(to, h, NULL); commit(w); }
void hew_send1(hew_worker *w, uint64_t to, const hew_handler *h, uint64_t word, const hew_loc *loc)
{
    (void)loc;
    memcpy(begin(to, h, NULL)->payload, &word, h->args->size);
    commit(w);
}

static future *new_future(void) { future *f = take(sizeof *f); memset(f, 0, sizeof *f); f->rc = 1; return f; }

void *hew_ask_begin(hew_worker *w, uint64_t to, const hew_handler *h, const hew_loc *loc)
{
    (void)w; (void)loc;
    future *f = new_future();
    f->rc = 2;
    f->type = h->reply;
    return begin(to, h, f)->payload;
}
uint64_t hew_ask_commit(hew_worker *w) { uint64_t ticket = (uint64_t)open_message->reply; commit(w); return ticket; }
hew_future *hew_future_of_ask(hew_worker *w, uint64_t ticket) { (void)w; return (hew_future *)ticket; }

static _Unwind_Reason_Code stop(int v, _Unwind_Action a, _Unwind_Exception_Class c, struct _Unwind_Exception *e, struct _Unwind_Context *x, void *p)
{
    (void)v; (void)c; (void)e;
    if ((a & _UA_END_OF_STACK) || (char *)_Unwind_GetCFA(x) >= (char *)p) longjmp(*top, 1);
    return _URC_NO_REASON;
}

static HEW_NORETURN void raise_trap(void)
{
    static struct _Unwind_Exception ex;
    memset(&ex, 0, sizeof ex);
    _Unwind_ForcedUnwind(&ex, stop, bottom);
    abort();
}

static void end_actor(hew_worker *w, actor *a)
{
    a->ended = 1;
    if (a->type->fields) hew_drop(w, a->type->fields, a->fields);
    free(a->fields);
    a->fields = NULL;
}

static __attribute__((noinline)) void enter(hew_worker *w, const hew_handler *h, void *fields, void *payload)
{
    bottom = __builtin_frame_address(0);
    h->fn(w, fields, payload);
}

static int run(hew_worker *w, const hew_handler *h, void *fields, void *payload)
{
    jmp_buf here, *outer = top;
    char *outer_bottom = bottom;
    top = &here;
    int trapped = setjmp(here);
    if (!trapped) enter(w, h, fields, payload);
    top = outer;
    bottom = outer_bottom;
    return trapped;
}

static void step(hew_worker *w)
{
    message *m = first;
    first = m->next;
    if (!first) last = &first;
    actor *a = actor_of(m->to);
    --a->queued;
    if (a->ended) {
        if (m->handler->args) hew_drop(w, m->handler->args, m->payload);
        if (m->reply) m->reply->done = m->reply->failed = 1;
    } else {
        uint64_t outer = current;
        future *outer_reply = current_reply;
        current = m->to;
        current_reply = m->reply;
        const hew_handler *outer_handler = current_handler;
        current_handler = m->handler;
        if (run(w, m->handler, a->fields, m->payload)) {
            end_actor(w, a);
            a->crashed = 1;
            if (m->reply && !m->reply->done) m->reply->done = m->reply->failed = 1;
        }
        if (m->reply) m->reply->done = 1;
        current = outer;
        current_handler = outer_handler;
        current_reply = outer_reply;
        if (a->closing && !a->queued && !a->ended) end_actor(w, a);
    }
    if (m->reply) hew_future_drop(w, (hew_future *)m->reply);
    free(m->payload);
    free(m);
}

void hew_reply(hew_worker *w, void *value)
{
    const hew_type *t = current_handler->reply;
    if (!value || !t) return;
    if (!current_reply) { hew_drop(w, t, value); return; }
    memcpy(current_reply->value, value, t->size);
    current_reply->done = 1;
}

void hew_future_drop(hew_worker *w, hew_future *f0)
{
    future *f = (future *)f0;
    if (--f->rc) return;
    if (f->done && !f->failed && f->type && !f->type->flat) hew_drop(w, f->type, f->value);
    give(f);
}

void hew_await_future(hew_worker *w, hew_future *f0, void *out, const hew_loc *loc)
{
    future *f = (future *)f0;
    while (!f->done && first) step(w);
    int good = f->done && !f->failed;
    if (good && f->type) { memcpy(out, f->value, f->type->size); f->type = NULL; }
    hew_future_drop(w, f0);
    if (!good) hew_trap(w, "ended before it replied", loc);
}

void hew_await_reply(hew_worker *w, uint64_t ticket, void *out, const hew_loc *loc) { hew_await_future(w, (hew_future *)ticket, out, loc); }

static hew_string *text_of(const char *s, size_t n);
static void exit_reason(actor *a, void *out)
{
    char *o = out;
    memset(o, 0, 16);
    o[0] = a->crashed ? 2 : 0;
    if (a->crashed) *(hew_string **)(o + 8) = text_of("why", 3);
}
void hew_close(hew_worker *w, uint64_t h) { actor *a = actor_of(h); a->closing = 1; if (!a->queued && !a->ended && h != current) end_actor(w, a); }
void hew_await_exit(hew_worker *w, uint64_t h, void *out, const hew_loc *loc) { (void)loc; while (!actor_of(h)->ended && first) step(w); exit_reason(actor_of(h), out); }
hew_future *hew_exit_future(hew_worker *w, uint64_t h)
{
    future *f = new_future();
    while (!actor_of(h)->ended && first) step(w);
    f->done = 1;
    static const hew_type reason = {.kind = HEW_KIND_UNIT, .flat = 1, .size = 16};
    f->type = &reason;
    exit_reason(actor_of(h), f->value);
    return (hew_future *)f;
}
bool hew_is_alive(hew_worker *w, uint64_t h) { (void)w; return !actor_of(h)->ended; }
int64_t hew_mailbox_len(hew_worker *w, uint64_t h) { (void)w; return actor_of(h)->queued; }
uint64_t hew_this(hew_worker *w) { (void)w; return current; }
void hew_sleep_ns(hew_worker *w, int64_t ns, const hew_loc *loc) { (void)w; (void)ns; (void)loc; }
void hew_safepoint(hew_worker *w) { (void)w; ++polls; }
static int64_t result;
void hew_main_result(hew_worker *w, int64_t code) { (void)w; result = code; }
void hew_exit(hew_worker *w, int64_t code) { (void)w; _exit((int)(code & 255)); }

/* ---- strings and vectors ---- */

static hew_string *string_room(uint64_t len, uint64_t cap)
{
    if (!cap) return NULL;
    hew_string *s = take(sizeof *s + cap);
    s->rc = 1; s->flags = 0; s->len = len; s->cap = cap;
    return s;
}
static hew_string *text_of(const char *b, size_t n) { hew_string *s = string_room(n, n); if (n) memcpy(s->data, b, n); return s; }
static uint64_t len_of(const hew_string *s) { return s ? s->len : 0; }
static const char *data_of(const hew_string *s) { return s ? s->data : ""; }
hew_string *hew_string_new(hew_worker *w, const char *b, uint64_t n) { (void)w; return text_of(b, n); }
void hew_string_free(hew_worker *w, hew_string *s) { (void)w; if (s->rc) abort(); give(s); }
static void string_drop(hew_worker *w, hew_string *s) { if (s && s->rc >= 0 && !--s->rc) hew_string_free(w, s); }
hew_string *hew_string_concat(hew_worker *w, const hew_string *a, const hew_string *b)
{
    (void)w;
    hew_string *s = string_room(len_of(a) + len_of(b), len_of(a) + len_of(b));
    if (s) { memcpy(s->data, data_of(a), len_of(a)); memcpy(s->data + len_of(a), data_of(b), len_of(b)); }
    return s;
}
void hew_string_append(hew_worker *w, hew_string **s, const hew_string *tail)
{
    hew_string *old = *s, *n;
    if (old && old->rc == 1 && old->len + len_of(tail) <= old->cap) {
        memcpy(old->data + old->len, data_of(tail), len_of(tail));
        old->len += len_of(tail);
        return;
    }
    n = string_room(len_of(old) + len_of(tail), 2 * (len_of(old) + len_of(tail)));
    if (n) { memcpy(n->data, data_of(old), len_of(old)); memcpy(n->data + len_of(old), data_of(tail), len_of(tail)); }
    *s = n;
    string_drop(w, old);
}
static void bound(hew_worker *w, int64_t from, int64_t to, uint64_t len, const hew_loc *loc)
{
    if (from < 0 || (uint64_t)from > len) hew_trap_index(w, from, len, loc);
    if (to < from || (uint64_t)to > len) hew_trap_index(w, to, len, loc);
}
hew_string *hew_string_slice(hew_worker *w, const hew_string *s, int64_t from, int64_t to, const hew_loc *loc)
{
    bound(w, from, to, len_of(s), loc);
    if (((from < (int64_t)len_of(s)) && (s->data[from] & 0xC0) == 0x80) || ((to < (int64_t)len_of(s)) && (s->data[to] & 0xC0) == 0x80)) hew_trap(w, "not a character boundary", loc);
    return text_of(data_of(s) + from, (size_t)(to - from));
}
bool hew_string_eq(const hew_string *a, const hew_string *b) { return len_of(a) == len_of(b) && !memcmp(data_of(a), data_of(b), len_of(a)); }
int32_t hew_string_compare(const hew_string *a, const hew_string *b)
{
    uint64_t n = len_of(a) < len_of(b) ? len_of(a) : len_of(b);
    int c = memcmp(data_of(a), data_of(b), n);
    return c ? (c < 0 ? -1 : 1) : (len_of(a) > len_of(b)) - (len_of(a) < len_of(b));
}
int64_t hew_string_find(const hew_string *s, const hew_string *what)
{
    const char *at = memmem(data_of(s), len_of(s), data_of(what), len_of(what));
    return at ? at - data_of(s) : -1;
}
uint64_t hew_string_next_char(const hew_string *s, uint64_t at, uint32_t *c)
{
    unsigned char b = (unsigned char)s->data[at];
    int n = b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    *c = n == 1 ? b : b & (0x7Fu >> n);
    for (int i = 1; i < n; ++i) *c = *c << 6 | ((unsigned char)s->data[at + i] & 0x3F);
    return at + n;
}
hew_string *hew_string_trim(hew_worker *w, const hew_string *s)
{
    (void)w;
    const char *a = data_of(s), *e = a + len_of(s);
    while (a < e && strchr(" \t\r\n", *a)) ++a;
    while (e > a && strchr(" \t\r\n", e[-1])) --e;
    return text_of(a, (size_t)(e - a));
}
void hew_string_parse_int(const hew_string *s, void *out)
{
    char *o = out, text[32] = {0}, *end;
    memset(o, 0, 16);
    if (len_of(s) < sizeof text) memcpy(text, data_of(s), len_of(s));
    long long v = strtoll(text, &end, 10);
    if (!*text || *end) o[0] = 1; else memcpy(o + 8, &v, 8);
}

static const hew_type string_type = {.kind = HEW_KIND_STRING, .align = 8, .size = 8, .name = "String"};
hew_vec *hew_vec_new(hew_worker *w, const hew_type *t, int64_t cap, const hew_loc *loc)
{
    if (cap < 0) hew_trap(w, "negative capacity", loc);
    hew_vec *v = take(sizeof *v);
    *v = (hew_vec){.rc = 1, .cap = (uint64_t)cap, .data = cap ? take((size_t)cap * t->size) : NULL};
    return v;
}
static bool is_box(const hew_vec *v) { return v->data == (const char *)(v + 1); }
hew_vec *hew_box_new(hew_worker *w, const hew_type *t, const void *value, const hew_loc *loc)
{
    (void)w; (void)loc;
    hew_vec *v = take(sizeof *v + t->size);
    *v = (hew_vec){.rc = 1, .len = 1, .cap = 1, .data = (char *)(v + 1)};
    memcpy(v->data, value, t->size);
    return v;
}
void hew_vec_grow(hew_worker *w, const hew_type *t, hew_vec *v)
{
    (void)w;
    uint64_t cap = v->cap ? v->cap * 2 : 4;
    char *data = take(cap * t->size);
    if (v->len) memcpy(data, v->data, v->len * t->size);
    if (v->data) give(v->data);
    v->data = data; v->cap = cap;
}
void hew_vec_clear(hew_worker *w, const hew_type *t, hew_vec *v) { for (uint64_t i = 0; i < v->len; ++i) hew_drop(w, t, v->data + i * t->size); v->len = 0; }
void hew_vec_free(hew_worker *w, const hew_type *t, hew_vec *v) { if (v->rc) abort(); hew_vec_clear(w, t, v); if (v->data && !is_box(v)) give(v->data); give(v); }
hew_vec *hew_vec_filled(hew_worker *w, const hew_type *t, int64_t n, const void *value, const hew_loc *loc)
{
    hew_vec *v = hew_vec_new(w, t, n < 0 ? 0 : n, loc);
    for (; v->len < (uint64_t)(n < 0 ? 0 : n); ++v->len) hew_clone(w, t, v->data + v->len * t->size, value);
    return v;
}
hew_vec *hew_vec_slice(hew_worker *w, const hew_type *t, const hew_vec *v, int64_t from, int64_t to, const hew_loc *loc)
{
    bound(w, from, to, v->len, loc);
    hew_vec *n = hew_vec_new(w, t, to - from, loc);
    for (; from < to; ++from, ++n->len) { memcpy(n->data + n->len * t->size, v->data + (uint64_t)from * t->size, t->size); hew_retain(w, t, n->data + n->len * t->size); }
    return n;
}
bool hew_vec_contains(const hew_type *t, const hew_vec *v, const void *x) { for (uint64_t i = 0; i < v->len; ++i) if (hew_eq(t, v->data + i * t->size, x)) return true; return false; }
static void push_text(hew_worker *w, hew_vec *v, const char *b, size_t n) { if (v->len == v->cap) hew_vec_grow(w, &string_type, v); ((hew_string **)v->data)[v->len++] = text_of(b, n); }
hew_vec *hew_string_split(hew_worker *w, const hew_string *s, const hew_string *sep)
{
    hew_vec *v = hew_vec_new(w, &string_type, 0, NULL);
    const char *a = data_of(s), *e = a + len_of(s), *at;
    while ((at = memmem(a, (size_t)(e - a), data_of(sep), len_of(sep)))) { push_text(w, v, a, (size_t)(at - a)); a = at + len_of(sep); }
    push_text(w, v, a, (size_t)(e - a));
    return v;
}
static int n_args;
static char **arg_list;
hew_vec *hew_args(hew_worker *w, const hew_type *t) { hew_vec *v = hew_vec_new(w, t, 0, NULL); for (int i = 1; i < n_args; ++i) push_text(w, v, arg_list[i], strlen(arg_list[i])); return v; }
void hew_env(hew_worker *w, const hew_string *name, void *out) { (void)w; (void)name; memset(out, 0, 16); *(char *)out = 1; }
double hew_f64_pow(double a, double b) { return pow(a, b); }
double hew_f64_mod(double a, double b) { return fmod(a, b); }

/* ---- walks over values ---- */

typedef enum { RETAIN, DROP } verb;
static void walk(hew_worker *w, verb v, const hew_type *t, char *p)
{
    if (t->flat) return;
    switch (t->kind) {
    case HEW_KIND_STRING: { hew_string *s = *(hew_string **)p; if (v == DROP) string_drop(w, s); else if (s && s->rc >= 0) ++s->rc; break; }
    case HEW_KIND_BOX:
    case HEW_KIND_VEC: { hew_vec *x = *(hew_vec **)p; if (!x) break; if (v == RETAIN) ++x->rc; else if (!--x->rc) hew_vec_free(w, t->elem, x); break; }
    case HEW_KIND_FUTURE: { future *f = *(future **)p; if (!f) break; if (v == RETAIN) ++f->rc; else hew_future_drop(w, (hew_future *)f); break; }
    case HEW_KIND_ENUM: { const hew_variant *x = &t->variants[(unsigned char)*p]; for (uint32_t i = 0; i < x->n_fields; ++i) walk(w, v, x->fields[i].type, p + x->fields[i].offset); break; }
    default: for (uint32_t i = 0; i < t->n; ++i) walk(w, v, t->fields[i].type, p + t->fields[i].offset);
    }
}
void hew_retain(hew_worker *w, const hew_type *t, const void *p) { walk(w, RETAIN, t, (char *)p); }
void hew_drop(hew_worker *w, const hew_type *t, void *p) { walk(w, DROP, t, p); }
void hew_clone(hew_worker *w, const hew_type *t, void *dst, const void *src)
{
    char *d = dst;
    memmove(d, src, t->size);
    if (t->flat) return;
    switch (t->kind) {
    case HEW_KIND_STRING: { hew_string *s = *(hew_string **)d; if (s) *(hew_string **)d = text_of(s->data, s->len); break; }
    case HEW_KIND_VEC: {
        hew_vec *x = *(hew_vec **)d, *n = hew_vec_new(w, t->elem, (int64_t)x->len, NULL);
        for (; n->len < x->len; ++n->len) hew_clone(w, t->elem, n->data + n->len * t->elem->size, x->data + n->len * t->elem->size);
        *(hew_vec **)d = n;
        break;
    }
    case HEW_KIND_BOX: {
        hew_vec *x = *(hew_vec **)d, *n = hew_box_new(w, t->elem, x->data, NULL);
        hew_clone(w, t->elem, n->data, x->data);
        *(hew_vec **)d = n;
        break;
    }
    case HEW_KIND_ENUM: { const hew_variant *x = &t->variants[(unsigned char)*d]; for (uint32_t i = 0; i < x->n_fields; ++i) hew_clone(w, x->fields[i].type, d + x->fields[i].offset, d + x->fields[i].offset); break; }
    default: for (uint32_t i = 0; i < t->n; ++i) hew_clone(w, t->fields[i].type, d + t->fields[i].offset, d + t->fields[i].offset);
    }
}
static int32_t order(const hew_type *t, const char *a, const char *b);
static int32_t order_fields(const hew_field *f, uint32_t n, const char *a, const char *b)
{
    int32_t c = 0;
    for (uint32_t i = 0; i < n && !c; ++i) c = order(f[i].type, a + f[i].offset, b + f[i].offset);
    return c;
}
#define NUMBERS(kind, type) case kind: { type x, y; memcpy(&x, a, sizeof x); memcpy(&y, b, sizeof y); return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; }
static int32_t order(const hew_type *t, const char *a, const char *b)
{
    switch (t->kind) {
    NUMBERS(HEW_KIND_BOOL, uint8_t) NUMBERS(HEW_KIND_I8, int8_t) NUMBERS(HEW_KIND_I16, int16_t) NUMBERS(HEW_KIND_I32, int32_t) NUMBERS(HEW_KIND_I64, int64_t)
    NUMBERS(HEW_KIND_U8, uint8_t) NUMBERS(HEW_KIND_U16, uint16_t) NUMBERS(HEW_KIND_U32, uint32_t) NUMBERS(HEW_KIND_U64, uint64_t)
    NUMBERS(HEW_KIND_F32, float) NUMBERS(HEW_KIND_F64, double) NUMBERS(HEW_KIND_CHAR, uint32_t) NUMBERS(HEW_KIND_HANDLE, uint64_t)
    case HEW_KIND_UNIT: return 0;
    case HEW_KIND_STRING: return hew_string_compare(*(hew_string **)a, *(hew_string **)b);
    case HEW_KIND_BOX:
    case HEW_KIND_VEC: {
        hew_vec *x = *(hew_vec **)a, *y = *(hew_vec **)b;
        for (uint64_t i = 0; i < x->len && i < y->len; ++i) { int32_t c = order(t->elem, x->data + i * t->elem->size, y->data + i * t->elem->size); if (c) return c; }
        return (x->len > y->len) - (x->len < y->len);
    }
    case HEW_KIND_ENUM: if (*a != *b) return *a < *b ? -1 : 1; return order_fields(t->variants[(unsigned char)*a].fields, t->variants[(unsigned char)*a].n_fields, a, b);
    default: return order_fields(t->fields, t->n, a, b);
    }
}
bool hew_eq(const hew_type *t, const void *a, const void *b) { return order(t, a, b) == 0; }
int32_t hew_compare(const hew_type *t, const void *a, const void *b) { return order(t, a, b); }

/* ---- text ---- */

static char *text;
static size_t text_len, text_cap;
static void put(const char *b, size_t n)
{
    if (text_len + n > text_cap) text = realloc(text, text_cap = 2 * (text_len + n) + 64);
    memcpy(text + text_len, b, n);
    text_len += n;
}
static void puts_(const char *s) { put(s, strlen(s)); }
static void put_f64(double v, int digits_max)
{
    char s[64];
    for (int d = 1; d <= digits_max; ++d) { snprintf(s, sizeof s, "%.*g", d, v); if (digits_max == 17 ? strtod(s, NULL) == v : strtof(s, NULL) == (float)v) break; }
    if (isnan(v)) { puts_("nan"); return; }
    char *e = strchr(s, 'e');
    if (e && fabs(v) < 1e16 && fabs(v) >= 1) snprintf(s, sizeof s, "%.0f", v);
    else if (e && fabs(v) < 1 && atoi(e + 1) >= -4) snprintf(s, sizeof s, "%.*f", 20, v);
    puts_(s);
}
static void put_char(uint32_t c)
{
    char b[4];
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (n == 1) b[0] = (char)c;
    else { for (int i = n - 1; i; --i, c >>= 6) b[i] = (char)(0x80 | (c & 0x3F)); b[0] = (char)((0xF00 >> n) | c); }
    put(b, (size_t)n);
}
static void put_quoted(const char *b, size_t n, char q)
{
    put(&q, 1);
    for (size_t i = 0; i < n; ++i) {
        const char *e = b[i] == '\n' ? "\\n" : b[i] == '\t' ? "\\t" : b[i] == '\r' ? "\\r" : b[i] == '\\' ? "\\\\" : b[i] == q ? (q == '"' ? "\\\"" : "\\'") : NULL;
        if (e) puts_(e); else put(b + i, 1);
    }
    put(&q, 1);
}
static void show(const hew_type *t, const char *p, int quoted);
static void show_fields(const hew_field *f, uint32_t n, const char *p, const char *open, const char *close)
{
    puts_(open);
    for (uint32_t i = 0; i < n; ++i) { if (i) puts_(", "); if (f[i].name) { puts_(f[i].name); puts_(": "); } show(f[i].type, p + f[i].offset, 1); }
    puts_(close);
}
#define SHOW(kind, type, format) case kind: { type v; memcpy(&v, p, sizeof v); snprintf(s, sizeof s, format, v); puts_(s); break; }
static void show(const hew_type *t, const char *p, int quoted)
{
    char s[64];
    switch (t->kind) {
    SHOW(HEW_KIND_I8, int8_t, "%d") SHOW(HEW_KIND_I16, int16_t, "%d") SHOW(HEW_KIND_I32, int32_t, "%d") SHOW(HEW_KIND_I64, int64_t, "%ld")
    SHOW(HEW_KIND_U8, uint8_t, "%u") SHOW(HEW_KIND_U16, uint16_t, "%u") SHOW(HEW_KIND_U32, uint32_t, "%u") SHOW(HEW_KIND_U64, uint64_t, "%lu")
    case HEW_KIND_UNIT: puts_("()"); break;
    case HEW_KIND_BOOL: puts_(*p ? "true" : "false"); break;
    case HEW_KIND_F64: { double v; memcpy(&v, p, 8); put_f64(v, 17); break; }
    case HEW_KIND_F32: { float v; memcpy(&v, p, 4); put_f64(v, 9); break; }
    case HEW_KIND_CHAR: { uint32_t c; memcpy(&c, p, 4); size_t at = text_len; put_char(c); if (quoted) { char b[4]; size_t n = text_len - at; memcpy(b, text + at, n); text_len = at; put_quoted(b, n, '\''); } break; }
    case HEW_KIND_STRING: { hew_string *x = *(hew_string **)p; if (quoted) put_quoted(data_of(x), len_of(x), '"'); else put(data_of(x), len_of(x)); break; }
    case HEW_KIND_VEC: { hew_vec *v = *(hew_vec **)p; puts_("["); for (uint64_t i = 0; i < v->len; ++i) { if (i) puts_(", "); show(t->elem, v->data + i * t->elem->size, 1); } puts_("]"); break; }
    case HEW_KIND_TUPLE: show_fields(t->fields, t->n, p, "(", ")"); break;
    case HEW_KIND_RECORD: puts_(t->name); show_fields(t->fields, t->n, p, " { ", " }"); break;
    case HEW_KIND_ENUM: { const hew_variant *v = &t->variants[(unsigned char)*p]; puts_(v->name); if (v->n_fields) show_fields(v->fields, v->n_fields, p, "(", ")"); break; }
    case HEW_KIND_HANDLE: { uint64_t h; memcpy(&h, p, 8); snprintf(s, sizeof s, "%s#%lu", t->name, h >> 24); puts_(s); break; }
    default: puts_("?");
    }
}
void hew_text_begin(hew_worker *w) { (void)w; text_len = 0; }
void hew_text_bytes(hew_worker *w, const char *b, uint64_t n) { (void)w; put(b, n); }
void hew_text_value(hew_worker *w, const hew_type *t, const void *p) { (void)w; show(t, p, 0); }
void hew_text_string_piece(hew_worker *w, const hew_string *s) { (void)w; put(data_of(s), len_of(s)); }
void hew_text_i64(hew_worker *w, int64_t v) { (void)w; char s[32]; snprintf(s, sizeof s, "%ld", v); puts_(s); }
void hew_text_u64(hew_worker *w, uint64_t v) { (void)w; char s[32]; snprintf(s, sizeof s, "%lu", v); puts_(s); }
void hew_text_f64(hew_worker *w, double v) { (void)w; put_f64(v, 17); }
hew_string *hew_text_string(hew_worker *w) { (void)w; return text_of(text, text_len); }
void hew_text_print(hew_worker *w, int fd, bool newline) { (void)w; if (newline) put("\n", 1); if (write(fd, text, text_len) < 0) abort(); }
hew_string *hew_to_string(hew_worker *w, const hew_type *t, const void *p) { text_len = 0; show(t, p, 0); return hew_text_string(w); }
hew_string *hew_string_join(hew_worker *w, const hew_vec *v, const hew_string *sep)
{
    text_len = 0;
    for (uint64_t i = 0; i < v->len; ++i) { hew_string *s = ((hew_string **)v->data)[i]; if (i) put(data_of(sep), len_of(sep)); put(data_of(s), len_of(s)); }
    return hew_text_string(w);
}

/* ---- traps ---- */

static HEW_NORETURN void trapped(const char *words, const hew_loc *loc)
{
    fprintf(stderr, "[hew] %s in %s at %s:%u:%u: %s\n", current ? "crash" : "main trapped", loc->function, loc->file, loc->line, loc->column, words);
    raise_trap();
}
void hew_trap(hew_worker *w, const char *words, const hew_loc *loc) { (void)w; trapped(words, loc); }
void hew_trap_string(hew_worker *w, hew_string *s, const hew_loc *loc)
{
    static char words[1024];
    snprintf(words, sizeof words, "%.*s", (int)len_of(s), data_of(s));
    string_drop(w, s);
    trapped(words, loc);
}
void hew_trap_index(hew_worker *w, int64_t i, uint64_t n, const hew_loc *loc)
{
    char s[96];
    (void)w;
    snprintf(s, sizeof s, "index %ld out of range for length %lu", i, n);
    trapped(s, loc);
}
void hew_trap_values(hew_worker *w, const char *kind, const hew_type *t, const void *l, const void *r, const hew_loc *loc)
{
    (void)w;
    text_len = 0;
    if (!strcmp(kind, "assert_eq")) { puts_("assertion failed: left "); show(t, l, 1); puts_(", right "); show(t, r, 1); }
    else if (!strcmp(kind, "assert_ne")) { puts_("assertion failed: both "); show(t, l, 1); }
    else if (!strcmp(kind, "unwrap_err")) { puts_("unwrap of Err("); show(t, l, 1); puts_(")"); }
    else { show(&string_type, l, 0); puts_(": "); show(t, r, 1); }
    put("", 1);
    trapped(text, loc);
}

int main(int argc, char **argv)
{
    hew_worker *w = &hew_self;
    n_args = argc;
    arg_list = argv;
    hew_self.flag = getenv("MINI_POLL") != NULL;
    actors[0].type = hew_program_info.main;
    int failed = run(w, &hew_program_info.main->handlers[0], NULL, NULL);
    while (first) step(w);
    for (uint64_t i = 1; i < n_actors; ++i) if (!actors[i].ended) end_actor(w, &actors[i]);
    if (blocks) { fprintf(stderr, "mini core: %ld blocks are left\n", blocks); return 99; }
    if (getenv("MINI_POLL")) fprintf(stderr, "mini core: %ld polls\n", polls);
    free(text);
    return failed ? 1 : (int)(result & 255);
}
