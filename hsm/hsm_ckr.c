/* The table of PKCS#11 return values (PKCS#11 v3.0, chapter 5.1). */
#include "hsm/hsm_ckr_priv.h"

#include <stddef.h>

enum kind { PLAIN, LOST, PIN };

struct row {
    CK_RV rv;
    enum kind kind;
    const char *name;
    const char *advice;
};

#define PULLED "check that the device is plugged in and powered; it is tried again by itself"
#define RELOAD "the module is loaded and logged in again by itself"

static const struct row rows[] = {
    {CKR_OK, PLAIN, "CKR_OK", "nothing is wrong"},
    {CKR_HOST_MEMORY, PLAIN, "CKR_HOST_MEMORY", "the machine is out of memory"},
    {CKR_SLOT_ID_INVALID, LOST, "CKR_SLOT_ID_INVALID", PULLED},
    {CKR_GENERAL_ERROR, LOST, "CKR_GENERAL_ERROR",
     "see the module's own log; the module is loaded again by itself"},
    {CKR_FUNCTION_FAILED, PLAIN, "CKR_FUNCTION_FAILED", "see the module's own log"},
    {CKR_ARGUMENTS_BAD, PLAIN, "CKR_ARGUMENTS_BAD", "the module does not take this call"},
    {CKR_ATTRIBUTE_SENSITIVE, PLAIN, "CKR_ATTRIBUTE_SENSITIVE", "the token hides this attribute"},
    {CKR_ATTRIBUTE_TYPE_INVALID, PLAIN, "CKR_ATTRIBUTE_TYPE_INVALID",
     "the token does not know this attribute"},
    {CKR_ATTRIBUTE_VALUE_INVALID, PLAIN, "CKR_ATTRIBUTE_VALUE_INVALID",
     "the token does not support such a key"},
    {CKR_DATA_LEN_RANGE, PLAIN, "CKR_DATA_LEN_RANGE", "the key does not fit the mechanism"},
    {CKR_DEVICE_ERROR, LOST, "CKR_DEVICE_ERROR", PULLED},
    {CKR_DEVICE_MEMORY, PLAIN, "CKR_DEVICE_MEMORY", "the token is full"},
    {CKR_DEVICE_REMOVED, LOST, "CKR_DEVICE_REMOVED", PULLED},
    {CKR_FUNCTION_NOT_SUPPORTED, PLAIN, "CKR_FUNCTION_NOT_SUPPORTED",
     "the module cannot do this; use another token"},
    {CKR_KEY_HANDLE_INVALID, LOST, "CKR_KEY_HANDLE_INVALID", RELOAD},
    {CKR_KEY_TYPE_INCONSISTENT, PLAIN, "CKR_KEY_TYPE_INCONSISTENT",
     "the key does not fit the mechanism"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, PLAIN, "CKR_KEY_FUNCTION_NOT_PERMITTED",
     "the key may not sign; generate one that may"},
    {CKR_MECHANISM_INVALID, PLAIN, "CKR_MECHANISM_INVALID",
     "the token does not support this mechanism; use another token"},
    {CKR_MECHANISM_PARAM_INVALID, PLAIN, "CKR_MECHANISM_PARAM_INVALID",
     "the token does not support this mechanism's form"},
    {CKR_OBJECT_HANDLE_INVALID, LOST, "CKR_OBJECT_HANDLE_INVALID", RELOAD},
    {CKR_OPERATION_ACTIVE, LOST, "CKR_OPERATION_ACTIVE", RELOAD},
    {CKR_OPERATION_NOT_INITIALIZED, LOST, "CKR_OPERATION_NOT_INITIALIZED", RELOAD},
    {CKR_PIN_INCORRECT, PIN, "CKR_PIN_INCORRECT",
     "put the right PIN into the PIN file; it is not tried again until that file changes"},
    {CKR_PIN_INVALID, PIN, "CKR_PIN_INVALID",
     "put the right PIN into the PIN file; it is not tried again until that file changes"},
    {CKR_PIN_LEN_RANGE, PIN, "CKR_PIN_LEN_RANGE",
     "the PIN is too short or too long for this token; it is not tried again until the file "
     "changes"},
    {CKR_PIN_EXPIRED, PIN, "CKR_PIN_EXPIRED", "set a new PIN on the token and in the PIN file"},
    {CKR_PIN_LOCKED, PIN, "CKR_PIN_LOCKED",
     "the security officer must set a new user PIN; then write it into the PIN file"},
    {CKR_SESSION_CLOSED, LOST, "CKR_SESSION_CLOSED", RELOAD},
    {CKR_SESSION_COUNT, PLAIN, "CKR_SESSION_COUNT", "the token has no free session; close others"},
    {CKR_SESSION_HANDLE_INVALID, LOST, "CKR_SESSION_HANDLE_INVALID", RELOAD},
    {CKR_SESSION_READ_ONLY, PLAIN, "CKR_SESSION_READ_ONLY", "the session may not write"},
    {CKR_TEMPLATE_INCOMPLETE, PLAIN, "CKR_TEMPLATE_INCOMPLETE",
     "the token does not support such a key"},
    {CKR_TEMPLATE_INCONSISTENT, PLAIN, "CKR_TEMPLATE_INCONSISTENT",
     "the token does not support such a key"},
    {CKR_TOKEN_NOT_PRESENT, LOST, "CKR_TOKEN_NOT_PRESENT", PULLED},
    {CKR_TOKEN_NOT_RECOGNIZED, LOST, "CKR_TOKEN_NOT_RECOGNIZED", PULLED},
    {CKR_TOKEN_WRITE_PROTECTED, PLAIN, "CKR_TOKEN_WRITE_PROTECTED", "the token cannot be written"},
    {CKR_USER_NOT_LOGGED_IN, LOST, "CKR_USER_NOT_LOGGED_IN", RELOAD},
    {CKR_USER_PIN_NOT_INITIALIZED, PLAIN, "CKR_USER_PIN_NOT_INITIALIZED",
     "the token has no user PIN yet; initialise it"},
    {CKR_USER_TYPE_INVALID, PLAIN, "CKR_USER_TYPE_INVALID", "the token knows no such user"},
    {CKR_BUFFER_TOO_SMALL, PLAIN, "CKR_BUFFER_TOO_SMALL",
     "the token's answer is larger than such an answer may be"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, LOST, "CKR_CRYPTOKI_NOT_INITIALIZED", RELOAD},
};

static const struct row unknown = {0, PLAIN, "CKR_?", "see the module's documentation"};

static const struct row *find(CK_RV rv)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].rv == rv)
            return &rows[i];
    return &unknown;
}

const char *hsm_ckr_name(CK_RV rv)
{
    return find(rv)->name;
}

const char *hsm_ckr_advice(CK_RV rv)
{
    return find(rv)->advice;
}

bool hsm_ckr_is_lost(CK_RV rv)
{
    return find(rv)->kind == LOST;
}

bool hsm_ckr_is_pin(CK_RV rv)
{
    return find(rv)->kind == PIN;
}

enum hm_err hsm_ckr_err(CK_RV rv)
{
    if (rv == CKR_HOST_MEMORY)
        return HM_E_MEMORY;
    switch (find(rv)->kind) {
    case LOST:
        return HM_E_UNAVAILABLE;
    case PIN:
        return HM_E_PIN;
    case PLAIN:
        break;
    }
    return HM_E_TOKEN;
}
