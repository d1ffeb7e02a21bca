#pragma once

// The functions of libpq that the driver calls. The library is loaded with the first connection: with LDAP
// and Kerberos, which it brings along, it is 3 MiB of memory, and most registries keep their rows in SQLite.

#include <libpq-fe.h>

#include "base/shared_library.h"

namespace entrepot::metadata::sql {

struct Libpq {
  /// kUnavailable when this machine has no libpq. From any thread.
  static Result<> Load();
  /// After Load succeeded.
  static const Libpq& Get();

  explicit Libpq(const SharedLibrary& library);

  decltype(&::PQclear) PQclear;
  decltype(&::PQcmdStatus) PQcmdStatus;
  decltype(&::PQcmdTuples) PQcmdTuples;
  decltype(&::PQconnectdbParams) PQconnectdbParams;
  decltype(&::PQerrorMessage) PQerrorMessage;
  decltype(&::PQexec) PQexec;
  decltype(&::PQexecPrepared) PQexecPrepared;
  decltype(&::PQfinish) PQfinish;
  decltype(&::PQftype) PQftype;
  decltype(&::PQgetisnull) PQgetisnull;
  decltype(&::PQgetlength) PQgetlength;
  decltype(&::PQgetvalue) PQgetvalue;
  decltype(&::PQnfields) PQnfields;
  decltype(&::PQntuples) PQntuples;
  decltype(&::PQprepare) PQprepare;
  decltype(&::PQresultErrorField) PQresultErrorField;
  decltype(&::PQresultErrorMessage) PQresultErrorMessage;
  decltype(&::PQresultStatus) PQresultStatus;
  decltype(&::PQsetNoticeReceiver) PQsetNoticeReceiver;
  decltype(&::PQstatus) PQstatus;
};

}  // namespace entrepot::metadata::sql
