/* Sorted lists: ids that are looked up by their bytes and checked without regard to case, so that
 * no two people or rules can be taken for one another. Pure. */
#include "policy/policy_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void policy_where_text(const struct policy_where *w, char out[static POLICY_PATH_MAX])
{
    if (w->j < 0)
        (void)snprintf(out, POLICY_PATH_MAX, "$.%s[%zu].%s", w->list, w->i, w->member);
    else
        (void)snprintf(out, POLICY_PATH_MAX, "$.%s[%zu].%s[%ld]", w->list, w->i, w->member, w->j);
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* ASCII only, and never by the locale. */
static int fold_compare(const char *a, const char *b)
{
    while (*a != '\0' && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return (int)fold(*a) - (int)fold(*b);
}

static int text_compare(const char *a, const char *b)
{
    int c = fold_compare(a, b);
    return c != 0 ? c : strcmp(a, b);
}

static int entry_compare(const void *pa, const void *pb)
{
    const struct policy_entry *a = pa;
    const struct policy_entry *b = pb;
    int c = text_compare(a->text, b->text);
    if (c != 0)
        return c;
    if (a->where.i != b->where.i)
        return a->where.i < b->where.i ? -1 : 1;
    return a->where.j < b->where.j ? -1 : a->where.j > b->where.j;
}

static enum hm_err clash(const struct policy_entry *first, const struct policy_entry *second,
                         const char *what, struct hm_why *why)
{
    char a[POLICY_PATH_MAX];
    char b[POLICY_PATH_MAX];
    bool in_order = first->where.i <= second->where.i;
    policy_where_text(in_order ? &first->where : &second->where, a);
    policy_where_text(in_order ? &second->where : &first->where, b);
    if (strcmp(first->text, second->text) == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: this %s stands twice, also at %s; expected it once", b, what, a);
    return hm_fail(why, HM_E_MALFORMED,
                   "%s: this %s differs from %s only in case; expected one spelling", b, what, a);
}

enum hm_err policy_index_seal(struct policy_index *x, enum policy_unique rule, const char *what,
                              struct hm_why *why)
{
    qsort(x->v, x->count, sizeof x->v[0], entry_compare);
    for (size_t i = 1; i < x->count; i++) {
        const struct policy_entry *a = &x->v[i - 1];
        const struct policy_entry *b = &x->v[i];
        bool same = strcmp(a->text, b->text) == 0;
        if (fold_compare(a->text, b->text) == 0 && (rule == POLICY_ONCE || !same))
            return clash(a, b, what, why);
    }
    return HM_OK;
}

const struct policy_entry *policy_index_find(const struct policy_index *x, const char *text)
{
    size_t lo = 0;
    size_t hi = x->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (text_compare(x->v[mid].text, text) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < x->count && strcmp(x->v[lo].text, text) == 0 ? &x->v[lo] : NULL;
}

bool policy_names_has(const struct policy_names *n, const char *text)
{
    size_t lo = 0;
    size_t hi = n->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(n->v[mid].text, text);
        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

bool policy_ptrs_has(const struct policy_ptrs *s, const void *p)
{
    size_t lo = 0;
    size_t hi = s->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid] == p)
            return true;
        if ((uintptr_t)s->v[mid] < (uintptr_t)p)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static int digest_compare(const void *pa, const void *pb)
{
    const struct policy_digest_at *a = pa;
    const struct policy_digest_at *b = pb;
    int c = memcmp(a->digest.b, b->digest.b, HM_SHA256_LEN);
    if (c != 0)
        return c;
    return a->where.i < b->where.i ? -1 : a->where.i > b->where.i;
}

void policy_digests_sort(struct policy_digests *x)
{
    qsort(x->v, x->count, sizeof x->v[0], digest_compare);
}

const struct policy_digest_at *policy_digests_find(const struct policy_digests *x,
                                                   const struct hm_digest *d)
{
    size_t lo = 0;
    size_t hi = x->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = memcmp(x->v[mid].digest.b, d->b, HM_SHA256_LEN);
        if (c == 0)
            return &x->v[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool policy_ptrs_same(const struct policy_ptrs *a, const struct policy_ptrs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->v[i] == b->v[i];
    return same;
}

bool policy_names_same(const struct policy_names *a, const struct policy_names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->v[i].text, b->v[i].text) == 0;
    return same;
}
