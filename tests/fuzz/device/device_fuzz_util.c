/* Shared by the device's fuzz targets. */
#include "tests/fuzz/device/device_fuzz_util.h"

static enum hmd_sig always(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                           struct hmd_bytes sig)
{
    (void)ctx;
    (void)alg;
    (void)pub;
    (void)msg;
    (void)sig;
    return HMD_SIG_VALID;
}

struct hmd_crypto fuzz_crypto(void)
{
    struct hmd_crypto c = hmd_openssl_crypto();
    c.verify = always;
    return c;
}
