/* test_sample.c - records of samples are whole or not there, each is read or counted as lost, whoever is killed when. */
#include "laws.h"
#include "sample.h"

#include <pthread.h>

enum {
    RECORDS = 200000
};

/* ---- the ring ---- */

static hew_sample make_record(uint64_t n)
{
    hew_sample s = {.ticks = n, .periods = 1, .weight_ns = n ^ 7, .pid = n * 3};
    s.depth = (uint32_t)(n % HEW_SAMPLE_FRAMES) + 1;
    for (uint32_t i = 0; i < s.depth; i++) {
        s.pcs[i] = n * 1000 + i;
    }
    return s;
}

static void check_record(const hew_sample *s)
{
    uint64_t n = s->sequence;
    CHECK(s->ticks == n && s->weight_ns == (n ^ 7) && s->pid == n * 3);
    CHECK(s->depth == n % HEW_SAMPLE_FRAMES + 1);
    for (uint32_t i = 0; i < s->depth; i++) {
        CHECK(s->pcs[i] == n * 1000 + i);
    }
}

static void *write_all(void *data)
{
    hew_sample_ring *ring = data;
    for (uint64_t n = 0; n < RECORDS; n++) {
        hew_sample s = make_record(n);
        hew_sample_write(ring, &s);
    }
    return NULL;
}

static void test_each_is_read_whole_or_lost(void)
{
    static hew_sample out[16];
    hew_region *r = make_region((run_options){.workers = 2});
    pthread_t writer;
    uint64_t next = 0, lost = 0, got = 0, last = 0;
    CHECK(pthread_create(&writer, NULL, write_all, hew_sample_ring_of(r, 1)) == 0);
    while (next < RECORDS) {
        uint64_t n = hew_sample_read(r, 1, &next, out, HEW_COUNT_OF(out), &lost);
        for (uint64_t i = 0; i < n; i++) {
            check_record(&out[i]);
            CHECK(got + i == 0 || out[i].sequence > last);
            last = out[i].sequence;
        }
        got += n;
    }
    pthread_join(writer, NULL);
    CHECK(got + lost == RECORDS && got > 0);
    CHECK(hew_sample_written(r, 1) == RECORDS && hew_sample_written(r, 0) == 0);
    hew_region_destroy(r);
}

static void test_what_was_overwritten_is_counted(void)
{
    static hew_sample out[HEW_SAMPLE_RING];
    hew_region *r = make_region((run_options){.workers = 1});
    for (uint64_t n = 0; n < HEW_SAMPLE_RING + 10; n++) {
        hew_sample s = make_record(n);
        hew_sample_write(hew_sample_ring_of(r, 0), &s);
    }
    uint64_t next = 3, lost = 0;
    CHECK(hew_sample_read(r, 0, &next, out, HEW_SAMPLE_RING, &lost) == HEW_SAMPLE_RING);
    CHECK(lost == 7 && out[0].sequence == 10 && next == HEW_SAMPLE_RING + 10);
    CHECK(hew_sample_read(r, 0, &next, out, HEW_SAMPLE_RING, &lost) == 0 && lost == 7);
    hew_region_destroy(r);
}

/* Killed in a record: it is torn, was never announced, and the worker's next life writes it anew. */
static void test_a_torn_record_is_none(void)
{
    static hew_sample out[4];
    hew_region *r = make_region((run_options){.workers = 1});
    hew_sample_ring *ring = hew_sample_ring_of(r, 0);
    hew_sample s = make_record(0);
    hew_sample_write(ring, &s);
    uint64_t next = 0, lost = 0;
    ring->records[1].sequence = 3;
    ring->records[1].ticks = 99;
    CHECK(hew_sample_read(r, 0, &next, out, 4, &lost) == 1 && next == 1 && lost == 0);
    s = make_record(1);
    hew_sample_write(ring, &s);
    CHECK(hew_sample_read(r, 0, &next, out, 4, &lost) == 1 && lost == 0);
    check_record(&out[0]);
    ring->records[1].sequence = 2 * (1 + HEW_SAMPLE_RING) + 1; /* overwritten while it is read */
    next = 0;
    CHECK(hew_sample_read(r, 0, &next, out, 4, &lost) == 1 && lost == 1 && next == 2);
    hew_region_destroy(r);
}

static void test_requests_are_prolonged_and_the_fastest_holds(void)
{
    hew_region *r = make_region((run_options){.workers = 1});
    CHECK(r->sampling->until == 0);
    hew_sample_request(r, 10000000, 3600 * 1000000000ull);
    uint64_t until = r->sampling->until;
    hew_sample_request(r, 20000000, 1000);
    CHECK(r->sampling->until == until && r->sampling->period_ns == 10000000);
    hew_sample_request(r, 5000000, 7200 * 1000000000ull);
    CHECK(r->sampling->until > until && r->sampling->period_ns == 5000000);
    r->sampling->until = 1; /* over */
    hew_sample_request(r, 20000000, 1000000000);
    CHECK(r->sampling->until > 1 && r->sampling->period_ns == 20000000);
    CHECK((uint64_t)(uintptr_t)r->sampling % HEW_PAGE == 0);
    CHECK((char *)hew_sample_ring_of(r, 0) - (char *)r->sampling == HEW_PAGE);
    hew_region_destroy(r);
}

int main(void)
{
    end_after(100);
    test_each_is_read_whole_or_lost();
    test_what_was_overwritten_is_counted();
    test_a_torn_record_is_none();
    test_requests_are_prolonged_and_the_fastest_holds();
    return 0;
}
