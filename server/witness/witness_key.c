#include "server/witness/witness_key.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096
#define PATH_LIMIT 4096

struct witness_key {
    EVP_PKEY *pkey;
    struct hm_cosigner cosigner;
};

/* --- making one --- */

static enum hm_err to_pem(struct hm_buf *out, struct hm_why *why)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = pkey != NULL && bio != NULL &&
              PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    long len = ok ? BIO_get_mem_data(bio, &text) : 0;
    if (len > 0) {
        hm_buf_put(out, text, (size_t)len);
        OPENSSL_cleanse(text, (size_t)len);
    }
    (void)BIO_free(bio);
    EVP_PKEY_free(pkey);
    if (len <= 0)
        return hm_fail(why, HM_E_INTERNAL, "libcrypto made no key");
    enum hm_err err = hm_buf_err(out);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no memory for the key");
}

static enum hm_err write_new(const char *path, struct hm_bytes pem, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", path);
    enum hm_err err = hm_fd_write(fd, pem, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", path);
    return fsync(fd) == 0 ? HM_OK : hm_fail_errno(why, errno, "%s: cannot fsync", path);
}

static enum hm_err put_in_place(const char *fresh, const char *path, struct hm_why *why)
{
    HM_BUF_AUTO dir = {.limit = PATH_LIMIT};
    const char *slash = strrchr(path, '/');
    /* link(2), not rename(2): it never takes the place of a file that is there. */
    if (link(fresh, path) != 0)
        return errno == EEXIST
                   ? hm_fail(why, HM_E_CONFLICT,
                             "%s: exists already; another key is another witness. Move the file "
                             "away first if that is meant",
                             path)
                   : hm_fail_errno(why, errno, "%s: cannot create", path);
    if (slash != NULL)
        hm_buf_put(&dir, path, (size_t)(slash - path) + 1);
    else
        hm_buf_puts(&dir, ".");
    const char *text = hm_buf_str(&dir);
    return text != NULL ? hm_dir_sync(text, why) : hm_fail(why, HM_E_MEMORY, "no memory");
}

enum hm_err witness_key_make(const char *path, struct hm_why *why)
{
    HM_BUF_AUTO name = {.limit = PATH_LIMIT};
    struct hm_buf pem = {.limit = KEY_FILE_MAX};
    hm_buf_printf(&name, "%s.new", path);
    const char *fresh = hm_buf_str(&name);
    if (fresh == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    enum hm_err err = to_pem(&pem, why);
    (void)unlink(fresh); /* what an interrupted attempt left */
    if (err == HM_OK)
        err = write_new(fresh, hm_buf_bytes(&pem), why);
    hm_buf_wipe(&pem);
    if (err == HM_OK)
        err = put_in_place(fresh, path, why);
    (void)unlink(fresh);
    return err;
}

/* --- using one --- */

static enum hm_err check_file(const char *path, const struct stat *st, struct hm_why *why)
{
    if (!S_ISREG(st->st_mode))
        return hm_fail(why, HM_E_DENIED, "%s: a key comes from an ordinary file", path);
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return hm_fail(why, HM_E_DENIED, "%s: others may read this key (mode %04o); make it 0400",
                       path, (unsigned)(st->st_mode & 07777));
    if (st->st_uid != geteuid())
        return hm_fail(why, HM_E_DENIED, "%s: the key file belongs to another user", path);
    return HM_OK;
}

static enum hm_err read_all(int fd, const char *path, struct hm_buf *out, struct hm_why *why)
{
    uint8_t *room = hm_buf_room(out, KEY_FILE_MAX);
    if (room == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    enum hm_err err = hm_fd_read_into(fd, room, KEY_FILE_MAX, &out->len, why);
    if (err == HM_E_LIMIT)
        return hm_fail_in(why, HM_E_MALFORMED, "%s: no key file", path);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "%s", path);
}

static enum hm_err read_file(const char *path, struct hm_buf *out, struct hm_why *why)
{
    struct stat st;
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return hm_fail(why, HM_E_NOT_FOUND, "%s: missing; make one with `hallmark-witness keygen`",
                       path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return hm_fail_errno(why, errno, "%s: cannot open", path);
    enum hm_err err = check_file(path, &st, why);
    return err == HM_OK ? read_all(fd, path, out, why) : err;
}

/* Asked for a passphrase only by encrypted keys. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static enum hm_err parse(const char *path, struct hm_bytes pem, EVP_PKEY **out, struct hm_why *why)
{
    bool asked = false;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
    (void)BIO_free(bio);
    if (pkey != NULL && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519) {
        *out = pkey;
        return HM_OK;
    }
    EVP_PKEY_free(pkey);
    if (asked || pkey != NULL)
        return hm_fail(why, HM_E_UNSUPPORTED, "%s: expected an Ed25519 key that is not encrypted",
                       path);
    return hm_fail(why, HM_E_MALFORMED, "%s: expected a PEM private key (PKCS#8)", path);
}

static enum hm_err adopt(struct witness_key *k, const char *name, struct hm_why *why)
{
    uint8_t raw[32];
    size_t len = sizeof raw;
    struct hm_key public = {.alg = HM_KEY_NONE};
    if (EVP_PKEY_get_raw_public_key(k->pkey, raw, &len) != 1)
        return hm_fail(why, HM_E_INTERNAL, "the key has no public half");
    enum hm_err err = hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &public, why);
    return err == HM_OK ? hm_cosigner_make(name, &public, &k->cosigner) : err;
}

enum hm_err witness_key_open(const char *path, const char *name, struct witness_key **out,
                             struct hm_why *why)
{
    struct hm_buf pem = {.limit = KEY_FILE_MAX};
    struct witness_key *k = calloc(1, sizeof *k);
    if (k == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the key");
    enum hm_err err = read_file(path, &pem, why);
    if (err == HM_OK)
        err = parse(path, hm_buf_bytes(&pem), &k->pkey, why);
    hm_buf_wipe(&pem);
    if (err == HM_OK)
        err = adopt(k, name, why);
    if (err != HM_OK) {
        witness_key_close(k);
        return err;
    }
    *out = k;
    return HM_OK;
}

const struct hm_cosigner *witness_key_cosigner(const struct witness_key *k)
{
    return &k->cosigner;
}

enum hm_err witness_key_cosign(const struct witness_key *k, uint64_t time_s, struct hm_bytes body,
                               struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO message = {.limit = HM_NOTE_MAX + 64};
    uint8_t sig[64];
    size_t len = sizeof sig;
    hm_cosignature_message(time_s, body, &message);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = hm_buf_err(&message) == HM_OK && ctx != NULL &&
              EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
              EVP_DigestSign(ctx, sig, &len, message.data, message.len) == 1 && len == sizeof sig;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return hm_fail(why, HM_E_INTERNAL, "libcrypto does not sign");
    hm_cosignature_line(&k->cosigner, time_s, sig, out);
    return hm_buf_err(out);
}

void witness_key_close(struct witness_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey);
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
}
