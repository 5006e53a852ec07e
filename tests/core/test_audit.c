/* test_audit.c - the audit of the region finds what is wrong in it, word by word, and nothing where all is well. */
#include "alloc_inline.h"
#include "harness.h"
#include "pages.h"

LOC(here, 4);

static const hew_handler handlers[] = {HANDLER(0, "none", NULL, NULL, NULL, 0)};
ACTOR(idle, "Idle", 0, &one_int, handlers, 0);
static const hew_actor_type *const types[] = {&idle};

static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    for (int i = 0; i < 100; i++) {
        (void)hew_spawn_begin(w, &idle, &here);
        (void)hew_spawn_commit(w);
    }
    hew_main_result(w, 0);
}
PROGRAM(program, types, start);

static hew_region *region;

static bool is_sound(const char *words)
{
    char text[256];
    bool sound = hew_region_audit(region, text, sizeof text);
    CHECK(sound == (words == NULL));
    if (words && !strstr(text, words)) {
        fprintf(stderr, "%s: no %s in it\n", text, words);
        exit(1);
    }
    return true;
}

/* Each word is damaged, found, and put back. */
static void damage(void *at, uint64_t value, const char *words)
{
    uint64_t before;
    memcpy(&before, at, sizeof before);
    memcpy(at, &value, sizeof value);
    CHECK(is_sound(words));
    memcpy(at, &before, sizeof before);
    CHECK(is_sound(NULL));
}

int main(void)
{
    region = make_region((run_options){.workers = 1});
    hew_region_start(region, &program);
    CHECK(is_sound(NULL));
    hew_worker *w = hew_worker_at(region, 0);
    w->thread_mode = 1;
    hew_worker_begin(w, 1);
    while (hew_worker_step(w)) {
    }
    CHECK(is_sound(NULL));
    hew_actor *a = NULL;
    for (uint32_t i = 1; i < 64 && !a; i++) {
        a = hew_actor_at(region, i)->fields ? hew_actor_at(region, i) : NULL;
    }
    for (uint32_t i = 64; i < 200 && !a; i++) {
        a = hew_actor_at(region, i)->fields ? hew_actor_at(region, i) : NULL;
    }
    CHECK(a && a->type == &idle);
    uint64_t random = 12345;
    damage(&region->magic, 1, "head");
    damage(&region->heap.base, 17, "bounds");
    damage(&region->heap.used, region->heap.used + 1, "bounds");
    damage(&a->state, 9, "state");
    damage(&a->head, 0x7fffffffffull, "points nowhere");
    damage(&a->fifo, 77, "points nowhere");
    damage(&a->fields, 0x41414141, "points nowhere");
    damage(&a->waiters, (uint64_t)(uintptr_t)a, "points nowhere");
    damage(&a->type, 0x4141414141ull, "no type");
    damage(&w->current, 0x1234, "worker 0");
    damage(&w->open.first, 0x1234, "worker 0");
    damage(hew_span_table(region), 0, "span 0");
    for (int i = 0; i < 1000; i++) { /* a stray write over the header of a block */
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        damage(hew_header_of(a->fields), random | 7, "header");
    }
    hew_region_destroy(region);
    return 0;
}
