/* walk.h - visits the parts of a value in order, without recursion: a Vec may nest as deep as
 * memory allows.
 *
 * The items of an aggregate (fields, the payload of a variant, elements) are a frame; a walk is a
 * stack of frames, the first few inside it, more in private memory. The caller looks at each item
 * and enters it, or not:
 *
 *     hew_walk_begin(&k);
 *     hew_walk_enter(&k, t, a, b, tag);
 *     while (hew_walk_next(&k, &item)) { look; hew_walk_enter(&k, item.type, ...); }
 *     hew_walk_end(&k);
 *
 * A walk may go over two values of one type at the same time (b NULL when there is one). No trap
 * may happen between begin and end: it would leak the frames.
 */
#ifndef HEW_RT_WALK_H
#define HEW_RT_WALK_H

#include "hew.h"

enum {
    HEW_WALK_INLINE = 16
};

typedef struct hew_frame {
    const hew_field *fields; /* NULL: elements of `type` one after the other */
    const hew_type *type;    /* the element, or the aggregate */
    char *a, *b;             /* start of the aggregate, or of the elements */
    uint64_t i, n;           /* the next item, and how many there are */
    uint64_t tag;            /* the user's own: set on entering, seen in each item */
} hew_frame;

typedef struct hew_walk {
    hew_frame *frames;
    uint64_t depth, room;
    hew_frame first[HEW_WALK_INLINE];
} hew_walk;

typedef struct hew_item {
    const hew_type *type;
    char *a, *b;
    uint64_t tag; /* of its frame */
} hew_item;

static inline void hew_walk_begin(hew_walk *k)
{
    k->frames = k->first;
    k->depth = 0;
    k->room = HEW_WALK_INLINE;
}

void hew_walk_end(hew_walk *k);

/* A new frame on top, its fields unset; private memory that is used up ends the process. */
hew_frame *hew_walk_push(hew_walk *k);

/* The frame of the items of an aggregate: record, tuple, enum's variant or Vec (of b, the shorter
 * of the two). False when there are none, or the type is no aggregate. */
bool hew_walk_enter(hew_walk *k, const hew_type *t, const void *a, const void *b, uint64_t tag);

/* The next item of the top frame. False when it has none left: the caller pops it. */
static inline bool hew_frame_next(hew_frame *f, hew_item *item)
{
    if (f->i == f->n) {
        return false;
    }
    uint64_t offset = f->fields != NULL ? f->fields[f->i].offset : f->i * f->type->size;
    item->type = f->fields != NULL ? f->fields[f->i].type : f->type;
    item->a = f->a + offset;
    item->b = f->b != NULL ? f->b + offset : NULL;
    item->tag = f->tag;
    f->i += 1;
    return true;
}

/* The next item of the whole walk. Frames are popped with their last item: a list whose rest is its last part needs
 * no more of them the longer it is. */
static inline bool hew_walk_next(hew_walk *k, hew_item *item)
{
    if (k->depth == 0) {
        return false;
    }
    hew_frame *top = &k->frames[k->depth - 1];
    bool more = hew_frame_next(top, item);
    k->depth -= top->i == top->n;
    return more;
}

#endif
