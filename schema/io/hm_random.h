/* Random bytes from the kernel. */
#ifndef SCHEMA_IO_HM_RANDOM_H
#define SCHEMA_IO_HM_RANDOM_H

#include <stddef.h>

void hm_random(void *out, size_t len); /* aborts if the kernel gives none */

#endif
