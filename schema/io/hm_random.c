#include "schema/io/hm_random.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void hm_random(void *out, size_t len)
{
    uint8_t *p = out;
    while (len > 0) {
        size_t n = len < 256 ? len : 256; /* getrandom never returns short up to 256 bytes */
        if (getrandom(p, n, 0) != (ssize_t)n)
            abort();
        p += n;
        len -= n;
    }
}
