#include "server/door/door_visitors.h"

#include "schema/core/hm_hash.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"
#include "server/door/door_rate.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#define PLACES 4096
#define NETWORK_LEN 8 /* bytes of an IPv6 address: what one customer has at least */

struct door_visitors {
    pthread_mutex_t lock;
    uint8_t secret[16];
    struct door_rate rate;
    struct door_bucket place[PLACES];
};

struct door_visitors *door_visitors_new(uint64_t requests_per_minute)
{
    struct door_visitors *v = calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    (void)pthread_mutex_init(&v->lock, NULL);
    hm_random(v->secret, sizeof v->secret);
    v->rate = door_rate_of(requests_per_minute);
    return v;
}

void door_visitors_free(struct door_visitors *v)
{
    if (v == NULL)
        return;
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

/* What identifies the caller; borrowed from the address. IPv4 may come as a mapped IPv6 address. */
static struct hm_bytes network_of(const struct sockaddr *from)
{
    if (from->sa_family == AF_INET)
        return hm_bytes_of(&((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    if (from->sa_family != AF_INET6)
        return hm_bytes_of(NULL, 0);
    const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(a) ? hm_bytes_of(a->s6_addr + 12, 4)
                                   : hm_bytes_of(a->s6_addr, NETWORK_LEN);
}

uint64_t door_visitors_take(struct door_visitors *v, const struct sockaddr *from)
{
    struct hm_digest d = hm_sha256_3(hm_bytes_of(v->secret, sizeof v->secret), network_of(from),
                                     hm_bytes_of(NULL, 0));
    size_t place = ((size_t)d.b[0] << 8 | d.b[1]) % PLACES;
    (void)pthread_mutex_lock(&v->lock);
    uint64_t wait_s = door_rate_take(&v->rate, &v->place[place], hm_clock_mono_ms());
    (void)pthread_mutex_unlock(&v->lock);
    return wait_s;
}
