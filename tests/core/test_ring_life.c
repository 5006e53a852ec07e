/* A thief that read the ring before its worker died must not succeed on the ring of the next life. */
#include "laws.h"
#include "runq.h"

int main(void)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    for (uint32_t i = 1; i <= 10; i++) {
        hew_runq_append(w, i);
    }
    uint64_t t = w->top, n = 5; /* steal_ring, stopped before its exchange */
    hew_worker_begin(w, 2);
    CHECK(!hew_cas_acq_rel(&w->top, &t, t + n));
    CHECK(hew_ring_is_empty(w) &&
          hew_ring_pop(w) == 0); /* else: entries without end, never quiescent */
    return 0;
}
