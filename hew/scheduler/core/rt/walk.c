/* walk.c - see walk.h. */
#include "rt/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hew_walk_end(hew_walk *k)
{
    if (k->frames != k->first) {
        free(k->frames);
    }
}

static void grow(hew_walk *k)
{
    hew_frame *old = k->frames == k->first ? NULL : k->frames;
    hew_frame *frames = realloc(old, 2 * k->room * sizeof *frames);
    if (frames == NULL) {
        fputs("hew: no memory to walk a deeply nested value\n", stderr);
        abort();
    }
    if (old == NULL) {
        memcpy(frames, k->first, sizeof k->first);
    }
    k->frames = frames;
    k->room *= 2;
}

hew_frame *hew_walk_push(hew_walk *k)
{
    if (k->depth == k->room) {
        grow(k);
    }
    return &k->frames[k->depth++];
}

static bool push(hew_walk *k, hew_frame f)
{
    if (f.n == 0) {
        return false;
    }
    *hew_walk_push(k) = f;
    return true;
}

static bool enter_vec(hew_walk *k, const hew_type *t, const hew_vec *a, const hew_vec *b,
                      uint64_t tag)
{
    if (a == NULL) {
        return false;
    }
    uint64_t n = b != NULL && b->len < a->len ? b->len : a->len;
    hew_frame f = {
        .type = t->elem, .a = a->data, .b = b != NULL ? b->data : NULL, .n = n, .tag = tag};
    return push(k, f);
}

bool hew_walk_enter(hew_walk *k, const hew_type *t, const void *a, const void *b, uint64_t tag)
{
    hew_frame f = {.fields = t->fields, .type = t, .n = t->n, .tag = tag};
    memcpy(&f.a, &a,
           sizeof f.a); /* the walk itself writes nothing: who walks constants only reads */
    memcpy(&f.b, &b, sizeof f.b);
    switch (t->kind) {
    case HEW_KIND_TUPLE:
    case HEW_KIND_RECORD: return push(k, f);
    case HEW_KIND_ENUM:
        f.fields = t->variants[*(const uint8_t *)a].fields;
        f.n = t->variants[*(const uint8_t *)a].n_fields;
        return push(k, f);
    case HEW_KIND_VEC:
    case HEW_KIND_BOX:
        return enter_vec(k, t, *(hew_vec *const *)a, b != NULL ? *(hew_vec *const *)b : NULL, tag);
    default: return false;
    }
}
