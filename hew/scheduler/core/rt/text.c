/* text.c - see text.h. */
#include "rt/text.h"

#include <stdlib.h>
#include <string.h>

#include "rt/number.h"
#include "rt/string.h"
#include "rt/value.h"

enum {
    FIRST_CAPACITY = 1024,
    KEPT_CAPACITY = 64 << 10, /* a longer buffer is freed when its text is done */
};
#define FAILED UINT64_MAX /* as cap: there was no memory */

static void drop_buffer(hew_text *text, uint64_t cap)
{
    free(text->data);
    *text = (hew_text){.cap = cap};
}

/* Room for `more` bytes. The text ends as a block of the heap, so what is longer than the heap
 * cannot be. */
static bool grow(hew_worker *w, uint64_t more)
{
    hew_text *text = &w->text;
    uint64_t needed;
    if (__builtin_add_overflow(text->len, more, &needed) || needed > w->region->heap.limit) {
        drop_buffer(text, FAILED);
        return false;
    }
    uint64_t cap = text->cap < FIRST_CAPACITY ? FIRST_CAPACITY : text->cap * 2;
    cap = cap < needed ? needed : cap;
    char *data = realloc(text->data, cap);
    if (data == NULL) {
        drop_buffer(text, FAILED);
        return false;
    }
    text->data = data;
    text->cap = cap;
    return true;
}

bool hew_text_failed(const hew_worker *w)
{
    return w->text.cap == FAILED;
}

void hew_text_put(hew_worker *w, const char *bytes, uint64_t len)
{
    hew_text *text = &w->text;
    if (HEW_UNLIKELY(hew_text_failed(w)) ||
        (HEW_UNLIKELY(len > text->cap - text->len) && !grow(w, len))) {
        return;
    }
    if (len != 0) {
        memcpy(text->data + text->len, bytes, len);
        text->len += len;
    }
}

/* ---- public: each piece traps on its own ---- */

static void check(hew_worker *w)
{
    if (HEW_UNLIKELY(hew_text_failed(w))) {
        w->text.cap = 0;
        hew_trap_memory(w, NULL);
    }
}

/* The text has been used: the next begins empty. */
static void finish(hew_worker *w)
{
    w->text.len = 0;
    if (w->text.cap > KEPT_CAPACITY) {
        drop_buffer(&w->text, 0);
    }
}

void hew_text_begin(hew_worker *w)
{
    w->text.len = 0;
    if (HEW_UNLIKELY(hew_text_failed(w))) {
        w->text.cap = 0;
    }
}

void hew_text_bytes(hew_worker *w, const char *bytes, uint64_t len)
{
    hew_text_put(w, bytes, len);
    check(w);
}

void hew_text_string_piece(hew_worker *w, const hew_string *s)
{
    hew_text_bytes(w, hew_string_data(s), hew_string_len(s));
}

void hew_text_i64(hew_worker *w, int64_t v)
{
    char digits[HEW_NUMBER_MAX];
    hew_text_bytes(w, digits, hew_number_i64(digits, v));
}

void hew_text_u64(hew_worker *w, uint64_t v)
{
    char digits[HEW_NUMBER_MAX];
    hew_text_bytes(w, digits, hew_number_u64(digits, v));
}

void hew_text_f64(hew_worker *w, double v)
{
    char digits[HEW_NUMBER_MAX];
    hew_text_bytes(w, digits, hew_number_f64(digits, v));
}

void hew_text_value(hew_worker *w, const hew_type *t, const void *value)
{
    hew_show(w, t, value, false);
    check(w);
}

hew_string *hew_text_string(hew_worker *w)
{
    check(w);
    uint64_t len = w->text.len;
    hew_string *s = hew_string_try(w, w->text.data, len, w->holder);
    finish(w);
    if (s == NULL && len != 0) {
        hew_trap_memory(w, NULL);
    }
    return s;
}

void hew_text_print(hew_worker *w, int fd, bool newline)
{
    if (newline) {
        hew_text_bytes(w, "\n", 1);
    }
    hew_print_bytes(w, fd, w->text.data, w->text.len);
    finish(w);
}

hew_string *hew_to_string(hew_worker *w, const hew_type *t, const void *value)
{
    if (t->kind == HEW_KIND_STRING) {
        hew_string *s = *(hew_string *const *)value;
        hew_retain(w, t, value);
        return s;
    }
    hew_text_begin(w);
    hew_text_value(w, t, value);
    return hew_text_string(w);
}
