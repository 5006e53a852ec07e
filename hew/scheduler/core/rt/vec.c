/* vec.c - see vec.h. */
#include "rt/vec.h"

#include <string.h>

#include "layout.h"
#include "rt/value.h"

enum {
    SMALLEST_CAPACITY = 4,
    COPIED_AT_ONCE = 8192 /* bytes */
};

/* ---- making and growing ---- */

/* A block for at least n elements; how many fit into it at *cap. NULL: no memory. n and the size
 * are not 0. */
static char *make_data(hew_worker *w, const hew_type *elem, uint64_t n, uint32_t holder,
                       uint64_t *cap)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(n, elem->size, &bytes)) {
        return NULL;
    }
    char *data = hew_alloc_try(w, bytes, holder);
    if (data != NULL) {
        *cap = hew_block_size(data) / elem->size;
    }
    return data;
}

hew_vec *hew_vec_try(hew_worker *w, const hew_type *elem, uint64_t n, uint32_t holder)
{
    hew_vec *v = hew_alloc_try(w, sizeof *v, holder);
    if (v == NULL) {
        return NULL;
    }
    *v = (hew_vec){.rc = 1};
    if (elem->size == 0) {
        v->cap = UINT64_MAX;
    } else if (n != 0) {
        v->data = make_data(w, elem, n, holder, &v->cap);
        if (v->data == NULL) {
            hew_free(w, v);
            return NULL;
        }
    }
    return v;
}

hew_vec *hew_box_try(hew_worker *w, const hew_type *elem, uint32_t holder)
{
    hew_vec *v = hew_alloc_try(w, sizeof *v + elem->size, holder);
    if (v != NULL) {
        *v = (hew_vec){.rc = 1, .len = 1, .cap = 1, .data = (char *)(v + 1)};
    }
    return v;
}

bool hew_vec_make_room(hew_worker *w, const hew_type *elem, hew_vec *v)
{
    if (v->len < v->cap) {
        return true;
    }
    uint64_t cap;
    uint64_t wanted = v->cap < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : v->cap + v->cap / 2 + 1;
    char *data = make_data(w, elem, wanted, w->holder, &cap);
    if (data == NULL) { /* perhaps one more still fits */
        data = make_data(w, elem, v->cap + 1, w->holder, &cap);
    }
    if (data == NULL) {
        return false;
    }
    if (v->data != NULL) {
        memcpy(data, v->data, v->len * elem->size);
        hew_free(w, v->data);
    }
    v->data = data;
    v->cap = cap;
    return true;
}

static hew_vec *make_or_trap(hew_worker *w, const hew_type *elem, int64_t n, const hew_loc *loc)
{
    hew_vec *v = hew_vec_try(w, elem, n > 0 ? (uint64_t)n : 0, w->holder);
    if (v == NULL) {
        hew_trap_memory(w, loc);
    }
    return v;
}

hew_vec *hew_vec_new(hew_worker *w, const hew_type *elem, int64_t capacity, const hew_loc *loc)
{
    return make_or_trap(w, elem, capacity, loc);
}

hew_vec *hew_box_new(hew_worker *w, const hew_type *elem, const void *value, const hew_loc *loc)
{
    hew_vec *v = hew_box_try(w, elem, w->holder);
    if (v == NULL) {
        char *taken;
        memcpy(&taken, &value, sizeof taken); /* the value is ours to drop */
        hew_drop(w, elem, taken);
        hew_trap_memory(w, loc);
    }
    memcpy(v->data, value, elem->size);
    return v;
}

static bool all_zero(const char *value, uint64_t size)
{
    return value[0] == 0 && memcmp(value, value + 1, size - 1) == 0;
}

/* Doubling copies of what is there already, up to what the nearest cache holds. */
static void fill_flat(const hew_worker *w, char *data, uint64_t size, uint64_t n, const void *value)
{
    uint64_t total = size * n;
    if (total == 0 || (hew_block_is_zeroed(w, data) && all_zero(value, size))) {
        return;
    }
    memcpy(data, value, size);
    uint64_t copied = size;
    for (uint64_t done = size; done < total;) {
        uint64_t more = copied < total - done ? copied : total - done;
        memcpy(data + done, data, more);
        done += more;
        copied = copied < COPIED_AT_ONCE ? done : copied;
    }
}

hew_vec *hew_vec_filled(hew_worker *w, const hew_type *elem, int64_t n, const void *value,
                        const hew_loc *loc)
{
    uint64_t wanted = n > 0 ? (uint64_t)n : 0;
    hew_vec *v = make_or_trap(w, elem, n, loc);
    if (elem->flat) {
        fill_flat(w, v->data, elem->size, wanted, value);
        v->len = wanted;
        return v;
    }
    for (; v->len < wanted; v->len += 1) {
        if (!hew_try_clone(w, elem, v->data + v->len * elem->size, value)) {
            hew_drop_vec(w, elem, v);
            hew_trap_memory(w, loc);
        }
    }
    return v;
}

void hew_vec_grow(hew_worker *w, const hew_type *elem, hew_vec *v)
{
    if (!hew_vec_make_room(w, elem, v)) {
        hew_trap_memory(w, NULL);
    }
}

void hew_vec_push(hew_worker *w, const hew_type *elem, hew_vec *v, const void *value)
{
    if (!hew_vec_make_room(w, elem, v)) {
        char *taken;
        memcpy(&taken, &value, sizeof taken); /* the value is ours to drop */
        hew_drop(w, elem, taken);
        hew_trap_memory(w, NULL);
    }
    memcpy(v->data + v->len * elem->size, value, elem->size);
    v->len += 1;
}

/* ---- the rest ---- */

void hew_drop_vec(hew_worker *w, const hew_type *elem, hew_vec *v)
{
    if (v != NULL && v->rc > 0 && --v->rc == 0) {
        hew_vec_free(w, elem, v);
    }
}

void hew_vec_clear(hew_worker *w, const hew_type *elem, hew_vec *v)
{
    uint64_t n = v->len;
    v->len = 0;
    hew_drop_elements(w, elem, v->data, n);
}

static void check_bound(hew_worker *w, const hew_vec *v, int64_t at, const hew_loc *loc)
{
    if (at < 0 || (uint64_t)at > v->len) {
        hew_trap_index(w, at, v->len, loc);
    }
}

hew_vec *hew_vec_slice(hew_worker *w, const hew_type *elem, const hew_vec *v, int64_t from,
                       int64_t to, const hew_loc *loc)
{
    check_bound(w, v, from, loc);
    check_bound(w, v, to, loc);
    int64_t n = from < to ? to - from : 0;
    hew_vec *slice = make_or_trap(w, elem, n, loc);
    if (n != 0 && elem->size != 0) {
        memcpy(slice->data, v->data + (uint64_t)from * elem->size, (uint64_t)n * elem->size);
    }
    slice->len = (uint64_t)n;
    for (uint64_t i = 0; !elem->flat && i < slice->len; ++i) {
        hew_retain(w, elem, slice->data + i * elem->size);
    }
    return slice;
}

bool hew_vec_contains(const hew_type *elem, const hew_vec *v, const void *value)
{
    for (uint64_t i = 0; i < v->len; ++i) {
        if (hew_eq(elem, v->data + i * elem->size, value)) {
            return true;
        }
    }
    return false;
}
