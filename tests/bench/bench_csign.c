/* The bare primitive under `sign`: C_Sign of 32 bytes in a loop, P-256 or Ed25519 as the key is,
 * one session, key handle found once.
 *   bench_csign MODULE TOKEN-LABEL KEY-LABEL PIN-FILE SECONDS      prints signatures per second */
#include "tests/bench/bench_clock.h"
#include "tests/bench/bench_die.h"
#include "tests/bench/bench_token.h"

int main(int argc, char **argv)
{
    struct bench_key key;
    unsigned char digest[32] = {1};
    unsigned char sig[64];
    if (argc != 6)
        bench_die("bench_csign",
                  "usage: bench_csign MODULE TOKEN-LABEL KEY-LABEL PIN-FILE SECONDS");
    CK_FUNCTION_LIST_PTR f = bench_module(argv[1], false);
    bench_key_open(f, argv[2], argv[3], argv[4], &key);
    double seconds = strtod(argv[5], NULL);
    double start = bench_wall_s();
    unsigned long count = 0;
    for (; bench_wall_s() - start < seconds; count++) {
        bench_key_sign(&key, digest, sizeof digest, sig);
        digest[0]++;
    }
    (void)printf("%.1f\n", (double)count / (bench_wall_s() - start));
    (void)f->C_Finalize(NULL);
    return 0;
}
