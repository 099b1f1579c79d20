/* What the interop script calls: log formats against an independent implementation. Entries of a
 * tree are read from a file, one per line. */
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "schema/log/hm_record.h"
#include "schema/log/hm_tlog_proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 512
#define LEVELS 10

/* Every complete node of the tree over the entries. */
struct tree {
    uint64_t size;
    struct hm_digest node[LEVELS][ENTRIES_MAX];
};

static void load(const char *path, struct hm_buf *out)
{
    struct hm_why why = {""};
    if (hm_file_read(path, (size_t)12 << 20, out, &why) == HM_OK)
        return;
    fprintf(stderr, "%s\n", why.text);
    exit(2);
}

static void add_entry(struct tree *t, struct hm_frontier *f, struct hm_bytes entry)
{
    struct hm_digest leaf = hm_merkle_leaf(entry);
    struct hm_digest done[64];
    unsigned n = hm_frontier_add(f, &leaf, done);
    for (unsigned l = 0; l < n && l < LEVELS; l++)
        t->node[l][t->size >> l] = done[l];
    t->size++;
}

static enum hm_err read_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    const struct tree *t = ctx;
    if (level >= LEVELS || (k + 1) << level > t->size)
        return hm_fail(why, HM_E_INTERNAL, "node (%u, %llu) is not complete", level,
                       (unsigned long long)k);
    *out = t->node[level][k];
    return HM_OK;
}

static void print_hash(const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    printf(" %s", hex);
}

static void print_path(const struct hm_path *p)
{
    for (size_t i = 0; i < p->count; i++)
        print_hash(&p->hash[i]);
    printf("\n");
}

/* tree FILE: for every size "root N HASH", "inclusion N I HASH..." and "consistency N M HASH..." */
static int tree(char **arg)
{
    HM_BUF_AUTO text = {0};
    struct tree *t = calloc(1, sizeof *t);
    struct hm_frontier f = {0};
    int code = t == NULL ? 2 : 0;
    load(arg[0], &text);
    const uint8_t *p = text.data;
    const uint8_t *end = text.data + text.len;
    for (const uint8_t *lf; code == 0 && p < end && t->size < ENTRIES_MAX; p = lf + 1) {
        lf = memchr(p, '\n', (size_t)(end - p));
        if (lf == NULL)
            break;
        add_entry(t, &f, hm_bytes_of(p, (size_t)(lf - p)));
        struct hm_digest root = hm_frontier_root(&f);
        struct hm_path path;
        unsigned long long size = t->size;
        printf("root %llu", size);
        print_hash(&root);
        printf("\n");
        for (uint64_t i = 0; code == 0 && i < t->size; i++) {
            if (hm_merkle_inclusion(i, t->size, read_node, t, &path, NULL) != HM_OK)
                code = 1;
            printf("inclusion %llu %llu", size, (unsigned long long)i);
            print_path(&path);
        }
        for (uint64_t i = 0; code == 0 && i <= t->size; i++) {
            if (hm_merkle_consistency(i, t->size, read_node, t, &path, NULL) != HM_OK)
                code = 1;
            printf("consistency %llu %llu", size, (unsigned long long)i);
            print_path(&path);
        }
    }
    free(t);
    return code;
}

/* A line of words; the next one, or NULL. */
static char *word(char **rest)
{
    char *w = strtok_r(NULL, " \n", rest);
    return w;
}

static bool words_to_path(char **rest, struct hm_path *out)
{
    out->count = 0;
    for (char *w = word(rest); w != NULL; w = word(rest)) {
        if (out->count == HM_PROOF_HASHES_MAX ||
            hm_digest_unhex(hm_bytes_str(w), &out->hash[out->count]) != HM_OK)
            return false;
        out->count++;
    }
    return true;
}

static bool word_to_digest(char **rest, struct hm_digest *out)
{
    char *w = word(rest);
    return w != NULL && hm_digest_unhex(hm_bytes_str(w), out) == HM_OK;
}

static bool word_to_number(char **rest, uint64_t *out)
{
    char *w = word(rest);
    return w != NULL && hm_decimal(hm_bytes_str(w), UINT64_MAX, out) == HM_OK;
}

/* Lines "inclusion SIZE INDEX ROOT LEAF HASH..." and "consistency SIZE OLD ROOT OLD-ROOT HASH...":
 * "yes" or "no". */
static int check(char **arg)
{
    FILE *in = fopen(arg[0], "re");
    char *line = NULL;
    size_t cap = 0;
    int code = in == NULL ? 2 : 0;
    while (code == 0 && getline(&line, &cap, in) > 0) {
        char *rest = NULL;
        const char *kind = strtok_r(line, " \n", &rest);
        uint64_t size;
        uint64_t number;
        struct hm_digest root;
        struct hm_digest other;
        struct hm_path path;
        if (kind == NULL || !word_to_number(&rest, &size) || !word_to_number(&rest, &number) ||
            !word_to_digest(&rest, &root) || !word_to_digest(&rest, &other) ||
            !words_to_path(&rest, &path)) {
            code = 2;
            break;
        }
        enum hm_err e = strcmp(kind, "inclusion") == 0
                            ? hm_merkle_check_inclusion(number, size, &other, &path, &root)
                            : hm_merkle_check_consistency(number, &other, size, &root, &path);
        printf("%s\n", e == HM_OK ? "yes" : "no");
    }
    free(line);
    if (in != NULL)
        (void)fclose(in);
    return code;
}

static int fail(enum hm_err e, const struct hm_why *why)
{
    fprintf(stderr, "%s: %s\n", hm_err_name(e), why->text);
    return 1;
}

/* checkpoint VKEY NOTE: "SIZE ROOT" */
static int checkpoint(char **arg)
{
    HM_BUF_AUTO note = {0};
    struct hm_vkey v;
    struct hm_checkpoint c;
    struct hm_why why = {""};
    load(arg[1], &note);
    enum hm_err e = hm_vkey_parse(hm_bytes_str(arg[0]), &v, &why);
    if (e == HM_OK)
        e = hm_checkpoint_open(hm_buf_bytes(&note), &v, &c, &why);
    if (e != HM_OK)
        return fail(e, &why);
    printf("%llu", (unsigned long long)c.size);
    print_hash(&c.root);
    printf("\n");
    return 0;
}

/* note VKEY SIZE ROOT SIGNATURE-HEX: the body where the signature is "-", else the signed note */
static int note(char **arg)
{
    HM_BUF_AUTO body = {0};
    HM_BUF_AUTO text = {0};
    struct hm_vkey v;
    struct hm_checkpoint c = {.size = 0};
    uint8_t sig[64];
    if (hm_vkey_parse(hm_bytes_str(arg[0]), &v, NULL) != HM_OK ||
        hm_decimal(hm_bytes_str(arg[1]), UINT64_MAX, &c.size) != HM_OK ||
        hm_digest_unhex(hm_bytes_str(arg[2]), &c.root) != HM_OK)
        return 2;
    memcpy(c.origin, v.name, sizeof c.origin);
    hm_checkpoint_body(&c, &body);
    if (strcmp(arg[3], "-") == 0)
        return fwrite(body.data, 1, body.len, stdout) == body.len ? 0 : 2;
    if (hm_unhex(hm_bytes_str(arg[3]), sig, sizeof sig) != HM_OK)
        return 2;
    hm_checkpoint_note(hm_buf_bytes(&body), &v, sig, &text);
    return fwrite(text.data, 1, text.len, stdout) == text.len ? 0 : 2;
}

/* proof VKEY FILE: "INDEX SIZE" and the record */
static int proof(char **arg)
{
    HM_BUF_AUTO text = {0};
    struct hm_vkey v;
    struct hm_tlog_proof p;
    struct hm_why why = {""};
    load(arg[1], &text);
    enum hm_err e = hm_vkey_parse(hm_bytes_str(arg[0]), &v, &why);
    if (e == HM_OK)
        e = hm_tlog_proof_open(hm_buf_bytes(&text), &v, &p, &why);
    if (e != HM_OK)
        return fail(e, &why);
    printf("%llu %llu\n", (unsigned long long)p.index, (unsigned long long)p.checkpoint.size);
    int code = fwrite(p.record.data, 1, p.record.len, stdout) == p.record.len ? 0 : 2;
    hm_buf_free(&p.record);
    return code;
}

/* records FILE: one verdict per line; what is accepted is also written again and compared */
static int records(char **arg)
{
    HM_BUF_AUTO text = {0};
    load(arg[0], &text);
    const uint8_t *p = text.data;
    const uint8_t *end = text.data + text.len;
    for (const uint8_t *lf; p < end; p = lf + 1) {
        HM_BUF_AUTO again = {0};
        struct hm_record r;
        struct hm_why why = {""};
        lf = memchr(p, '\n', (size_t)(end - p));
        if (lf == NULL)
            return 2;
        struct hm_bytes line = hm_bytes_of(p, (size_t)(lf - p));
        enum hm_err e = hm_record_parse(line, &r, &why);
        if (e != HM_OK)
            printf("reject %s: %s\n", hm_err_name(e), why.text);
        else if (hm_record_write(&r, &again, NULL) != HM_OK ||
                 !hm_bytes_eq(hm_buf_bytes(&again), line))
            return 1;
        else
            printf("accept\n");
    }
    return 0;
}

static const struct {
    const char *name;
    int args;
    int (*run)(char **arg);
} operations[] = {
    {"tree", 1, tree}, {"check", 1, check}, {"checkpoint", 2, checkpoint},
    {"note", 4, note}, {"proof", 2, proof}, {"records", 1, records},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(argv[1], operations[i].name) == 0 && argc - 2 == operations[i].args)
            return operations[i].run(argv + 2);
    fprintf(stderr, "usage: log_tool OPERATION ARGUMENT...\n");
    return 2;
}
