/* Lines for the journal: "hallmarkd: level: text". Only programs log, once per event; secrets
 * never. */
#ifndef SERVER_IPC_PROC_LOG_H
#define SERVER_IPC_PROC_LOG_H

enum proc_level {
    PROC_DEBUG = 7,
    PROC_INFO = 6,
    PROC_WARNING = 4,
    PROC_ERROR = 3,
};
/* One write(2) to standard error; control characters are escaped. With JOURNAL_STREAM set, the line
 * begins with the sd-daemon(3) priority prefix. Thread-safe. program: a literal. */
void proc_log(const char *program, enum proc_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
