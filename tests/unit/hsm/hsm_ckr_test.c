/* Names, advice and kinds of PKCS#11 values. */
#include "hsm/hsm_ckr_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    CK_RV rv;
    enum hm_err err;
};

static const struct row rows[] = {
    {"CKR_DEVICE_REMOVED", CKR_DEVICE_REMOVED, HM_E_UNAVAILABLE},
    {"CKR_SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID, HM_E_UNAVAILABLE},
    {"CKR_TOKEN_NOT_PRESENT", CKR_TOKEN_NOT_PRESENT, HM_E_UNAVAILABLE},
    {"CKR_DEVICE_ERROR", CKR_DEVICE_ERROR, HM_E_UNAVAILABLE},
    {"CKR_PIN_INCORRECT", CKR_PIN_INCORRECT, HM_E_PIN},
    {"CKR_PIN_LOCKED", CKR_PIN_LOCKED, HM_E_PIN},
    {"CKR_PIN_EXPIRED", CKR_PIN_EXPIRED, HM_E_PIN},
    {"CKR_MECHANISM_INVALID", CKR_MECHANISM_INVALID, HM_E_TOKEN},
    {"CKR_HOST_MEMORY", CKR_HOST_MEMORY, HM_E_MEMORY},
    {"CKR_?", CKR_VENDOR_DEFINED | 7, HM_E_TOKEN},
};

static void value(void **state)
{
    const struct row *r = *state;
    assert_string_equal(hsm_ckr_name(r->rv), r->name);
    assert_int_equal(hsm_ckr_err(r->rv), r->err);
    assert_true(strlen(hsm_ckr_advice(r->rv)) > 10);
    assert_int_equal(hsm_ckr_is_lost(r->rv), r->err == HM_E_UNAVAILABLE);
    assert_int_equal(hsm_ckr_is_pin(r->rv), r->err == HM_E_PIN);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        void *row;
        const struct row *r = &rows[i];
        memcpy(&row, &r, sizeof row);
        tests[i] = (struct CMUnitTest){rows[i].name, value, NULL, NULL, row};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
