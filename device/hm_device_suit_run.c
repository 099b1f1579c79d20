/* Runs one command sequence (draft-ietf-suit-manifest-37 6.3, 8.4.8 to 8.4.10). Without recursion:
 * a try-each branch holds no further try-each. */
#include "device/hm_device_suit_priv.h"
#include "device/hm_device_text_priv.h"

#define COMMANDS_MAX 64         /* commands of one sequence */
#define BRANCHES_MAX 64         /* branches of one try-each */
#define VERSION_GREATER_EQUAL 2 /* of draft-ietf-suit-update-management-14 */
#define REPORTING_MAX 15        /* SUIT_Rep_Policy: four bits */

#define VECTOR_ANY                                                                                 \
    (HMD_IN_SHARED | HMD_IN_VALIDATE | HMD_IN_LOAD | HMD_IN_INVOKE | HMD_IN_FETCH | HMD_IN_INSTALL)

/* Where a command may stand: in our profile, and beyond it in the working group's vectors. */
struct command {
    int64_t code;
    unsigned profile;
    unsigned vector;
    bool in_branch; /* profile: also inside a try-each branch */
};

static const struct command commands[] = {
    {HM_SUIT_COND_VENDOR, HMD_IN_SHARED, VECTOR_ANY, false},
    {HM_SUIT_COND_CLASS, HMD_IN_SHARED, VECTOR_ANY, true},
    {HM_SUIT_COND_IMAGE, HMD_IN_VALIDATE | HMD_IN_INSTALL, VECTOR_ANY, false},
    {HM_SUIT_COND_USE_BEFORE, HMD_IN_INSTALL, VECTOR_ANY, false},
    {HM_SUIT_COND_SLOT, HMD_IN_SHARED | HMD_IN_INSTALL, VECTOR_ANY, true},
    {HM_SUIT_COND_VERSION, HMD_IN_INSTALL, VECTOR_ANY, false},
    {HM_SUIT_DIR_SET_INDEX, 0, VECTOR_ANY, false},
    {HM_SUIT_DIR_TRY_EACH, HMD_IN_SHARED | HMD_IN_INSTALL, VECTOR_ANY, false},
    {HM_SUIT_DIR_OVERRIDE, HMD_IN_SHARED | HMD_IN_INSTALL, VECTOR_ANY, true},
    {HM_SUIT_DIR_FETCH, HMD_IN_INSTALL, VECTOR_ANY & ~(unsigned)HMD_IN_SHARED, true},
    {HM_SUIT_DIR_COPY, 0, VECTOR_ANY & ~(unsigned)HMD_IN_SHARED, false},
    {HM_SUIT_DIR_INVOKE, HMD_IN_INVOKE, VECTOR_ANY & ~(unsigned)HMD_IN_SHARED, false},
    {HM_SUIT_CUSTOM_ROLLBACK_FLOOR, HMD_IN_INSTALL, 0, false},
};

static bool command_allowed(const struct hmd_run *run, int64_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *c = &commands[i];
        if (c->code != code)
            continue;
        if (!run->suit->profile)
            return (c->vector & (unsigned)run->section) != 0;
        return (c->profile & (unsigned)run->section) != 0 && (!run->in_branch || c->in_branch);
    }
    return false;
}

static bool parameter_allowed(const struct hmd_run *run, uint64_t key)
{
    bool shared = run->section == HMD_IN_SHARED;
    switch (key) {
    case HM_SUIT_PARAM_VENDOR:
    case HM_SUIT_PARAM_CLASS:
    case HM_SUIT_PARAM_DIGEST:
    case HM_SUIT_PARAM_SIZE:
        return shared || !run->suit->profile;
    case HM_SUIT_PARAM_USE_BEFORE:
    case HM_SUIT_PARAM_VERSION:
        return (!shared && !run->in_branch) || !run->suit->profile;
    case HM_SUIT_PARAM_URI:
        return !shared || !run->suit->profile;
    case HM_SUIT_PARAM_SLOT:
        return true;
    case HM_SUIT_PARAM_SOURCE:
        return !run->suit->profile;
    default:
        return false;
    }
}

/* [2, [2, 1, 0]]: the profile knows "greater or equal" alone
 * (draft-ietf-suit-update-management-14). */
static bool read_version(struct hmd_run *run, struct hmd_cbor *r)
{
    uint64_t n;
    uint64_t type;
    uint64_t parts;
    struct hmd_version v = {0, {0}};
    if (!hmd_cbor_array(r, &n) || n != 2 || !hmd_cbor_uint(r, &type) || type < 1 || type > 5 ||
        (run->suit->profile && type != VERSION_GREATER_EQUAL) || !hmd_cbor_array(r, &parts) ||
        parts == 0 || parts > HMD_VERSION_PARTS)
        return false;
    for (; v.count < parts; v.count++)
        if (!hmd_cbor_int(r, &v.part[v.count]))
            return false;
    run->version = v;
    return true;
}

static bool read_image_digest(struct hmd_run *run, struct hmd_cbor *r)
{
    struct hmd_bytes wrapped;
    return hmd_cbor_bstr(r, &wrapped) && hmd_cbor_digest(wrapped, &run->digest);
}

static bool read_parameter(struct hmd_run *run, struct hmd_cbor *r, uint64_t key)
{
    uint64_t source;
    switch (key) {
    case HM_SUIT_PARAM_VENDOR:
        return hmd_cbor_fixed(r, HMD_ID_LEN, &run->vendor);
    case HM_SUIT_PARAM_CLASS:
        return hmd_cbor_fixed(r, HMD_ID_LEN, &run->class_id);
    case HM_SUIT_PARAM_DIGEST:
        return read_image_digest(run, r);
    case HM_SUIT_PARAM_USE_BEFORE:
        run->has_use_before = true;
        return hmd_cbor_uint(r, &run->use_before_s);
    case HM_SUIT_PARAM_SLOT:
        run->has_slot = true;
        return hmd_cbor_uint(r, &run->slot_wanted);
    case HM_SUIT_PARAM_SIZE:
        run->has_size = true;
        return hmd_cbor_uint(r, &run->size);
    case HM_SUIT_PARAM_URI:
        return hmd_cbor_tstr(r, &run->uri) && run->uri.len > 0 && run->uri.len <= HMD_URI_MAX;
    case HM_SUIT_PARAM_SOURCE:
        return hmd_cbor_uint(r, &source) && source < run->suit->components;
    case HM_SUIT_PARAM_VERSION:
        return read_version(run, r);
    default:
        return false;
    }
}

static enum hmd_reason override(struct hmd_run *run, struct hmd_cbor *r)
{
    uint64_t n;
    uint64_t last = 0;
    if (!hmd_cbor_map(r, &n) || n == 0)
        return HMD_MANIFEST_MALFORMED;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key;
        if (!hmd_cbor_uint(r, &key) || key <= last)
            return HMD_MANIFEST_MALFORMED;
        if (!parameter_allowed(run, key))
            return HMD_PARAMETER_UNSUPPORTED;
        if (!read_parameter(run, r, key))
            return HMD_MANIFEST_MALFORMED;
        last = key;
    }
    return HMD_OK;
}

static enum hmd_reason check_identity(struct hmd_run *run, int64_t code)
{
    bool vendor = code == HM_SUIT_COND_VENDOR;
    const uint8_t *wanted = vendor ? run->vendor : run->class_id;
    if (run->id == NULL)
        return HMD_OK;
    if (wanted == NULL)
        return HMD_MANIFEST_INCOMPLETE;
    if (!hmd_equal(wanted, vendor ? run->id->vendor : run->id->class_id, HMD_ID_LEN))
        return vendor ? HMD_VENDOR_MISMATCH : HMD_CLASS_MISMATCH;
    if (vendor)
        run->vendor_checked = true;
    else
        run->class_checked = true;
    return HMD_OK;
}

static enum hmd_reason check_use_before(struct hmd_run *run)
{
    uint64_t *earliest = &run->out->use_before_s;
    if (!run->suit->profile)
        return HMD_OK;
    if (!run->has_use_before || run->use_before_s == 0)
        return HMD_MANIFEST_INCOMPLETE;
    if (*earliest == 0 || run->use_before_s < *earliest)
        *earliest = run->use_before_s;
    if (run->id != NULL && run->rules->time_s != 0 && run->rules->time_s >= run->use_before_s)
        return HMD_USE_BEFORE_PASSED;
    return HMD_OK;
}

static enum hmd_reason check_version(struct hmd_run *run)
{
    struct hmd_version installed;
    struct hmd_version *highest = &run->out->installed_at_least;
    if (!run->suit->profile)
        return HMD_OK;
    if (run->version.count == 0)
        return HMD_MANIFEST_INCOMPLETE;
    if (highest->count == 0 || hmd_version_compare(&run->version, highest) > 0)
        *highest = run->version;
    if (run->id == NULL || run->rules->installed_version.len == 0)
        return HMD_OK;
    return hmd_version_parse(run->rules->installed_version, &installed) &&
                   hmd_version_compare(&installed, &run->version) >= 0
               ? HMD_OK
               : HMD_VERSION_TOO_LOW;
}

static enum hmd_reason check_image(struct hmd_run *run)
{
    /* Before the fetch, in install, it would look at the old image. */
    if (run->id != NULL && run->section == HMD_IN_INSTALL && !run->fetched)
        return HMD_MANIFEST_INCOMPLETE;
    run->image_checked = true;
    return HMD_OK;
}

static enum hmd_reason check_slot(const struct hmd_run *run)
{
    if (run->id == NULL)
        return HMD_OK;
    if (!run->has_slot)
        return HMD_MANIFEST_INCOMPLETE;
    return run->slot_wanted == run->slot ? HMD_OK : HMD_NO_IMAGE_FOR_SLOT;
}

static enum hmd_reason fetch(struct hmd_run *run)
{
    if (run->id != NULL && run->uri.len == 0)
        return HMD_MANIFEST_INCOMPLETE;
    run->fetched = true;
    return HMD_OK;
}

/* Commands whose argument is a reporting policy. */
static enum hmd_reason act(struct hmd_run *run, int64_t code)
{
    switch (code) {
    case HM_SUIT_COND_VENDOR:
    case HM_SUIT_COND_CLASS:
        return check_identity(run, code);
    case HM_SUIT_COND_IMAGE:
        return check_image(run);
    case HM_SUIT_COND_USE_BEFORE:
        return check_use_before(run);
    case HM_SUIT_COND_SLOT:
        return check_slot(run);
    case HM_SUIT_COND_VERSION:
        return check_version(run);
    case HM_SUIT_DIR_FETCH:
        return fetch(run);
    case HM_SUIT_DIR_INVOKE:
        run->invoked = true;
        return HMD_OK;
    case HM_SUIT_DIR_COPY:
        return HMD_OK;
    default:
        return HMD_COMMAND_UNSUPPORTED;
    }
}

/* An index, a list of them, or true for all (vectors only). */
static enum hmd_reason set_index(const struct hmd_run *run, struct hmd_cbor *r)
{
    unsigned major;
    uint64_t n = 1;
    uint64_t v;
    if (!hmd_cbor_peek(r, &major))
        return HMD_MANIFEST_MALFORMED;
    if (major == HMD_CBOR_SIMPLE)
        return hmd_cbor_head(r, &major, &v) && v == 21 ? HMD_OK : HMD_MANIFEST_MALFORMED;
    if (major == HMD_CBOR_ARRAY && (!hmd_cbor_array(r, &n) || n == 0))
        return HMD_MANIFEST_MALFORMED;
    for (uint64_t i = 0; i < n; i++)
        if (!hmd_cbor_uint(r, &v) || v >= run->suit->components)
            return HMD_MANIFEST_MALFORMED;
    return HMD_OK;
}

static enum hmd_reason raise_floor(struct hmd_run *run, struct hmd_cbor *r)
{
    uint64_t floor;
    if (!hmd_cbor_uint(r, &floor))
        return HMD_MANIFEST_MALFORMED;
    if (floor > run->out->rollback_floor)
        run->out->rollback_floor = floor;
    return HMD_OK;
}

/* Everything but try-each. */
static enum hmd_reason step(struct hmd_run *run, struct hmd_cbor *r, int64_t code)
{
    uint64_t policy;
    if (!command_allowed(run, code))
        return HMD_COMMAND_UNSUPPORTED;
    if (code == HM_SUIT_DIR_OVERRIDE)
        return override(run, r);
    if (code == HM_SUIT_DIR_SET_INDEX)
        return set_index(run, r);
    if (code == HM_SUIT_CUSTOM_ROLLBACK_FLOOR)
        return raise_floor(run, r);
    if (!hmd_cbor_uint(r, &policy) || policy > REPORTING_MAX)
        return HMD_MANIFEST_MALFORMED;
    return act(run, code);
}

/* The head of a sequence: an even, positive number of items. */
static bool open_sequence(struct hmd_bytes sequence, struct hmd_cbor *r, uint64_t *count)
{
    uint64_t items;
    *r = hmd_cbor_over(sequence);
    if (!hmd_cbor_array(r, &items) || items == 0 || items % 2 != 0 || items / 2 > COMMANDS_MAX)
        return false;
    *count = items / 2;
    return true;
}

static enum hmd_reason run_branch(struct hmd_run *run, struct hmd_bytes sequence)
{
    struct hmd_cbor r;
    uint64_t count;
    if (!open_sequence(sequence, &r, &count))
        return HMD_MANIFEST_MALFORMED;
    for (uint64_t i = 0; i < count; i++) {
        int64_t code;
        if (!hmd_cbor_int(&r, &code))
            return HMD_MANIFEST_MALFORMED;
        if (code == HM_SUIT_DIR_TRY_EACH)
            return HMD_COMMAND_UNSUPPORTED;
        enum hmd_reason reason = step(run, &r, code);
        if (reason != HMD_OK)
            return reason;
    }
    return hmd_cbor_done(&r) ? HMD_OK : HMD_MANIFEST_MALFORMED;
}

static bool is_condition(enum hmd_reason reason)
{
    return reason == HMD_VENDOR_MISMATCH || reason == HMD_CLASS_MISMATCH ||
           reason == HMD_NO_IMAGE_FOR_SLOT;
}

/* The first branch whose conditions hold counts; what a failed branch set is forgotten. While
 * decoding every branch runs. */
static enum hmd_reason try_each(struct hmd_run *run, struct hmd_cbor *r)
{
    uint64_t branches;
    bool taken = false;
    enum hmd_reason last = HMD_MANIFEST_MALFORMED;
    if (!hmd_cbor_array(r, &branches) || branches < 2 || branches > BRANCHES_MAX)
        return HMD_MANIFEST_MALFORMED;
    for (uint64_t i = 0; i < branches; i++) {
        struct hmd_bytes branch;
        if (!hmd_cbor_bstr(r, &branch))
            return HMD_MANIFEST_MALFORMED;
        if (taken && run->id != NULL)
            continue;
        struct hmd_run attempt = *run;
        attempt.in_branch = true;
        last = run_branch(&attempt, branch);
        if (last == HMD_OK) {
            attempt.in_branch = false;
            *run = attempt;
            taken = true;
        } else if (run->id == NULL || !is_condition(last)) {
            return last;
        }
    }
    return taken ? HMD_OK : last;
}

enum hmd_reason hmd_suit_run(struct hmd_run *run, struct hmd_bytes sequence)
{
    struct hmd_cbor r;
    uint64_t count;
    if (!open_sequence(sequence, &r, &count))
        return HMD_MANIFEST_MALFORMED;
    for (uint64_t i = 0; i < count; i++) {
        int64_t code;
        if (!hmd_cbor_int(&r, &code))
            return HMD_MANIFEST_MALFORMED;
        enum hmd_reason reason = HMD_COMMAND_UNSUPPORTED;
        if (code != HM_SUIT_DIR_TRY_EACH)
            reason = step(run, &r, code);
        else if (command_allowed(run, code))
            reason = try_each(run, &r);
        if (reason != HMD_OK)
            return reason;
    }
    return hmd_cbor_done(&r) ? HMD_OK : HMD_MANIFEST_MALFORMED;
}
