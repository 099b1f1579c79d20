/* The route table, the problem table and schema/openapi.json say the same, both ways. */
#include "server/door/door_answer.h"
#include "server/door/door_openapi.h"
#include "server/door/door_route.h"
#include "server/ident/ident_token.h"

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int load(void **state)
{
    json_error_t e;
    *state = json_loadb((const char *)door_openapi, door_openapi_len, JSON_REJECT_DUPLICATES, &e);
    return *state != NULL ? 0 : -1;
}

static int unload(void **state)
{
    json_decref(*state);
    return 0;
}

static const json_t *at(const json_t *v, const char *a, const char *b)
{
    return json_object_get(json_object_get(v, a), b);
}

static void lower(const char *in, char out[static 16])
{
    size_t i = 0;
    for (; in[i] != '\0' && i < 15; i++)
        out[i] = (char)tolower((unsigned char)in[i]);
    out[i] = '\0';
}

/* The path as OpenAPI writes it: it does not know "{+name}". */
static const char *path_of(const struct door_route *route, char out[static 128])
{
    size_t n = 0;
    for (const char *p = route->path; *p != '\0' && n < 127; p++)
        if (*p != '+')
            out[n++] = *p;
    out[n] = '\0';
    return out;
}

static const json_t *operation(void *doc, size_t i)
{
    char method[16];
    char path[128];
    lower(door_routes[i].method, method);
    return json_object_get(at(doc, "paths", path_of(&door_routes[i], path)), method);
}

static void every_route_is_described(void **state)
{
    for (size_t i = 0; i < door_route_count; i++)
        if (!json_is_object(operation(*state, i)))
            fail_msg("%s %s is not described", door_routes[i].method, door_routes[i].path);
}

static bool is_served(const char *path, const char *method)
{
    char own[128];
    for (size_t i = 0; i < door_route_count; i++)
        if (strcmp(path_of(&door_routes[i], own), path) == 0 &&
            strcasecmp(door_routes[i].method, method) == 0)
            return true;
    return false;
}

static void every_description_is_served(void **state)
{
    const char *path;
    json_t *methods;
    size_t count = 0;
    json_object_foreach(json_object_get(*state, "paths"), path, methods)
    {
        const char *method;
        json_t *op;
        json_object_foreach(methods, method, op)
        {
            if (!is_served(path, method))
                fail_msg("%s %s is described and not served", method, path);
            count++;
        }
    }
    assert_int_equal(count, door_route_count);
}

/* As policy documents call them; 0: no such role. */
static unsigned role_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } all[] = {{"submitter", DOOR_SUBMITTER},
               {"approver", DOOR_APPROVER},
               {"auditor", DOOR_AUDITOR},
               {"administrator", DOOR_ADMINISTRATOR},
               {"key-custodian", DOOR_CUSTODIAN}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (name != NULL && strcmp(all[i].name, name) == 0)
            return all[i].bit;
    return 0;
}

static void roles_agree(void **state)
{
    for (size_t i = 0; i < door_route_count; i++) {
        const json_t *op = operation(*state, i);
        const json_t *named = json_object_get(op, "x-roles");
        unsigned roles = 0;
        assert_true(json_is_array(named));
        for (size_t k = 0; k < json_array_size(named); k++) {
            unsigned bit = role_of(json_string_value(json_array_get(named, k)));
            assert_true(bit != 0 && (roles & bit) == 0);
            roles |= bit;
        }
        assert_int_equal(roles, door_routes[i].roles & DOOR_READER);
        const char *token = json_string_value(json_object_get(op, "x-token"));
        bool access = token != NULL && strcmp(token, "access") == 0;
        bool request = token != NULL && strcmp(token, "request") == 0;
        assert_true(token == NULL || access || request);
        assert_true(access == ((door_routes[i].roles & IDENT_TOKEN_ACCESS) != 0));
        assert_true(request ==
                    ((door_routes[i].roles & (IDENT_TOKEN_FRESH | IDENT_TOKEN_BOUND)) != 0));
        bool open = json_is_array(json_object_get(op, "security"));
        assert_true(open == (door_routes[i].roles == DOOR_ANYBODY));
        bool public = json_object_get(op, "x-public") != NULL;
        assert_true(public == ((door_routes[i].roles & DOOR_PUBLIC) != 0));
    }
}

static bool param_listed(const char *list, const char *name)
{
    char padded[512];
    char wanted[80];
    (void)snprintf(padded, sizeof padded, " %s ", list);
    (void)snprintf(wanted, sizeof wanted, " %s ", name);
    return strstr(padded, wanted) != NULL;
}

static void query_parameters_agree(void **state)
{
    for (size_t i = 0; i < door_route_count; i++) {
        size_t k;
        json_t *p;
        size_t described = 0;
        json_array_foreach(json_object_get(operation(*state, i), "parameters"), k, p)
        {
            const char *ref = strrchr(json_string_value(json_object_get(p, "$ref")), '/') + 1;
            const json_t *full = json_object_get(at(*state, "components", "parameters"), ref);
            if (strcmp(json_string_value(json_object_get(full, "in")), "query") != 0)
                continue;
            assert_true(param_listed(door_routes[i].params,
                                     json_string_value(json_object_get(full, "name"))));
            described++;
        }
        size_t listed = door_routes[i].params[0] != '\0' ? 1 : 0;
        for (const char *c = door_routes[i].params; *c != '\0'; c++)
            listed += *c == ' ' ? 1 : 0;
        assert_int_equal(described, listed);
    }
}

static void problems_agree(void **state)
{
    const json_t *type =
        at(json_object_get(at(*state, "components", "schemas"), "Problem"), "properties", "type");
    const json_t *names = json_object_get(type, "enum");
    assert_int_equal(json_array_size(names), DOOR_PROBLEMS);
    for (size_t i = 0; i < DOOR_PROBLEMS; i++) {
        char urn[80];
        bool found = false;
        size_t k;
        json_t *n;
        (void)snprintf(urn, sizeof urn, "urn:hallmark:problem:%s", door_problem_rows[i].name);
        json_array_foreach(names, k, n) found = found || strcmp(json_string_value(n), urn) == 0;
        if (!found)
            fail_msg("%s is not described", urn);
    }
}

/* The response named after a status lists exactly the problems of that status. */
static void responses_list_problems(void **state)
{
    const char *name;
    json_t *response;
    size_t listed = 0;
    json_object_foreach((json_t *)(uintptr_t)at(*state, "components", "responses"), name, response)
    {
        const char *text = json_string_value(json_object_get(response, "description"));
        for (size_t i = 0; i < DOOR_PROBLEMS; i++) {
            char quoted[80];
            (void)snprintf(quoted, sizeof quoted, "`%s`", door_problem_rows[i].name);
            listed += strstr(text, quoted) != NULL ? 1 : 0;
        }
    }
    assert_int_equal(listed, DOOR_PROBLEMS);
}

static void handlers_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_route_count; i++) {
        assert_non_null(door_routes[i].handle);
        bool has_body = door_routes[i].body != DOOR_BODY_NONE;
        assert_true(has_body == (door_routes[i].begin != NULL));
        if (strcmp(door_routes[i].method, "GET") != 0 && strcmp(door_routes[i].method, "HEAD") != 0)
            assert_true(door_routes[i].roles != DOOR_ANYBODY &&
                        (door_routes[i].roles & DOOR_READER) != DOOR_READER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_description_is_served),
        cmocka_unit_test(roles_agree),
        cmocka_unit_test(query_parameters_agree),
        cmocka_unit_test(problems_agree),
        cmocka_unit_test(responses_list_problems),
        cmocka_unit_test(handlers_are_there),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
