/* A PKCS#11 module for tests: SoftHSM, except that the file named by HSM_FAULT_FILE may say which
 * call fails how often with which value, "C_Sign 0x32 1", or which token flags are shown, "flags
 * 0x20000 -1". */
#include <softhsm/cryptoki.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST ours;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The value that this call shall answer, counting it down; 0: none. */
static CK_RV fault(const char *call)
{
    const char *path = getenv("HSM_FAULT_FILE");
    char name[64] = "";
    unsigned long value = 0;
    long times = 0;
    CK_RV out = 0;
    (void)pthread_mutex_lock(&lock);
    FILE *f = path != NULL ? fopen(path, "r+") : NULL;
    if (f != NULL && fscanf(f, "%63s %lx %ld", name, &value, &times) == 3 && times != 0 &&
        strcmp(name, call) == 0) {
        out = value;
        rewind(f);
        if (times > 0)
            (void)fprintf(f, "%s 0x%lx %ld        \n", name, value, times - 1);
    }
    if (f != NULL)
        (void)fclose(f);
    (void)pthread_mutex_unlock(&lock);
    return out;
}

static CK_RV fault_sign(CK_SESSION_HANDLE s, CK_BYTE_PTR data, CK_ULONG len, CK_BYTE_PTR sig,
                        CK_ULONG_PTR sig_len)
{
    CK_RV rv = fault("C_Sign");
    return rv != 0 ? rv : real->C_Sign(s, data, len, sig, sig_len);
}

static CK_RV fault_sign_init(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
    CK_RV rv = fault("C_SignInit");
    if (rv == 0)
        rv = fault("gone");
    return rv != 0 ? rv : real->C_SignInit(s, m, key);
}

static CK_RV fault_login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
    const char *count = getenv("HSM_LOGIN_COUNT_FILE");
    FILE *f = count != NULL ? fopen(count, "a") : NULL;
    if (f != NULL) {
        (void)fputc('x', f);
        (void)fclose(f);
    }
    CK_RV rv = fault("C_Login");
    return rv != 0 ? rv : real->C_Login(s, user, pin, len);
}

static CK_RV fault_open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify,
                                CK_SESSION_HANDLE_PTR s)
{
    CK_RV rv = fault("C_OpenSession");
    if (rv == 0)
        rv = fault("gone");
    return rv != 0 ? rv : real->C_OpenSession(slot, flags, app, notify, s);
}

static CK_RV fault_slots(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
    if (fault("no_tokens") != 0 || fault("gone") != 0) {
        *count = 0;
        return CKR_OK;
    }
    return real->C_GetSlotList(present, list, count);
}

static CK_RV fault_session_info(CK_SESSION_HANDLE s, CK_SESSION_INFO_PTR info)
{
    CK_RV rv = fault("gone");
    return rv != 0 ? rv : real->C_GetSessionInfo(s, info);
}

static CK_RV fault_attribute(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR a,
                             CK_ULONG n)
{
    CK_RV rv = n == 1 && a[0].type == CKA_LOCAL ? fault("CKA_LOCAL") : 0;
    return rv != 0 ? rv : real->C_GetAttributeValue(s, o, a, n);
}

static CK_RV fault_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    info->flags |= fault("flags");
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
    if (real == NULL) {
        CK_C_GetFunctionList get = NULL;
        void *handle = dlopen(getenv("HSM_REAL_MODULE"), RTLD_NOW | RTLD_LOCAL);
        void *symbol = handle != NULL ? dlsym(handle, "C_GetFunctionList") : NULL;
        if (symbol == NULL)
            return CKR_GENERAL_ERROR;
        memcpy(&get, &symbol, sizeof get);
        CK_RV rv = get(&real);
        if (rv != CKR_OK)
            return rv;
        ours = *real;
        ours.C_Sign = fault_sign;
        ours.C_SignInit = fault_sign_init;
        ours.C_Login = fault_login;
        ours.C_OpenSession = fault_open_session;
        ours.C_GetSlotList = fault_slots;
        ours.C_GetAttributeValue = fault_attribute;
        ours.C_GetSessionInfo = fault_session_info;
        ours.C_GetTokenInfo = fault_token_info;
    }
    *out = &ours;
    return CKR_OK;
}
