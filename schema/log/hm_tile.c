#include "schema/log/hm_tile.h"

#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <string.h>

#define GROUP 1000u

/* --- paths --- */

static bool take_str(struct hm_bytes *rest, const char *text)
{
    size_t n = strlen(text);
    if (rest->len < n || memcmp(rest->data, text, n) != 0)
        return false;
    *rest = hm_bytes_of(rest->data + n, rest->len - n);
    return true;
}

/* Up to the next byte `end`, which is taken too. */
static bool take_until(struct hm_bytes *rest, char end, struct hm_bytes *out)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    if (at == NULL)
        return false;
    *out = hm_bytes_of(rest->data, (size_t)(at - rest->data));
    *rest = hm_bytes_of(at + 1, rest->len - out->len - 1);
    return true;
}

static bool take_level(struct hm_bytes *rest, struct hm_tile *t)
{
    struct hm_bytes text;
    uint64_t level = 0;
    if (!take_until(rest, '/', &text))
        return false;
    t->entries = hm_bytes_eq_str(text, "entries");
    if (!t->entries && hm_decimal(text, HM_TILE_LEVEL_MAX, &level) != HM_OK)
        return false;
    t->level = (unsigned)level;
    return true;
}

/* Three digits onto the number; false beyond 2^63. */
static bool take_group(struct hm_bytes *rest, uint64_t *n)
{
    if (rest->len < 3 || *n > (INT64_MAX - (GROUP - 1)) / GROUP)
        return false;
    for (size_t i = 0; i < 3; i++) {
        uint8_t c = rest->data[i];
        if (c < '0' || c > '9')
            return false;
        *n = *n * 10 + (c - (unsigned)'0');
    }
    *rest = hm_bytes_of(rest->data + 3, rest->len - 3);
    return true;
}

static bool take_index(struct hm_bytes *rest, struct hm_tile *t)
{
    while (take_str(rest, "x"))
        if (!take_group(rest, &t->index) || !take_str(rest, "/"))
            return false;
    return take_group(rest, &t->index);
}

static bool take_width(struct hm_bytes *rest, struct hm_tile *t)
{
    uint64_t width = HM_TILE_WIDTH;
    if (take_str(rest, ".p/")) {
        if (hm_decimal(*rest, HM_TILE_WIDTH - 1, &width) != HM_OK || width == 0)
            return false;
        rest->len = 0;
    }
    t->width = (unsigned)width;
    return rest->len == 0;
}

/* Index 67 could be written x000/067 too: the one form is the one that is written. */
static bool is_written_so(const struct hm_tile *t, struct hm_bytes path)
{
    HM_BUF_AUTO out = {.limit = 2 * HM_TILE_PATH_MAX};
    hm_tile_write(t, &out);
    return hm_buf_err(&out) == HM_OK && hm_bytes_eq(hm_buf_bytes(&out), path);
}

enum hm_err hm_tile_parse(struct hm_bytes path, struct hm_tile *out)
{
    struct hm_tile t = {.entries = false};
    struct hm_bytes rest = path;
    if (path.len > HM_TILE_PATH_MAX || !take_level(&rest, &t) || !take_index(&rest, &t) ||
        !take_width(&rest, &t) || !is_written_so(&t, path))
        return HM_E_MALFORMED;
    *out = t;
    return HM_OK;
}

void hm_tile_write(const struct hm_tile *t, struct hm_buf *out)
{
    uint64_t scale = 1;
    while (t->index / scale >= GROUP)
        scale *= GROUP;
    if (t->entries)
        hm_buf_puts(out, "entries/");
    else
        hm_buf_printf(out, "%u/", t->level);
    for (; scale > 1; scale /= GROUP)
        hm_buf_printf(out, "x%03" PRIu64 "/", t->index / scale % GROUP);
    hm_buf_printf(out, "%03" PRIu64, t->index % GROUP);
    if (t->width < HM_TILE_WIDTH)
        hm_buf_printf(out, ".p/%u", t->width);
}

/* --- geometry --- */

/* Complete nodes of the level that the tile's hashes stand in. */
static uint64_t nodes(const struct hm_tile *t, uint64_t size)
{
    unsigned shift = HM_TILE_HEIGHT * t->level;
    return shift < 64 ? size >> shift : 0;
}

uint64_t hm_tile_first(const struct hm_tile *t)
{
    return t->index * HM_TILE_WIDTH;
}

unsigned hm_tile_available(const struct hm_tile *t, uint64_t size)
{
    uint64_t all = nodes(t, size);
    if (t->index > all / HM_TILE_WIDTH)
        return 0;
    uint64_t left = all - hm_tile_first(t);
    return left < HM_TILE_WIDTH ? (unsigned)left : HM_TILE_WIDTH;
}

/* The root of the tile: of its nodes, and at the right edge of the ragged one behind them. */
static enum hm_err root_of(const struct hm_tile *t, const struct hm_digest *hash, uint64_t size,
                           hm_node_fn read, void *ctx, struct hm_digest *out, struct hm_why *why)
{
    struct hm_frontier f = {.size = 0};
    unsigned level = HM_TILE_HEIGHT * t->level;
    unsigned count = hm_tile_available(t, size);
    uint64_t next = hm_tile_first(t) + count;
    for (unsigned i = 0; i < count; i++)
        (void)hm_frontier_add(&f, &hash[i], NULL);
    if (count < HM_TILE_WIDTH && next < hm_merkle_width(level, size)) {
        struct hm_digest ragged;
        enum hm_err err = hm_merkle_subtree(level, next, size, read, ctx, &ragged, why);
        if (err != HM_OK)
            return err;
        (void)hm_frontier_add(&f, &ragged, NULL);
    }
    *out = hm_frontier_root(&f);
    return HM_OK;
}

enum hm_err hm_tile_check(const struct hm_tile *t, const struct hm_digest *hash, uint64_t size,
                          const struct hm_digest *root, hm_node_fn read, void *ctx,
                          struct hm_why *why)
{
    struct hm_path path;
    struct hm_digest top;
    unsigned level = HM_TILE_HEIGHT * (t->level + 1);
    if (hm_tile_available(t, size) == 0)
        return hm_fail(why, HM_E_HISTORY, "a tree of %" PRIu64 " has nothing of this tile", size);
    enum hm_err err = root_of(t, hash, size, read, ctx, &top, why);
    if (err == HM_OK)
        err = hm_merkle_subtree_inclusion(level, t->index, size, read, ctx, &path, why);
    if (err == HM_OK && hm_merkle_check_inclusion(t->index, hm_merkle_width(level, size), &top,
                                                  &path, root) != HM_OK)
        err = hm_fail(why, HM_E_HISTORY,
                      "tile %u/%" PRIu64 " is not the one of the tree of %" PRIu64 " records",
                      t->level, t->index, size);
    return err;
}
