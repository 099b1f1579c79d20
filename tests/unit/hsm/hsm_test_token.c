#include "tests/unit/hsm/hsm_test_token.h"

#include "schema/core/hm_bytes.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *softhsm(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                         "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static bool write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    bool ok = f != NULL && fputs(text, f) >= 0;
    return f != NULL && fclose(f) == 0 && chmod(path, mode) == 0 && ok;
}

static bool init_token(const char *label)
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDOUT_FILENO);
        (void)execlp("softhsm2-util", "softhsm2-util", "--init-token", "--free", "--label", label,
                     "--pin", TEST_PIN, "--so-pin", "314159", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

bool test_tokens_make(struct test_tokens *t)
{
    char path[160];
    char text[256];
    const char *real = softhsm();
    const char *fault = getenv("HSM_FAULT_MODULE");
    memset(t, 0, sizeof *t);
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/hallmark-hsm-XXXXXX");
    if (real == NULL || fault == NULL || mkdtemp(t->dir) == NULL)
        return false;
    (void)snprintf(t->module, sizeof t->module, "%s", fault);
    (void)snprintf(t->pin_file, sizeof t->pin_file, "%s/pin", t->dir);
    (void)snprintf(t->fault_file, sizeof t->fault_file, "%s/fault", t->dir);
    (void)snprintf(t->login_file, sizeof t->login_file, "%s/logins", t->dir);
    (void)snprintf(path, sizeof path, "%s/tokens", t->dir);
    bool ok = mkdir(path, 0700) == 0;
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", path);
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", t->dir);
    ok = ok && write_file(path, text, 0600) && setenv("SOFTHSM2_CONF", path, 1) == 0 &&
         setenv("HSM_REAL_MODULE", real, 1) == 0 &&
         setenv("HSM_FAULT_FILE", t->fault_file, 1) == 0 &&
         setenv("HSM_LOGIN_COUNT_FILE", t->login_file, 1) == 0;
    test_fault(t, "");
    test_pin_write(t, TEST_PIN "\n", 0600);
    return ok && init_token("alpha") && init_token("beta") && init_token("log");
}

void test_tokens_remove(struct test_tokens *t)
{
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("rm", "rm", "-rf", t->dir, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, NULL, 0);
}

void test_pin_write(const struct test_tokens *t, const char *pin, unsigned mode)
{
    (void)unlink(t->pin_file); /* another inode each time: what an editor does */
    if (!write_file(t->pin_file, pin, mode))
        abort();
}

void test_fault(const struct test_tokens *t, const char *line)
{
    if (!write_file(t->fault_file, line, 0600))
        abort();
}

size_t test_logins(const struct test_tokens *t)
{
    struct stat st;
    return stat(t->login_file, &st) == 0 ? (size_t)st.st_size : 0;
}

enum hm_err test_open(const struct test_tokens *t, const char *label, bool read_write,
                      struct hsm **out, struct hm_why *why)
{
    struct hsm_token_config token = {label, t->pin_file};
    struct hsm_config c = {.module = t->module,
                           .tokens = &token,
                           .token_count = 1,
                           .state_dir = t->dir,
                           .read_write = read_write};
    return hsm_open(&c, out, why);
}

struct direct {
    void *handle;
    CK_FUNCTION_LIST_PTR f;
    CK_SESSION_HANDLE session;
};

static bool direct_open(struct direct *d, const struct test_tokens *t, const char *label)
{
    CK_C_GetFunctionList get = NULL;
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    CK_UTF8CHAR pin[] = TEST_PIN;
    d->handle = dlopen(t->module, RTLD_NOW | RTLD_LOCAL);
    void *symbol = d->handle != NULL ? dlsym(d->handle, "C_GetFunctionList") : NULL;
    if (symbol == NULL)
        return false;
    memcpy(&get, &symbol, sizeof get);
    if (get(&d->f) != CKR_OK || d->f->C_Initialize(NULL) != CKR_OK ||
        d->f->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (d->f->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, strlen(label)) == 0 && info.label[strlen(label)] == ' ')
            return d->f->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                       &d->session) == CKR_OK &&
                   d->f->C_Login(d->session, CKU_USER, pin, sizeof pin - 1) == CKR_OK;
    }
    return false;
}

static void direct_close(struct direct *d)
{
    if (d->f != NULL)
        (void)d->f->C_Finalize(NULL);
    if (d->handle != NULL)
        (void)dlclose(d->handle);
}

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

struct templates {
    char label[64];
    uint8_t params[16];
    size_t params_len;
    CK_ATTRIBUTE priv[16];
    CK_ULONG priv_count;
};

static void fill(struct templates *x, const struct test_key *k)
{
    (void)snprintf(x->label, sizeof x->label, "%s", k->label);
    x->params_len = k->p384 ? sizeof p384 : sizeof p256;
    memcpy(x->params, k->p384 ? p384 : p256, x->params_len);
    CK_ATTRIBUTE base[] = {{CKA_TOKEN, &yes, sizeof yes},
                           {CKA_PRIVATE, &yes, sizeof yes},
                           {CKA_LABEL, x->label, strlen(x->label)},
                           {CKA_ID, x->label, strlen(x->label)},
                           {CKA_SENSITIVE, &yes, sizeof yes},
                           {CKA_EXTRACTABLE, &no, sizeof no},
                           {CKA_SIGN, &yes, sizeof yes},
                           {CKA_SIGN_RECOVER, &no, sizeof no},
                           {CKA_DECRYPT, &no, sizeof no},
                           {CKA_UNWRAP, &no, sizeof no},
                           {CKA_DERIVE, &no, sizeof no}};
    x->priv_count = sizeof base / sizeof base[0];
    memcpy(x->priv, base, sizeof base);
    for (CK_ULONG i = 0; i < x->priv_count; i++)
        if (x->priv[i].type == k->change)
            x->priv[i].pValue = k->value ? &yes : &no;
}

static bool generate(struct direct *d, struct templates *x, const struct test_key *k)
{
    CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_TOKEN, &yes, sizeof yes},
                          {CKA_VERIFY, &yes, sizeof yes},
                          {CKA_LABEL, x->label, strlen(x->label)},
                          {CKA_ID, x->label, strlen(x->label)},
                          {CKA_EC_PARAMS, x->params, x->params_len}};
    CK_OBJECT_HANDLE a;
    CK_OBJECT_HANDLE b;
    return d->f->C_GenerateKeyPair(d->session, &m, pub, 5, x->priv, x->priv_count, &a, &b) ==
               CKR_OK &&
           (!k->no_public || d->f->C_DestroyObject(d->session, a) == CKR_OK);
}

/* A key that was made outside, with both its objects. */
static bool import(struct direct *d, struct templates *x)
{
    uint8_t secret[32];
    uint8_t point[67] = {0x04, 0x41};
    size_t point_len = 0;
    BIGNUM *n = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CK_OBJECT_CLASS priv_class = CKO_PRIVATE_KEY;
    CK_OBJECT_CLASS pub_class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_OBJECT_HANDLE handle;
    bool ok = key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 &&
              BN_bn2binpad(n, secret, sizeof secret) == 32 &&
              EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point + 2, 65,
                                              &point_len) == 1;
    BN_free(n);
    EVP_PKEY_free(key);
    CK_ATTRIBUTE pub[] = {{CKA_CLASS, &pub_class, sizeof pub_class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, x->label, strlen(x->label)},
                          {CKA_ID, x->label, strlen(x->label)},
                          {CKA_EC_PARAMS, x->params, x->params_len},
                          {CKA_EC_POINT, point, sizeof point}};
    CK_ATTRIBUTE more[] = {{CKA_CLASS, &priv_class, sizeof priv_class},
                           {CKA_KEY_TYPE, &type, sizeof type},
                           {CKA_EC_PARAMS, x->params, x->params_len},
                           {CKA_VALUE, secret, sizeof secret}};
    memcpy(&x->priv[x->priv_count], more, sizeof more);
    return ok && d->f->C_CreateObject(d->session, pub, 7, &handle) == CKR_OK &&
           d->f->C_CreateObject(d->session, x->priv, x->priv_count + 4, &handle) == CKR_OK;
}

bool test_key_make(const struct test_tokens *t, const char *token, const struct test_key *k)
{
    struct direct d = {NULL, NULL, 0};
    struct templates x;
    fill(&x, k);
    bool ok = direct_open(&d, t, token) && (k->import ? import(&d, &x) : generate(&d, &x, k));
    direct_close(&d);
    return ok;
}
