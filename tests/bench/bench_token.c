#include "tests/bench/bench_token.h"

#include "tests/bench/bench_die.h"

#include <dlfcn.h>
#include <string.h>

#define SLOTS_MAX 32
#define PIN_MAX 64

static void check(CK_RV rv, const char *what)
{
    if (rv != CKR_OK)
        bench_die("token", what);
}

CK_FUNCTION_LIST_PTR bench_module(const char *path, bool threads)
{
    CK_C_INITIALIZE_ARGS locking = {.flags = CKF_OS_LOCKING_OK};
    CK_FUNCTION_LIST_PTR f = NULL;
    CK_C_GetFunctionList get = NULL;
    void *lib = dlopen(path, RTLD_NOW);
    void *sym = lib != NULL ? dlsym(lib, "C_GetFunctionList") : NULL;
    memcpy(&get, &sym, sizeof get);
    if (get == NULL || get(&f) != CKR_OK)
        bench_die("token", "cannot load the module");
    check(f->C_Initialize(threads ? &locking : NULL), "cannot initialize the module");
    return f;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST_PTR f, const char *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    size_t len = strlen(label);
    check(f->C_GetSlotList(CK_TRUE, slots, &n), "no slots");
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, label, len) == 0 &&
            info.label[len] == ' ')
            return slots[i];
    }
    bench_die("token", "no such token");
}

/* A second session of a token is logged in with the first. */
static void log_in(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE s, const char *pin_file)
{
    CK_UTF8CHAR pin[PIN_MAX];
    FILE *p = fopen(pin_file, "r");
    size_t n = p != NULL ? fread(pin, 1, sizeof pin, p) : 0;
    if (p != NULL)
        (void)fclose(p);
    CK_RV rv = f->C_Login(s, CKU_USER, pin, n);
    if (rv != CKR_USER_ALREADY_LOGGED_IN)
        check(rv, "cannot log in");
}

static CK_OBJECT_HANDLE find_key(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE s, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_UTF8CHAR text[33] = "";
    (void)snprintf((char *)text, sizeof text, "%s", label);
    CK_ATTRIBUTE want[2] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, text, strlen(label)}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;
    check(f->C_FindObjectsInit(s, want, 2), "cannot look for a key");
    check(f->C_FindObjects(s, &key, 1, &n), "cannot look for a key");
    (void)f->C_FindObjectsFinal(s);
    if (n != 1)
        bench_die("token", "no such key");
    return key;
}

void bench_key_open(CK_FUNCTION_LIST_PTR f, const char *token, const char *label,
                    const char *pin_file, struct bench_key *out)
{
    CK_KEY_TYPE type = CKK_EC;
    CK_ATTRIBUTE want = {CKA_KEY_TYPE, &type, sizeof type};
    out->f = f;
    check(f->C_OpenSession(find_slot(f, token), CKF_SERIAL_SESSION, NULL, NULL, &out->session),
          "cannot open a session");
    log_in(f, out->session, pin_file);
    out->key = find_key(f, out->session, label);
    check(f->C_GetAttributeValue(out->session, out->key, &want, 1), "cannot read the key's type");
    out->mechanism = (CK_MECHANISM){type == CKK_EC ? CKM_ECDSA : CKM_EDDSA, NULL, 0};
}

void bench_key_sign(const struct bench_key *k, const unsigned char *data, size_t len,
                    unsigned char sig[64])
{
    CK_MECHANISM m = k->mechanism;
    CK_BYTE in[1024];
    CK_ULONG n = 64;
    if (len > sizeof in)
        bench_die("token", "too much to sign");
    memcpy(in, data, len); /* the parameter has no const */
    check(k->f->C_SignInit(k->session, &m, k->key), "C_SignInit failed");
    check(k->f->C_Sign(k->session, in, len, sig, &n), "C_Sign failed");
}
