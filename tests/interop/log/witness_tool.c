/* What witness_test.py calls: the asking side of the witness protocol, against an independent
 * implementation. */
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "schema/log/hm_add_checkpoint.h"
#include "schema/log/hm_cosignature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void load(const char *path, struct hm_buf *out)
{
    struct hm_why why = {""};
    if (hm_file_read(path, (size_t)1 << 20, out, &why) == HM_OK)
        return;
    fprintf(stderr, "%s\n", why.text);
    exit(2);
}

static int fail(enum hm_err e, const struct hm_why *why)
{
    fprintf(stderr, "%s: %s\n", hm_err_name(e), why->text);
    return 1;
}

static int print(const struct hm_buf *b)
{
    return fwrite(b->data, 1, b->len, stdout) == b->len ? 0 : 2;
}

/* key VKEY: the same line again */
static int key(int n, char **arg)
{
    HM_BUF_AUTO line = {0};
    struct hm_cosigner c;
    struct hm_why why = {""};
    (void)n;
    enum hm_err e = hm_cosigner_parse(hm_bytes_str(arg[0]), &c, &why);
    if (e != HM_OK)
        return fail(e, &why);
    hm_cosigner_write(&c, &line);
    return print(&line);
}

/* request OLD NOTE HASH... */
static int request(int n, char **arg)
{
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO out = {0};
    struct hm_path path = {.count = 0};
    uint64_t old = 0;
    load(arg[1], &note);
    if (hm_decimal(hm_bytes_str(arg[0]), UINT64_MAX, &old) != HM_OK || n - 2 > HM_PROOF_HASHES_MAX)
        return 2;
    for (int i = 2; i < n; i++)
        if (hm_digest_unhex(hm_bytes_str(arg[i]), &path.hash[path.count++]) != HM_OK)
            return 2;
    hm_add_checkpoint_write(old, &path, hm_buf_bytes(&note), &out);
    return print(&out);
}

/* parse REQUEST: "OLD HASH..." and the note */
static int parse(int n, char **arg)
{
    HM_BUF_AUTO text = {0};
    struct hm_add_checkpoint a;
    struct hm_why why = {""};
    (void)n;
    load(arg[0], &text);
    enum hm_err e = hm_add_checkpoint_parse(hm_buf_bytes(&text), &a, &why);
    if (e != HM_OK)
        return fail(e, &why);
    printf("%llu", (unsigned long long)a.old_size);
    for (size_t i = 0; i < a.path.count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&a.path.hash[i], hex);
        printf(" %s", hex);
    }
    printf("\n");
    return fwrite(a.note.data, 1, a.note.len, stdout) == a.note.len ? 0 : 2;
}

/* size BODY */
static int size(int n, char **arg)
{
    HM_BUF_AUTO text = {0};
    uint64_t v = 0;
    (void)n;
    load(arg[0], &text);
    enum hm_err e = hm_tree_size_parse(hm_buf_bytes(&text), &v);
    if (e != HM_OK)
        return fail(e, &(struct hm_why){"not a size"});
    printf("%llu\n", (unsigned long long)v);
    return 0;
}

static bool read_known(int n, char **arg, struct hm_cosigners *known)
{
    known->count = 0;
    for (int i = 0; i < n; i++) {
        struct hm_cosigner c;
        if (hm_cosigner_parse(hm_bytes_str(arg[i]), &c, NULL) != HM_OK ||
            hm_cosigners_add(known, &c, NULL) != HM_OK)
            return false;
    }
    return true;
}

/* take NOTE LINES LATEST VKEY...: "NAME TIME" of each that counts, "floors T1 T2 ...", the merged
 * note */
static int take(int n, char **arg)
{
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO lines = {0};
    HM_BUF_AUTO merged = {0};
    struct hm_cosigners known;
    struct hm_cosignatures s = {0};
    struct hm_checkpoint_parts p;
    struct hm_why why = {""};
    uint64_t latest = 0;
    uint64_t t = 0;
    load(arg[0], &note);
    load(arg[1], &lines);
    if (hm_decimal(hm_bytes_str(arg[2]), UINT64_MAX, &latest) != HM_OK ||
        !read_known(n - 3, arg + 3, &known))
        return 2;
    enum hm_err e = hm_checkpoint_split(hm_buf_bytes(&note), false, &p, &why);
    if (e == HM_OK)
        e = hm_cosignatures_take(&s, &known, p.body, hm_buf_bytes(&lines), latest, &why);
    if (e == HM_OK)
        e = hm_cosignatures_merge(&s, &known, hm_buf_bytes(&note), &merged, &why);
    if (e != HM_OK)
        return fail(e, &why);
    for (size_t i = 0; i < known.count; i++)
        if (s.of[i].time_s != 0)
            printf("%s %llu\n", known.of[i].v.name, (unsigned long long)s.of[i].time_s);
    printf("floors");
    for (size_t quorum = 1; hm_cosignatures_time(&s, quorum, &t); quorum++)
        printf(" %llu", (unsigned long long)t);
    printf("\n");
    return print(&merged);
}

static const struct {
    const char *name;
    int args; /* at least */
    int (*run)(int n, char **arg);
} operations[] = {
    {"key", 1, key},   {"request", 2, request}, {"parse", 1, parse},
    {"size", 1, size}, {"take", 3, take},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(argv[1], operations[i].name) == 0 && argc - 2 >= operations[i].args)
            return operations[i].run(argc - 2, argv + 2);
    fprintf(stderr, "usage: witness_tool OPERATION ARGUMENT...\n");
    return 2;
}
