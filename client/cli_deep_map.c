#include "client/cli_deep_priv.h"

#include "client/cli_grow.h"

#include <stdlib.h>
#include <string.h>

#define MAP_FIRST 256

/* Keys are SHA-256 of something: their first bytes are as good as any hash. */
static size_t place(const struct deep_map *m, const struct hm_digest *key)
{
    uint64_t h;
    memcpy(&h, key->b, sizeof h);
    size_t i = (size_t)h & (m->cap - 1);
    while (m->values[i] != 0 && !hm_digest_eq(&m->keys[i], key))
        i = (i + 1) & (m->cap - 1);
    return i;
}

uint64_t deep_map_get(const struct deep_map *m, const struct hm_digest *key)
{
    return m->cap == 0 ? 0 : m->values[place(m, key)] - (m->values[place(m, key)] != 0);
}

static enum hm_err make_room(struct deep_map *m, struct hm_why *why)
{
    struct deep_map n = {.cap = m->cap == 0 ? MAP_FIRST : m->cap * 2, .count = m->count};
    if (m->count * 4 < m->cap * 3)
        return HM_OK;
    n.keys = calloc(n.cap, sizeof *n.keys);
    n.values = calloc(n.cap, sizeof *n.values);
    if (n.keys == NULL || n.values == NULL) {
        deep_map_free(&n);
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < m->cap; i++) {
        if (m->values[i] == 0)
            continue;
        size_t at = place(&n, &m->keys[i]);
        n.keys[at] = m->keys[i];
        n.values[at] = m->values[i];
    }
    deep_map_free(m);
    *m = n;
    return HM_OK;
}

/* A place once taken stays taken (its value is stored + 1), so that searches pass over it. */
enum hm_err deep_map_put(struct deep_map *m, const struct hm_digest *key, uint64_t v,
                         struct hm_why *why)
{
    enum hm_err err = make_room(m, why);
    if (err != HM_OK)
        return err;
    size_t at = place(m, key);
    m->count += m->values[at] == 0;
    m->keys[at] = *key;
    m->values[at] = v + 1;
    return HM_OK;
}

void deep_map_free(struct deep_map *m)
{
    free(m->keys);
    free(m->values);
    *m = (struct deep_map){.cap = 0};
}

struct deep_list deep_lists_get(const struct deep_lists *m, const struct hm_digest *key)
{
    uint64_t n = deep_map_get(&m->at, key);
    return n == 0 ? (struct deep_list){.v = NULL} : m->lists[n - 1];
}

enum hm_err deep_lists_add(struct deep_lists *m, const struct hm_digest *key, uint64_t v,
                           struct hm_why *why)
{
    uint64_t n = deep_map_get(&m->at, key);
    if (n == 0) {
        enum hm_err err = cli_grow((void *)&m->lists, m->count, &m->cap, sizeof *m->lists, why);
        if (err == HM_OK)
            err = deep_map_put(&m->at, key, m->count + 1, why);
        if (err != HM_OK)
            return err;
        m->lists[m->count++] = (struct deep_list){.v = NULL};
        n = m->count;
    }
    struct deep_list *l = &m->lists[n - 1];
    enum hm_err err = cli_grow((void *)&l->v, l->count, &l->cap, sizeof *l->v, why);
    if (err == HM_OK)
        l->v[l->count++] = v;
    return err;
}

void deep_lists_free(struct deep_lists *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->lists[i].v);
    free(m->lists);
    deep_map_free(&m->at);
    *m = (struct deep_lists){.count = 0};
}

struct hm_digest deep_names(const char *a, const char *b, const char *c)
{
    struct hm_digest inner = hm_sha256_3(hm_bytes_str(a), hm_bytes_of("\0", 1), hm_bytes_str(b));
    return hm_sha256_3(hm_bytes_of(inner.b, sizeof inner.b), hm_bytes_str(c), hm_bytes_of(NULL, 0));
}
