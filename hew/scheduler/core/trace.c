/* trace.c - see trace.h. */
#include "trace.h"

#include <stdio.h>

#define DEEP 65 /* frames at one address, one function and what is inlined in it */

enum {
    LINES = 16, /* language.md 15.4 */
    LAST = 3,
    FIRST = LINES - LAST - 1 /* when some are left out */
};
_Static_assert(HEW_TRACE_FIRST > LINES && HEW_TRACE_LAST >= LAST,
               "each address has at least one frame");

void hew_trace_begin(hew_worker *w)
{
    w->trace.n = w->trace.frames = w->trace.cfa = 0;
}

void hew_trace_note(hew_worker *w, struct _Unwind_Context *context)
{
    hew_trace *t = &w->trace;
    int exact = 0;
    uint64_t cfa = _Unwind_GetCFA(context), pc = _Unwind_GetIPInfo(context, &exact) - !exact;
    if (t->n && cfa <= t->cfa) {
        return; /* on from its clean-up */
    }
    uint32_t frames = hew_lines_lookup(w->region, pc, NULL, 0);
    if (!frames) {
        return; /* the core */
    }
    if (t->n < HEW_TRACE_FIRST) {
        t->first[t->n] = pc;
    }
    t->last[t->n % HEW_TRACE_LAST] = pc;
    t->cfa = cfa;
    t->n++;
    t->frames += frames;
}

typedef struct writer {
    char *out;
    size_t at, size;
} writer;

static void put(writer *to, const hew_frame *f)
{
    char place[32] = "";
    if (f->line && f->column) {
        snprintf(place, sizeof place, ":%u:%u", f->line, f->column);
    } else if (f->line) {
        snprintf(place, sizeof place, ":%u", f->line);
    }
    size_t room = to->size - to->at;
    int n = snprintf(to->out + to->at, room, "[hew]   called from %s at %s%s\n", f->function,
                     f->file, place);
    if (n > 0 && (size_t)n < room) {
        to->at += (size_t)n;
    } else {
        to->size = to->at; /* no room: this line and all others are left out */
    }
}

/* The callers numbered from `from` up to `to`, of those at some addresses; 0 is the trap's own place. */
static uint64_t put_range(const hew_worker *w, writer *to, const uint64_t *pcs, uint64_t n,
                          uint64_t number, uint64_t from, uint64_t end)
{
    hew_frame frames[DEEP];
    for (uint64_t i = 0; i < n && number < end; i++) {
        uint32_t found = hew_lines_lookup(w->region, pcs[i], frames, DEEP);
        for (uint32_t k = 0; k < found && k < DEEP; k++, number++) {
            if (number >= from && number < end && to->size > to->at) {
                put(to, &frames[k]);
            }
        }
    }
    return number;
}

bool hew_trace_own(const hew_worker *w, hew_frame *out)
{
    return w->trace.n && hew_lines_lookup(w->region, w->trace.first[0], out, 1) && out->line;
}

size_t hew_trace_text(const hew_worker *w, char *out, size_t size)
{
    const hew_trace *t = &w->trace;
    writer to = {.out = out, .size = size};
    uint64_t known = t->n < HEW_TRACE_FIRST ? t->n : HEW_TRACE_FIRST;
    if (t->frames <= 1 + LINES) {
        put_range(w, &to, t->first, known, 0, 1, t->frames);
        return to.at;
    }
    put_range(w, &to, t->first, known, 0, 1, 1 + FIRST);
    int n = snprintf(out + to.at, size - to.at, "[hew]   ... %llu more\n",
                     (unsigned long long)(t->frames - 1 - FIRST - LAST));
    to.at += n > 0 && (size_t)n < size - to.at ? (size_t)n : 0;
    uint64_t last[HEW_TRACE_LAST], held = 0;
    for (uint64_t i = 0; i < HEW_TRACE_LAST;
         i++) { /* more addresses than that: each has a frame or more */
        last[i] = t->last[(t->n + i) % HEW_TRACE_LAST];
        held += hew_lines_lookup(w->region, last[i], NULL, 0);
    }
    put_range(w, &to, last, HEW_TRACE_LAST, t->frames - held, t->frames - LAST, t->frames);
    return to.at;
}
