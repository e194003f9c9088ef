// What Swift needs of libpq. The error field codes are character macros, which the importer does not bring over,
// so they are repeated here as constants of the type PQresultErrorField takes. The eventfd that wakes a connection's
// thread comes along, because the Glibc module does not have it, and so do the parts of posix_spawn that glibc declares
// for _GNU_SOURCE only.
#ifndef CPOSTGRESQL_SHIM_H
#define CPOSTGRESQL_SHIM_H

#include <libpq-fe.h>
#include <spawn.h>
#include <sys/eventfd.h>

static const int clinic_pq_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int clinic_pq_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int clinic_pq_diag_message_primary = PG_DIAG_MESSAGE_PRIMARY;
static const int clinic_pq_diag_constraint_name = PG_DIAG_CONSTRAINT_NAME;
static const int clinic_pq_diag_table_name = PG_DIAG_TABLE_NAME;
static const int clinic_pq_diag_column_name = PG_DIAG_COLUMN_NAME;

static const short clinic_posix_spawn_setsid = 0x80;
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);

#endif
