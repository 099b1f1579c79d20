/* Numbers of the manifest profile that only the builder and the reader need. */
#ifndef SCHEMA_SUIT_HM_SUIT_PRIV_H
#define SCHEMA_SUIT_HM_SUIT_PRIV_H

#include <stdint.h>

#define HM_SUIT_MANIFEST_VERSION 1
#define HM_SUIT_SLOTS 2
#define HM_SUIT_UINT_MAX HM_NUMBER_MAX
#define HM_SUIT_TIME_MAX UINT64_C(253402300799) /* end of the year 9999 */
#define HM_SUIT_VERSION_GREATER_EQUAL 2         /* draft-ietf-suit-update-management-14 */

/* Reporting policies (draft-ietf-suit-manifest-37 §8.4.7). */
#define HM_SUIT_REPORT_CONDITION 15
#define HM_SUIT_REPORT_SLOT 5
#define HM_SUIT_REPORT_DIRECTIVE 2

#endif
