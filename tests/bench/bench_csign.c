/* The bare primitive under `sign`: C_Sign of 32 bytes in a loop, P-256 or Ed25519 as the key is,
 * one session, key handle found once.
 *   bench_csign MODULE TOKEN-LABEL KEY-LABEL PIN-FILE SECONDS      prints signatures per second */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <softhsm/cryptoki.h>

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_csign: %s\n", what);
    exit(2);
}

static CK_FUNCTION_LIST_PTR load(const char *module)
{
    CK_FUNCTION_LIST_PTR f = NULL;
    CK_C_GetFunctionList get = NULL;
    void *lib = dlopen(module, RTLD_NOW);
    void *sym = lib != NULL ? dlsym(lib, "C_GetFunctionList") : NULL;
    memcpy(&get, &sym, sizeof get);
    if (get == NULL || get(&f) != CKR_OK || f->C_Initialize(NULL) != CKR_OK)
        die("cannot load the module");
    return f;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST_PTR f, const char *label)
{
    CK_SLOT_ID slots[32];
    CK_ULONG n = 32;
    if (f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        die("no slots");
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        size_t len = strlen(label);
        if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, label, len) == 0 &&
            info.label[len] == ' ')
            return slots[i];
    }
    die("no such token");
    return 0;
}

static CK_SESSION_HANDLE log_in(CK_FUNCTION_LIST_PTR f, CK_SLOT_ID slot, const char *pin_file)
{
    CK_SESSION_HANDLE s = 0;
    CK_UTF8CHAR pin[64];
    FILE *p = fopen(pin_file, "r");
    size_t n = p != NULL ? fread(pin, 1, sizeof pin, p) : 0;
    if (p != NULL)
        (void)fclose(p);
    if (f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK ||
        f->C_Login(s, CKU_USER, pin, n) != CKR_OK)
        die("cannot log in");
    return s;
}

static CK_OBJECT_HANDLE find_key(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE s, char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE want[2] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, strlen(label)}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;
    if (f->C_FindObjectsInit(s, want, 2) != CKR_OK || f->C_FindObjects(s, &key, 1, &n) != CKR_OK ||
        n != 1)
        die("no such key");
    (void)f->C_FindObjectsFinal(s);
    return key;
}

static CK_MECHANISM mechanism_of(CK_FUNCTION_LIST_PTR f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
    CK_KEY_TYPE type = CKK_EC;
    CK_ATTRIBUTE want = {CKA_KEY_TYPE, &type, sizeof type};
    if (f->C_GetAttributeValue(s, key, &want, 1) != CKR_OK)
        die("cannot read the key's type");
    return (CK_MECHANISM){type == CKK_EC ? CKM_ECDSA : CKM_EDDSA, NULL, 0};
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: bench_csign MODULE TOKEN-LABEL KEY-LABEL PIN-FILE SECONDS");
    CK_FUNCTION_LIST_PTR f = load(argv[1]);
    CK_SESSION_HANDLE s = log_in(f, find_slot(f, argv[2]), argv[4]);
    CK_OBJECT_HANDLE key = find_key(f, s, argv[3]);
    CK_MECHANISM m = mechanism_of(f, s, key);
    CK_BYTE digest[32] = {1};
    double seconds = atof(argv[5]);
    double start = now();
    unsigned long count = 0;
    while (now() - start < seconds) {
        CK_BYTE sig[128];
        CK_ULONG len = sizeof sig;
        if (f->C_SignInit(s, &m, key) != CKR_OK ||
            f->C_Sign(s, digest, sizeof digest, sig, &len) != CKR_OK)
            die("C_Sign failed");
        digest[0]++;
        count++;
    }
    (void)printf("%.1f\n", (double)count / (now() - start));
    (void)f->C_Finalize(NULL);
    return 0;
}
