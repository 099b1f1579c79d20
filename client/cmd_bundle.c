/* hallmark bundle: everything a device and an archive need, verified before it gets its final name.
 */
#include "client/cli_bundle.h"
#include "client/cli_http.h"
#include "schema/io/hm_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
    {"out", "DIR", "new directory for the bundle", false},
    {NULL, NULL, NULL, false},
};
static const char *const own_names[] = {"manifest.suit", "release.tlog-proof", "trust-store.cbor",
                                        "statement.txt", "request.json",       "attestations",
                                        "approvals"};

static enum hm_err put_file(const char *dir, const char *name, const struct hm_buf *data,
                            struct hm_why *why)
{
    char path[CLI_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return hm_fail(why, HM_E_IO, "%.200s: path too long", dir);
    return cli_local(hm_file_write_atomic(path, hm_buf_bytes(data), 0644, why));
}

static enum hm_err put_numbered(const char *dir, const char *sub, const char *suffix,
                                const struct hm_buf *list, size_t count, struct hm_why *why)
{
    char path[CLI_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", dir, sub);
    enum hm_err err = cli_local(hm_dir_make(path, 0755, why));
    for (size_t i = 0; err == HM_OK && i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%02zu%s", i + 1, suffix);
        err = put_file(path, name, &list[i], why);
    }
    return err == HM_OK ? hm_dir_sync(path, why) : err;
}

static enum hm_err fetch_artifact(struct cli *c, const char *dir, const struct hm_artifact *a)
{
    char path[128], hex[HM_SHA256_HEX], file[CLI_PATH_MAX];
    struct cli_progress progress;
    CLI_ANSWER_AUTO answer = {.status = 0};
    for (size_t i = 0; i < sizeof own_names / sizeof own_names[0]; i++)
        if (strcmp(a->name, own_names[i]) == 0)
            return hm_fail(&c->why, HM_E_CONFLICT,
                           "artifact '%s' has the name of a file that a "
                           "bundle has itself",
                           a->name);
    hm_digest_hex(&a->digest, hex);
    (void)snprintf(path, sizeof path, "/v1/artifacts/sha256:%s", hex);
    if (snprintf(file, sizeof file, "%s/%s", dir, a->name) >= (int)sizeof file)
        return hm_fail(&c->why, HM_E_IO, "path too long");
    FILE *out = fopen(file, "w+xe");
    if (out == NULL)
        return cli_local(hm_fail_errno(&c->why, errno, "%.300s: cannot create", file));
    struct hm_sha256_ctx *hash = hm_sha256_new();
    cli_progress_begin(&progress, &c->term, "downloaded", a->name, a->size);
    enum hm_err err = cli_http_ok(c,
                                  &(struct cli_call){.method = "GET",
                                                     .path = path,
                                                     .max = 65536,
                                                     .file = out,
                                                     .file_size = a->size,
                                                     .progress = &progress,
                                                     .hash = hash},
                                  &answer);
    struct hm_digest d = hm_sha256_end(hash);
    hm_sha256_free(hash);
    cli_progress_end(&progress, a->size, err == HM_OK && !c->term.json);
    if (err == HM_OK && (fflush(out) != 0 || fsync(fileno(out)) != 0))
        err = hm_fail_errno(&c->why, errno, "%.300s: cannot write", file);
    if (fclose(out) != 0 && err == HM_OK)
        err = hm_fail(&c->why, HM_E_IO, "%.300s: cannot write", file);
    if (err == HM_OK && (answer.length != a->size || !hm_digest_eq(&d, &a->digest)))
        err = hm_fail(&c->why, HM_E_SIGNATURE,
                      "artifact '%s': the bytes the server sent are not those that were approved",
                      a->name);
    return err;
}

static enum hm_err write_all(struct cli *c, const char *dir, const struct cli_facts *f,
                             const struct cli_bundle *b)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < f->request.artifact_count; i++)
        err = fetch_artifact(c, dir, &f->request.artifacts[i]);
    if (err == HM_OK)
        err = put_file(dir, "manifest.suit", &b->envelope, &c->why);
    if (err == HM_OK)
        err = put_file(dir, "release.tlog-proof", &b->signed_record.text, &c->why);
    if (err == HM_OK)
        err = put_file(dir, "trust-store.cbor", &b->trust_store, &c->why);
    if (err == HM_OK)
        err = put_file(dir, "statement.txt", &f->statement_text, &c->why);
    if (err == HM_OK)
        err = put_file(dir, "request.json", &f->request_doc, &c->why);
    if (err == HM_OK)
        err = put_numbered(dir, "attestations", ".dsse.json", f->attestations, f->attestation_count,
                           &c->why);
    if (err == HM_OK)
        err = put_numbered(dir, "approvals", ".json", b->approvals, b->approval_count, &c->why);
    return err == HM_OK ? hm_dir_sync(dir, &c->why) : err;
}

/* Removes a directory that this command made: plain files, and one level of folders. */
static void remove_dir(const char *dir, unsigned levels)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[CLI_PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        if (unlink(path) != 0 && levels > 0)
            remove_dir(path, levels - 1);
    }
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(dir);
}

static enum hm_err load(struct cli *c, uint64_t id, struct cli_facts *f, struct cli_bundle *b)
{
    char path[96];
    struct hm_vkey key;
    struct cli_pins pins;
    CLI_ANSWER_AUTO a = {.status = 0};
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK)
        err = cli_pins_load(c, &pins);
    if (err == HM_OK)
        err = cli_facts_load(c, id, f);
    if (err != HM_OK)
        return err;
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "/bundle", id);
    err = cli_http_get(c, path, "application/json", CLI_BUNDLE_MAX, &a);
    if (err == HM_OK)
        err = cli_bundle_read(hm_buf_bytes(&a.body), f, &key, b, &c->why);
    if (err == HM_OK)
        err = cli_bundle_check_device(b, f, &pins, &c->why);
    return err == HM_OK ? cli_bundle_check_approvals(b, f, &c->why) : err;
}

static enum hm_err write_and_rename(struct cli *c, const char *out, const struct cli_facts *f,
                                    const struct cli_bundle *b)
{
    char tmp[CLI_PATH_MAX];
    size_t len = strlen(out);
    while (len > 1 && out[len - 1] == '/')
        len--;
    if (snprintf(tmp, sizeof tmp, "%.*s.partial-XXXXXX", (int)len, out) >= (int)sizeof tmp ||
        mkdtemp(tmp) == NULL)
        return cli_local(
            hm_fail_errno(&c->why, errno, "%.300s: cannot create a directory beside it", out));
    (void)chmod(tmp, 0755);
    enum hm_err err = write_all(c, tmp, f, b);
    if (err == HM_OK && rename(tmp, out) != 0)
        err = cli_local(hm_fail_errno(&c->why, errno, "%.300s: cannot be put in place", out));
    if (err != HM_OK)
        remove_dir(tmp, 1);
    return err;
}

/* "none", or how many of the trust store's witnesses cosigned. */
static void witness_text(const struct cli_bundle *b, char out[static 96])
{
    if (b->witnesses == 0)
        (void)snprintf(out, 96, "none");
    else
        (void)snprintf(out, 96, "%zu of %zu cosigned, %zu needed", b->cosigned, b->witnesses,
                       b->quorum);
}

static void report(const struct cli *c, const char *out, const struct cli_facts *f,
                   const struct cli_bundle *b)
{
    char witnesses[96];
    size_t artifacts = f->request.artifact_count;
    witness_text(b, witnesses);
    if (c->term.json) {
        (void)printf("{\"release\":\"r%" PRIu64 "\",\"verified\":true,\"classes\":%zu,"
                     "\"approvers\":%zu,\"store_epoch\":%" PRIu64 ",\"witnesses\":%zu,"
                     "\"witness_quorum\":%zu,\"cosigned\":%zu,\"index\":%" PRIu64 "}\n",
                     f->release, f->suit.class_count, b->people, b->store_epoch, b->witnesses,
                     b->quorum, b->cosigned, b->signed_record.record.idx);
        return;
    }
    (void)printf("%sverified%s %s %s (r%" PRIu64 ") in ",
                 cli_term_style(c->term.color_out, CLI_GOOD),
                 cli_term_style(c->term.color_out, CLI_PLAIN), f->statement.product,
                 f->statement.version, f->release);
    cli_put_text(stdout, out);
    (void)printf("\n  signatures, proof, freshness and compatibility hold for %zu device class%s\n"
                 "  trust store epoch %" PRIu64 ", witnesses: %s\n"
                 "  approved by %zu %s; %zu artifact%s with the approved digest%s\n",
                 f->suit.class_count, f->suit.class_count == 1 ? "" : "es", b->store_epoch,
                 witnesses, b->people, b->people == 1 ? "person" : "people", artifacts,
                 CLI_S(artifacts), CLI_S(artifacts));
}

static enum hm_err bundle(struct cli *c)
{
    CLI_FACTS_AUTO *f = cli_facts_new();
    CLI_BUNDLE_AUTO *b = cli_bundle_new();
    const char *out = cli_args_get(&c->args, "out");
    uint64_t id;
    enum hm_err err = cli_release_operand(c, &id);
    if (err != HM_OK)
        return err;
    if (f == NULL || b == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    if (out == NULL) {
        cli_next(c, "hallmark bundle %s --out DIR", c->args.operand[0]);
        return hm_fail(&c->why, HM_E_CONFIG, "--out is missing");
    }
    if (access(out, F_OK) == 0)
        return hm_fail(&c->why, HM_E_IO, "%.300s: exists already, expected a new directory", out);
    err = load(c, id, f, b);
    if (err == HM_OK)
        err = write_and_rename(c, out, f, b);
    if (err == HM_OK)
        report(c, out, f, b);
    else if (cli_exit_of(err) == CLI_EXIT_REFUSED && c->next[0] == '\0')
        cli_next(c, "install nothing of this; hallmark log verify, and tell the log's operator");
    return err;
}

static int run(struct cli *c)
{
    return cli_end(c, bundle(c));
}

const struct cli_command cli_cmd_bundle = {
    .name = "bundle",
    .summary = "fetch a signed release and verify all of it",
    .usage = "RELEASE --out DIR [--trust-store FILE | --root-key ID]",
    .example = "  hallmark bundle r17 --out edge-router-2.1.0 --trust-store production.cbor",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
