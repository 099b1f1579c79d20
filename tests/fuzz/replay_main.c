/* Replays a corpus through a fuzz target where libFuzzer is not linked: every file as it is, cut at
 * every length (the first 512) and with every byte flipped (the first 512). Exit 0 if nothing
 * crashed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define MUTATIONS_MAX ((size_t)512)

static unsigned long runs; /* a test program of one thread */

/* An exact heap copy, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void run_mutations(uint8_t *data, size_t size)
{
    run(data, size);
    for (size_t i = 0; i < size && i < MUTATIONS_MAX; i++) {
        run(data, i);
        for (unsigned bit = 0; bit < 8; bit++) {
            data[i] ^= (uint8_t)(1u << bit);
            run(data, size);
            data[i] ^= (uint8_t)(1u << bit);
        }
    }
}

static int run_file(const char *dir, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(FILE_MAX_BYTES);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        free(data);
        if (f != NULL)
            (void)fclose(f);
        return 1;
    }
    size_t size = fread(data, 1, FILE_MAX_BYTES, f);
    (void)fclose(f);
    run_mutations(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    int files = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
        return 2;
    }
    DIR *d = opendir(argv[1]);
    if (d == NULL) {
        fprintf(stderr, "%s: cannot open the corpus %s\n", argv[0], argv[1]);
        return 2;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        failed |= run_file(argv[1], e->d_name);
        files++;
    }
    (void)closedir(d);
    printf("%d files, %lu inputs\n", files, runs);
    return files == 0 ? 2 : failed;
}
