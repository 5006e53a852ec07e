/* value.c - see value.h. */
#include "rt/value.h"

#include <string.h>

#include "layout.h"
#include "rt/string.h"
#include "rt/vec.h"
#include "rt/walk.h"

const hew_type hew_type_string = {.kind = HEW_KIND_STRING, .align = 8, .size = 8, .name = "String"};

void hew_trap_memory(hew_worker *w, const hew_loc *loc)
{
    hew_trap(w, "out of memory", loc);
}

/* ---- keep and drop ---- */

/* For each field of a record or tuple, or of an enum's present variant, that may hold a pointer. */
#define EACH_FIELD(field, t, value)                                                                \
    for (const hew_field *field = fields_of(t, value), *end_ = field + n_fields_of(t, value);      \
         field != end_; ++field)                                                                   \
        if (!field->type->flat)

static const hew_field *fields_of(const hew_type *t, const void *value)
{
    return t->kind == HEW_KIND_ENUM ? t->variants[*(const uint8_t *)value].fields : t->fields;
}

static uint32_t n_fields_of(const hew_type *t, const void *value)
{
    return t->kind == HEW_KIND_ENUM ? t->variants[*(const uint8_t *)value].n_fields : t->n;
}

static void retain_string(hew_string *s)
{
    if (s != NULL && s->rc > 0) {
        s->rc += 1;
    }
}

static void retain_future(hew_future *f)
{
    if (f != NULL) {
        f->rc += 1;
    }
}

void hew_retain(hew_worker *w, const hew_type *t, const void *value)
{
    if (t->flat) {
        return;
    }
    switch (t->kind) {
    case HEW_KIND_STRING: retain_string(*(hew_string *const *)value); break;
    case HEW_KIND_VEC:
    case HEW_KIND_BOX: hew_vec_retain(*(hew_vec *const *)value); break;
    case HEW_KIND_FUTURE: retain_future(*(hew_future *const *)value); break;
    default:
        EACH_FIELD(field, t, value)
        {
            hew_retain(w, field->type, (const char *)value + field->offset);
        }
    }
}

/* A Vec without references, waiting for its elements to be dropped: the list of them needs no
 * memory of its own. */
typedef struct dead_vec {
    struct dead_vec *next; /* over rc and flags */
    uint64_t len;
    const hew_type *elem; /* over cap */
    char *data;
} dead_vec;
_Static_assert(sizeof(dead_vec) == sizeof(hew_vec), "a dead Vec lies in a Vec");
_Static_assert(offsetof(dead_vec, len) == offsetof(hew_vec, len), "a dead Vec keeps its length");
_Static_assert(offsetof(dead_vec, data) == offsetof(hew_vec, data), "a dead Vec keeps its data");

static dead_vec *bury(hew_vec *v, const hew_type *elem, dead_vec *list)
{
    dead_vec *dead = (dead_vec *)v;
    dead->next = list;
    dead->elem = elem;
    return dead;
}

static void drop_parts(hew_worker *w, const hew_type *t, void *value, dead_vec **list)
{
    switch (t->kind) {
    case HEW_KIND_STRING: {
        hew_string *s = *(hew_string **)value;
        if (s != NULL && s->rc > 0 && --s->rc == 0) {
            hew_string_free(w, s);
        }
        break;
    }
    case HEW_KIND_VEC:
    case HEW_KIND_BOX: {
        hew_vec *v = *(hew_vec **)value;
        if (v != NULL && v->rc > 0 && --v->rc == 0) {
            *list = bury(v, t->elem, *list);
        }
        break;
    }
    case HEW_KIND_FUTURE:
        if (*(hew_future **)value != NULL) {
            hew_future_drop(w, *(hew_future **)value);
        }
        break;
    default:
        EACH_FIELD(field, t, value)
        {
            drop_parts(w, field->type, (char *)value + field->offset, list);
        }
    }
}

static void drop_elements(hew_worker *w, const hew_type *elem, char *data, uint64_t n,
                          dead_vec **list)
{
    if (!elem->flat) {
        for (uint64_t i = 0; i < n; ++i) {
            drop_parts(w, elem, data + i * elem->size, list);
        }
    }
}

static void free_dead(hew_worker *w, dead_vec *list)
{
    while (list != NULL) {
        dead_vec *dead = list;
        list = dead->next;
        drop_elements(w, dead->elem, dead->data, dead->len, &list);
        if (hew_vec_has_data((const hew_vec *)dead)) {
            hew_free(w, dead->data);
        }
        hew_free(w, dead);
    }
}

void hew_drop(hew_worker *w, const hew_type *t, void *value)
{
    if (!t->flat) {
        dead_vec *list = NULL;
        drop_parts(w, t, value, &list);
        free_dead(w, list);
    }
}

void hew_vec_free(hew_worker *w, const hew_type *elem, hew_vec *v)
{
    free_dead(w, bury(v, elem, NULL));
}

void hew_drop_again(hew_worker *w, const hew_type *t, void *value)
{
    if (t->kind == HEW_KIND_STRING) {
        hew_string *s = *(hew_string **)value;
        /* a constant has no header */
        if (s == NULL || s->rc < 0 || hew_header_tag(*hew_header_of(s)) == HEW_TAG_FREE) {
            return;
        }
        if (s->rc == 0 || --s->rc == 0) {
            hew_string_free(w, s);
        }
    } else if (hew_is_vec(t)) {
        hew_vec *v = *(hew_vec **)value;
        if (v != NULL && v->rc > 0 && hew_header_tag(*hew_header_of(v)) != HEW_TAG_FREE) {
            hew_drop(w, t, value); /* begun already: what is left of it is lost */
        }
    } else if (t->kind != HEW_KIND_FUTURE) {
        EACH_FIELD(field, t, value)
        {
            hew_drop_again(w, field->type, (char *)value + field->offset);
        }
    }
}

void hew_drop_elements(hew_worker *w, const hew_type *elem, char *data, uint64_t n)
{
    dead_vec *list = NULL;
    drop_elements(w, elem, data, n, &list);
    free_dead(w, list);
}

/* ---- copy and give ---- */

/* How the items of a frame are held. */
enum hold {
    OWNED,    /* by the value at hand: move what nobody else holds */
    BORROWED, /* bytes copied from a Vec that keeps its own: take no reference away */
};

typedef struct copying {
    hew_worker *w;
    hew_walk walk;
    uint32_t receiver;
    uint64_t bytes; /* of the blocks handed over */
    bool failed;    /* memory ran out: what would be a copy becomes the zero pattern, and all is
                       dropped at the end */
} copying;

static void hand_over(copying *c, void *block)
{
    c->bytes += hew_block_bytes(block);
    hew_block_retag(block, HEW_TAG_LIVE, c->receiver, 0);
}

/* A copy was made for the receiver; NULL: there was no memory for it. */
static void count_copy(copying *c, const void *block)
{
    c->failed |= block == NULL;
    c->bytes += block == NULL ? 0 : hew_block_bytes(block);
}

static hew_vec *room_for(copying *c, const hew_type *t, const hew_vec *v)
{
    return c->failed                 ? NULL
           : t->kind == HEW_KIND_BOX ? hew_box_try(c->w, t->elem, c->receiver)
                                     : hew_vec_try(c->w, t->elem, v->len, c->receiver);
}

/* A Vec of its own with the same bytes as elements; it does not own them yet. */
static hew_vec *copy_vec(copying *c, const hew_type *t, const hew_vec *v)
{
    const hew_type *elem = t->elem;
    hew_vec *copy = room_for(c, t, v);
    count_copy(c, copy);
    if (copy == NULL) {
        return NULL;
    }
    if (hew_vec_has_data(copy)) {
        count_copy(c, copy->data);
    }
    if (v->len != 0 && elem->size != 0) {
        memcpy(copy->data, v->data, v->len * elem->size);
    }
    copy->len = v->len;
    return copy;
}

static void enter_elements(copying *c, const hew_type *t, hew_vec **v, enum hold hold)
{
    if (*v != NULL && !t->elem->flat) {
        hew_walk_enter(&c->walk, t, v, NULL, hold);
    }
}

static void give_string(copying *c, hew_string **at, enum hold hold)
{
    hew_string *s = *at;
    if (s == NULL || s->rc < 0) {
        return;
    }
    if (hold == OWNED && s->rc == 1) {
        hand_over(c, s);
        return;
    }
    *at = c->failed ? NULL : hew_string_try(c->w, s->data, s->len, c->receiver);
    count_copy(c, *at);
    s->rc -= hold == OWNED;
}

static void give_vec(copying *c, const hew_type *t, hew_vec **at, enum hold hold)
{
    hew_vec *v = *at;
    if (v == NULL) {
        return;
    }
    if (hold == OWNED && v->rc == 1) {
        hand_over(c, v);
        if (hew_vec_has_data(v)) {
            hand_over(c, v->data);
        }
        enter_elements(c, t, at, OWNED);
        return;
    }
    *at = copy_vec(c, t, v);
    v->rc -= hold == OWNED;
    enter_elements(c, t, at, BORROWED);
}

static void give_item(copying *c, const hew_type *t, void *at, enum hold hold)
{
    switch (t->kind) {
    case HEW_KIND_STRING: give_string(c, at, hold); break;
    case HEW_KIND_VEC:
    case HEW_KIND_BOX: give_vec(c, t, at, hold); break;
    case HEW_KIND_FUTURE: break; /* never sent: E0507 */
    default: hew_walk_enter(&c->walk, t, at, NULL, hold);
    }
}

bool hew_give(hew_worker *w, const hew_type *t, void *value, uint32_t slot, uint64_t *bytes)
{
    *bytes = 0;
    if (t->flat) {
        return true;
    }
    copying c = {.w = w, .receiver = slot};
    hew_walk_begin(&c.walk);
    give_item(&c, t, value, OWNED);
    hew_item item;
    while (hew_walk_next(&c.walk, &item)) {
        if (!item.type->flat) {
            give_item(&c, item.type, item.a, (enum hold)item.tag);
        }
    }
    hew_walk_end(&c.walk);
    if (c.failed) {
        hew_drop(w, t, value);
        memset(value, 0, t->size);
    } else {
        *bytes = c.bytes;
    }
    return !c.failed;
}

/* Inside one actor a string is shared, since nobody can change it; a Vec gets a copy of its own. */
static void clone_item(copying *c, const hew_type *t, void *at)
{
    switch (t->kind) {
    case HEW_KIND_STRING: retain_string(*(hew_string **)at); break;
    case HEW_KIND_VEC:
    case HEW_KIND_BOX: {
        hew_vec **v = at;
        if (*v != NULL) {
            *v = copy_vec(c, t, *v);
            enter_elements(c, t, v, BORROWED);
        }
        break;
    }
    case HEW_KIND_FUTURE: retain_future(*(hew_future **)at); break;
    default: hew_walk_enter(&c->walk, t, at, NULL, BORROWED);
    }
}

bool hew_try_clone(hew_worker *w, const hew_type *t, void *dst, const void *src)
{
    memmove(dst, src, t->size);
    if (t->flat) {
        return true;
    }
    copying c = {.w = w, .receiver = w->holder};
    hew_walk_begin(&c.walk);
    clone_item(&c, t, dst);
    hew_item item;
    while (hew_walk_next(&c.walk, &item)) {
        if (!item.type->flat) {
            clone_item(&c, item.type, item.a);
        }
    }
    hew_walk_end(&c.walk);
    if (c.failed) {
        hew_drop(w, t, dst);
    }
    return !c.failed;
}

void hew_clone(hew_worker *w, const hew_type *t, void *dst, const void *src)
{
    if (!hew_try_clone(w, t, dst, src)) {
        memset(dst, 0, t->size);
        hew_trap_memory(w, NULL);
    }
}
