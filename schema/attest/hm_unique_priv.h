/* Lists of requests and statements in which no element may stand twice. */
#ifndef SCHEMA_ATTEST_HM_UNIQUE_PRIV_H
#define SCHEMA_ATTEST_HM_UNIQUE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether two of count elements, item_size bytes apart, agree in their first len bytes. Texts are
 * compared with their zero padding, so whole fields can be. */
static inline bool hm_any_twice(const void *items, size_t item_size, size_t len, size_t count)
{
    const char *p = items;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (memcmp(p + i * item_size, p + j * item_size, len) == 0)
                return true;
    return false;
}

#endif
