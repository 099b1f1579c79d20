#include "client/cli_kept.h"

#include "client/cli_grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum hm_err make_room(struct cli_kept *k, size_t more, struct hm_why *why)
{
    if (k->bytes + more + (k->count + 1) * sizeof *k->rows > CLI_KEPT_BYTES)
        return hm_fail(why, HM_E_LIMIT,
                       "more records than fit into %zu MiB: narrow the question (--since, --until, "
                       "--limit), or use hallmark log export, which streams",
                       CLI_KEPT_BYTES >> 20);
    return cli_grow((void *)&k->rows, k->count, &k->cap, sizeof *k->rows, why);
}

static enum hm_err copy(uint64_t idx, struct hm_bytes record, struct cli_kept_row *out,
                        struct hm_why *why)
{
    uint8_t *bytes = malloc(record.len + 1);
    if (bytes == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    memcpy(bytes, record.data, record.len);
    *out = (struct cli_kept_row){idx, bytes, record.len};
    return HM_OK;
}

enum hm_err cli_kept_add(struct cli_kept *k, uint64_t idx, struct hm_bytes record,
                         struct hm_why *why)
{
    enum hm_err err = make_room(k, record.len, why);
    if (err == HM_OK)
        err = copy(idx, record, &k->rows[k->count], why);
    if (err != HM_OK)
        return err;
    k->count++;
    k->bytes += record.len;
    return HM_OK;
}

enum hm_err cli_kept_last(struct cli_kept *k, uint64_t max, uint64_t idx, struct hm_bytes record,
                          struct hm_why *why)
{
    struct cli_kept_row row;
    if (k->count < max)
        return cli_kept_add(k, idx, record, why);
    enum hm_err err = copy(idx, record, &row, why);
    if (err != HM_OK)
        return err;
    struct cli_kept_row *oldest = &k->rows[k->next];
    k->bytes += row.len - oldest->len;
    free(oldest->bytes);
    *oldest = row;
    k->next = (k->next + 1) % k->count;
    return HM_OK;
}

static int by_index(const void *a, const void *b)
{
    uint64_t x = ((const struct cli_kept_row *)a)->idx;
    uint64_t y = ((const struct cli_kept_row *)b)->idx;
    return (x > y) - (x < y);
}

static bool same(const struct cli_kept_row *a, const struct cli_kept_row *b)
{
    return hm_bytes_eq(hm_bytes_of(a->bytes, a->len), hm_bytes_of(b->bytes, b->len));
}

enum hm_err cli_kept_sort(struct cli_kept *k, struct hm_why *why)
{
    const uint64_t none = UINT64_MAX;
    uint64_t differs = none;
    size_t n = 0;
    if (k->count > 1)
        qsort(k->rows, k->count, sizeof *k->rows, by_index);
    for (size_t i = 0; i < k->count; i++) {
        if (n == 0 || k->rows[n - 1].idx != k->rows[i].idx) {
            k->rows[n++] = k->rows[i];
            continue;
        }
        if (!same(&k->rows[n - 1], &k->rows[i]) && differs == none)
            differs = k->rows[i].idx;
        k->bytes -= k->rows[i].len;
        free(k->rows[i].bytes);
    }
    k->count = n;
    k->next = 0;
    return differs == none ? HM_OK
                           : hm_fail(why, HM_E_DENIED,
                                     "record %" PRIu64 " was given twice, and differs", differs);
}

void cli_kept_free(struct cli_kept *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->rows[i].bytes);
    free(k->rows);
    *k = (struct cli_kept){.count = 0};
}
