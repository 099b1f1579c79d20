/* Who fills which place: a maximum matching, so that people who are in several groups stand where
 * they are needed and a quorum is found if there is one. Pure, no allocation. */
#include "policy/policy_priv.h"

#include <string.h>

#define NOBODY SIZE_MAX

struct search {
    const struct policy_places *places;
    const uint64_t *may;
    size_t n;
    size_t person_at[POLICY_PLACES_MAX];        /* who fills the place, or NOBODY */
    unsigned char place_of[HM_PRINCIPALS_MAX];  /* where the person stands + 1, 0: nowhere */
    unsigned char came_from[HM_PRINCIPALS_MAX]; /* place that reached the person + 1, 0: none */
};

void policy_places_add(struct policy_places *t, size_t asked, size_t count)
{
    for (size_t i = 0; i < count; i++, t->count++)
        if (t->count < POLICY_PLACES_MAX)
            t->asked[t->count] = (unsigned char)asked;
}

/* The person moves to the place that reached them, whoever stood there moves on, and so forth back
 * to the place that was empty. */
static void move_up(struct search *s, size_t person)
{
    while (person != NOBODY) {
        size_t place = (size_t)s->came_from[person] - 1;
        size_t before = s->person_at[place];
        s->person_at[place] = person;
        s->place_of[person] = (unsigned char)(place + 1);
        person = before;
    }
}

/* Breadth first from an empty place over those who could fill it and the places they would leave.
 */
static bool fill(struct search *s, size_t empty)
{
    size_t queue[POLICY_PLACES_MAX];
    size_t head = 0;
    size_t tail = 0;
    memset(s->came_from, 0, s->n);
    queue[tail++] = empty;
    while (head < tail) {
        size_t place = queue[head++];
        for (size_t i = 0; i < s->n; i++) {
            if (s->came_from[i] != 0 || (s->may[i] >> s->places->asked[place] & 1) == 0)
                continue;
            s->came_from[i] = (unsigned char)(place + 1);
            if (s->place_of[i] == 0) {
                move_up(s, i);
                return true;
            }
            queue[tail++] = (size_t)s->place_of[i] - 1;
        }
    }
    return false;
}

bool policy_assign(const struct policy_places *t, const uint64_t *may, size_t n)
{
    struct search s;
    if (t->count > POLICY_PLACES_MAX || n > HM_PRINCIPALS_MAX || t->count > n)
        return false;
    s.places = t;
    s.may = may;
    s.n = n;
    memset(s.place_of, 0, n);
    for (size_t i = 0; i < t->count; i++)
        s.person_at[i] = NOBODY;
    for (size_t i = 0; i < t->count; i++)
        if (!fill(&s, i))
            return false;
    return true;
}
