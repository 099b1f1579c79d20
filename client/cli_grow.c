#include "client/cli_grow.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16

enum hm_err cli_grow(void *list, size_t count, size_t *cap, size_t one, struct hm_why *why)
{
    void *at;
    if (count < *cap)
        return HM_OK;
    size_t more = *cap == 0 ? FIRST_CAP : *cap * 2;
    memcpy(&at, list, sizeof at); /* the caller's pointer has a type of its own */
    void *bigger = reallocarray(at, more, one);
    if (bigger == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    memcpy(list, &bigger, sizeof bigger);
    *cap = more;
    return HM_OK;
}
