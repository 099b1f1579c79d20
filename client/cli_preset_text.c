/* The presets: documents and what they say. Every rule of a form stands in its notes. */
#include "client/cli_preset.h"

#include <string.h>

#define KEYS_AND_NIGHTLY                                                                           \
    "{'id':'staging','environment':'staging','channels':['beta']},"                                \
    "{'id':'development','environment':'development','channels':['nightly']}]"
#define BETA(group)                                                                                \
    "{'id':'beta','channels':['beta'],'environment':'staging','key':'staging',"                    \
    "'approvals':{'group':'" group "','count':1},'approval_ttl_s':86400,'provenance':{}}"
#define NIGHTLY                                                                                    \
    "{'id':'nightly','channels':['nightly'],'environment':'development','key':'development',"      \
    "'approvals':'none','provenance':'none'}"
#define NIGHTLY_NOTE                                                                               \
    "rule nightly     development: nobody approves. Its key is believed by desk devices only, "    \
    "never\n"                                                                                      \
    "                 by a trust store for production.\n"
#define SUBMITTER_NOTE                                                                             \
    "submitter        your pipeline. It asks, it never approves. It signs requests with its "      \
    "client\n"                                                                                     \
    "                 certificate's key, or with a key of its own (--submitter ID=FILE).\n"        \
    "builder          whose provenance is believed, and the repositories it may build from. Its "  \
    "key\n"                                                                                        \
    "                 is worth more where the build steps cannot reach it.\n"

/* In the usual way and through the broken glass alike. */
#define ENTERPRISE_DEMANDS                                                                         \
    "'separate':['submitter','approver','administrator'],'provenance':{},"                         \
    "'attestations':[{'name':'sbom','predicates':['https://cyclonedx.org/bom',"                    \
    "'https://spdx.dev/Document']}]"

static const struct cli_preset presets[] = {
    {"two-person", "two people, one pipeline",
     "{'people':[{'option':'approver','group':'approvers','least':2,'roles':['approver','"
     "administrator']}],"
     "'administration':{'group':'approvers','count':2},"
     "'keys':[{'id':'production','environment':'production','channels':['stable']}," //
     KEYS_AND_NIGHTLY ",'rules':[{'id':'stable','channels':['stable'],'environment':'production',"
     "'key':'production','approvals':{'group':'approvers','count':2},'provenance':{}}," //
     BETA("approvers") "," NIGHTLY "]}",
     "approvers        the two of you. Give each a second key on a hardware token, so that a lost\n"
     "                 laptop stops nobody: add it to approval_keys.\n"
     "rule stable      production: both approve, within a week. Neither can release alone, and a\n"
     "                 stolen pipeline cannot release at all. A holiday stops it: add a third "
     "person\n"
     "                 to the group before you lower the count.\n"
     "rule beta        staging: one of you approves, within a day.\n" //
     NIGHTLY_NOTE SUBMITTER_NOTE
     "administration   both of you put another policy into force; the root keys can always.\n"},
    {"team", "release managers, security, one pipeline",
     "{'people':[{'option':'approver','group':'release-managers','least':3,'roles':['approver','"
     "administrator']},"
     "{'option':'security','group':'security','least':2,'roles':['approver']}],"
     "'administration':{'group':'release-managers','count':2},"
     "'keys':[{'id':'production','environment':'production','channels':['stable']}," //
     KEYS_AND_NIGHTLY ",'rules':[{'id':'stable','channels':['stable'],'environment':'production',"
     "'key':'production','approvals':{'of':[{'group':'release-managers','count':2},"
     "{'group':'security','count':1}],'veto':['security']},'provenance':{},"
     "'limits':{'no_downgrade':true,'same_bytes':true}}," //
     BETA("release-managers") "," NIGHTLY "]}",
     "release-managers three or more, so that one may be away.\n"
     "security         two or more. Each of them may also stop a release (veto).\n"
     "rule stable      production: two release managers and one of security, three people,\n"
     "                 within a week. Versions never fall, and one version is always the same\n"
     "                 bytes.\n"
     "rule beta        staging: one release manager, within a day.\n" //
     NIGHTLY_NOTE SUBMITTER_NOTE "administration   two release managers put another policy into "
     "force; the root keys can always.\n"},
    {"enterprise", "a key for each product, stages, administrators who approve nothing",
     "{'people':[{'option':'approver','group':'release-managers','least':4,'roles':['approver']},"
     "{'option':'security','group':'security','least':3,'roles':['approver']},"
     "{'option':'administrator','group':'administrators','least':3,'roles':['administrator']}],"
     "'administration':{'group':'administrators','count':2},"
     "'keys':[{'id':'production','per_product':true,'environment':'production','channels':['stable'"
     "]}," //
     KEYS_AND_NIGHTLY ",'rules':[{'id':'stable','per_product':true,'channels':['stable'],"
     "'environment':'production','key':'production','approvals':{'stages':["
     "{'group':'release-managers','count':2},{'group':'security','count':1}],'veto':['security']},"
     "'approval_ttl_s':259200," ENTERPRISE_DEMANDS ",'limits':{'no_downgrade':true,"
     "'same_bytes':true,'size_factor_percent':150},'promotion':{'environment':'staging',"
     "'channels':['beta'],'soak_s':86400}},"
     "{'id':'urgent','per_product':true,'break_glass':true,'channels':['stable'],"
     "'environment':'production','key':'production','approvals':{'of':["
     "{'group':'release-managers','count':3},{'group':'security','count':1}]},"
     "'approval_ttl_s':21600," ENTERPRISE_DEMANDS "}," //
     BETA("release-managers") "," NIGHTLY "]}",
     "release-managers four or more.\n"
     "security         three or more. They look last, at what the release managers approved, and "
     "each\n"
     "                 of them may stop a release (veto).\n"
     "administrators   three or more, none of whom approves releases; two of them put another "
     "policy\n"
     "                 into force. The root keys can always.\n"
     "rule stable.*    production, one key and one rule for each product: first two release "
     "managers,\n"
     "                 then one of security, within three days. A lost key costs one product.\n"
     "                 Nobody who acts here administers the policy (separate). An SBOM of every\n"
     "                 artifact, signed by the builder, is demanded: take attestations away if "
     "your\n"
     "                 pipeline makes none. The very same bytes were released on beta a day ago\n"
     "                 (promotion), versions never fall, one version is always the same bytes,\n"
     "                 and a size that changed by half asks for one more of security.\n"
     "rule urgent.*    without a day on beta, for a release that breaks the glass (hallmark\n"
     "                 submit --break-glass REASON): three release managers and one of security\n"
     "                 at once, within six hours. The reason stands in the record and in front of\n"
     "                 every approver.\n"
     "rule beta        staging: one release manager, within a day.\n" //
     NIGHTLY_NOTE SUBMITTER_NOTE},
};

const struct cli_preset *cli_preset_at(size_t i)
{
    return i < sizeof presets / sizeof presets[0] ? &presets[i] : NULL;
}

const struct cli_preset *cli_preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}
