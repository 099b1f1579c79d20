#include "server/door/door_events.h"

#include "schema/log/hm_record.h"

#include <inttypes.h>

void door_event_record(struct hm_buf *out, uint64_t idx, struct hm_bytes record)
{
    struct hm_record r;
    hm_buf_printf(out, "id: %" PRIu64 "\n", idx);
    if (hm_record_parse(record, &r, NULL) == HM_OK)
        hm_buf_printf(out, "event: %s\n", hm_event_name(r.event));
    hm_buf_puts(out, "data: ");
    hm_buf_put(out, record.data, record.len);
    hm_buf_puts(out, "\n\n");
}

/* A reader puts a line end between two data lines, so one more, empty, stands for the last one. */
void door_event_checkpoint(struct hm_buf *out, uint64_t next, struct hm_bytes note)
{
    if (next > 0)
        hm_buf_printf(out, "id: %" PRIu64 "\n", next - 1);
    hm_buf_puts(out, "event: " DOOR_EVENT_CHECKPOINT "\ndata: ");
    for (size_t i = 0; i < note.len; i++) {
        hm_buf_putc(out, note.data[i]);
        if (note.data[i] == '\n')
            hm_buf_puts(out, "data: ");
    }
    hm_buf_puts(out, "\n\n");
}
