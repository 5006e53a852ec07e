/* vec.h - Vec: a block with the length, and one with the elements, that moves when it grows.
 *
 * Both belong to one actor; the references to the first are counted. Elements are owned; those past
 * `len` do not exist. A box is a Vec of one element that never changes, all in one block.
 */
#ifndef HEW_RT_VEC_H
#define HEW_RT_VEC_H

#include "hew.h"

static inline void hew_vec_retain(hew_vec *v)
{
    if (v != NULL && v->rc > 0) {
        v->rc += 1;
    }
}

/* Of a Vec and of a box. */
static inline bool hew_is_vec(const hew_type *t)
{
    return t->kind == HEW_KIND_VEC || t->kind == HEW_KIND_BOX;
}

/* The elements have a block of their own: not of a box, and not of a Vec that never had one. */
static inline bool hew_vec_has_data(const hew_vec *v)
{
    return v->data != NULL && v->data != (const char *)(v + 1);
}

/* A box whose element is not there yet, owned by the actor in slot `holder`. NULL: no memory. */
hew_vec *hew_box_try(hew_worker *w, const hew_type *elem, uint32_t holder);

/* An empty Vec with room for n elements, owned by the actor in slot `holder`. NULL: no memory. */
hew_vec *hew_vec_try(hew_worker *w, const hew_type *elem, uint64_t n, uint32_t holder);

/* Room for one element more. False: no memory, and nothing has changed. */
bool hew_vec_make_room(hew_worker *w, const hew_type *elem, hew_vec *v);

/* Gives one reference up; NULL is skipped. */
void hew_drop_vec(hew_worker *w, const hew_type *elem, hew_vec *v);

#endif
