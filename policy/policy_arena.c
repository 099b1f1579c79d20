/* The one owner of a policy's memory: a chain of zeroed blocks, freed together. */
#include "policy/policy_priv.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

struct policy_block {
    struct policy_block *next;
    size_t used;
    size_t cap;
    max_align_t data[];
};

static struct policy_block *block_new(struct policy_arena *a, size_t need)
{
    size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    struct policy_block *b = calloc(1, sizeof *b + cap);
    if (b == NULL)
        return NULL;
    b->cap = cap;
    b->next = a->head;
    a->head = b;
    return b;
}

void *policy_alloc(struct policy_arena *a, size_t count, size_t size)
{
    if (count == 0)
        count = 1;
    if (size > (SIZE_MAX / 2 - BLOCK_BYTES) / count)
        return NULL;
    size_t need = (count * size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct policy_block *b = a->head;
    if (b == NULL || b->cap - b->used < need)
        b = block_new(a, need);
    if (b == NULL)
        return NULL;
    void *out = (uint8_t *)b->data + b->used;
    b->used += need;
    return out;
}

char *policy_dup(struct policy_arena *a, const char *text)
{
    size_t n = strlen(text) + 1;
    char *out = policy_alloc(a, n, 1);
    if (out != NULL)
        memcpy(out, text, n);
    return out;
}

void policy_arena_free(struct policy_arena *a)
{
    for (struct policy_block *b = a->head; b != NULL;) {
        struct policy_block *next = b->next;
        free(b);
        b = next;
    }
    a->head = NULL;
}
