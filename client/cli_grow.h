/* Lists that grow while something is gathered: one way to make room. No state. */
#ifndef CLIENT_CLI_GROW_H
#define CLIENT_CLI_GROW_H

#include "schema/core/hm_err.h"

#include <stddef.h>

/* list: the address of the caller's pointer to an array of *cap elements of `one` bytes, of which
 * `count` are used. Afterwards one more fits; the array may have moved, what is new in it is not
 * cleared. The caller frees it. HM_E_MEMORY: the list stands as it was. */
enum hm_err HM_MUST_USE cli_grow(void *list, size_t count, size_t *cap, size_t one,
                                 struct hm_why *why);

#endif
