/* Loading and finalising the PKCS#11 module. libp11 opens the same file: the dynamic loader gives
 * it the same instance, so that slots and the login are shared (C_Initialize then answers
 * CKR_CRYPTOKI_ALREADY_INITIALIZED). */
#include "hsm/hsm_priv.h"

#include <dlfcn.h>
#include <string.h>

static enum hm_err open_file(struct hsm *h, CK_C_GetFunctionList *get, struct hm_why *why)
{
    void *handle = dlopen(h->module_path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *text = dlerror();
        return hm_fail(why, HM_E_CONFIG, "cannot load the PKCS#11 module: %s",
                       text != NULL ? text : h->module_path);
    }
    void *symbol = dlsym(handle, "C_GetFunctionList");
    if (symbol == NULL) {
        (void)dlclose(handle);
        return hm_fail(why, HM_E_CONFIG, "%s: not a PKCS#11 module (no C_GetFunctionList)",
                       h->module_path);
    }
    memcpy(get, &symbol, sizeof *get); /* ISO C has no cast from object to function pointers */
    h->m.handle = handle;
    return HM_OK;
}

enum hm_err hsm_module_load(struct hsm *h, struct hm_why *why)
{
    CK_C_GetFunctionList get = NULL;
    enum hm_err err = open_file(h, &get, why);
    if (err != HM_OK)
        return err;
    CK_RV rv = get(&h->m.f);
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    if (rv == CKR_OK)
        rv = h->m.f->C_Initialize(&args);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        hsm_module_unload(h);
        return hm_fail(why, hsm_ckr_err(rv), "%s: C_Initialize: %s (0x%lx): %s", h->module_path,
                       hsm_ckr_name(rv), rv, hsm_ckr_advice(rv));
    }
    return HM_OK;
}

void hsm_module_unload(struct hsm *h)
{
    if (h->m.handle == NULL)
        return;
    if (h->m.f != NULL)
        (void)h->m.f->C_Finalize(NULL);
    (void)dlclose(h->m.handle);
    h->m.handle = NULL;
    h->m.f = NULL;
}
