/* cmocka includes and the table runner of the unit tests: one row, one reported test. */
#ifndef TESTS_UNIT_TEST_ROWS_H
#define TESTS_UNIT_TEST_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))

/* Appends a test per row; each row begins with its `const char *name`. */
static inline size_t add_rows(struct CMUnitTest *tests, size_t at, void (*run)(void **state),
                              const void *rows, size_t row_size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *row = (const char *)rows + i * row_size;
        const char *name;
        void *state;
        memcpy(&name, row, sizeof name);
        memcpy(&state, &row, sizeof state); /* cmocka's state is not const */
        tests[at + i] = (struct CMUnitTest){name, run, NULL, NULL, state};
    }
    return at + count;
}
#define ADD_ROWS(tests, at, run, rows)                                                             \
    add_rows((tests), (at), (run), (rows), sizeof(rows)[0], ROWS(rows))

#endif
